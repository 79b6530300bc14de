/** Errors of `keelson/process`. */
import { isCode, KeelsonError } from '../errors/base.ts'


export { isTimeoutError } from '../errors/errors.ts'

/** An ask got no answer in time. If its handler had not begun, it never will; a late reply is dropped. */
export class TimeoutError extends BaseTimeoutError {
  constructor(message: string, timeoutMs: number) {
    super('an ask', timeoutMs, message)
  }
}

/** A process of `keelson/process` did not take a message or answer it, or ended. `cause` says why, where there is a reason. */
export class ProcessError extends KeelsonError {
  static readonly code = 'KEELSON_PROCESS'
  readonly code = 'KEELSON_PROCESS'
  /** Which process. */
  readonly processId: string
  constructor(message: string, processId: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.processId = processId
  }
}

/** Guard for {@link ProcessError}. */
export const isProcessError: (error: unknown) => error is ProcessError = isCode(ProcessError.code)
