/** Errors of `keelson/process`. */
import { isCode, KeelsonError } from '../errors/base.ts'
import { TimeoutError as BaseTimeoutError } from '../errors/errors.ts'

export { isTimeoutError } from '../errors/errors.ts'

/**
 * An ask got no answer in time. If its handler had not begun, it never will; a late reply is dropped. It is a
 * `TimeoutError` of `keelson` with the message of an ask.
 */
export class TimeoutError extends BaseTimeoutError {
  constructor(message: string, timeoutMs: number) {
    super('an ask', timeoutMs, message)
  }
}

/**
 * A process of `keelson/process` refused a message, did not answer it, or ended. `cause` has the reason, if there is
 * one.
 */
export class ProcessError extends KeelsonError {
  static readonly code = 'KEELSON_PROCESS'
  readonly code = 'KEELSON_PROCESS'
  /** The id of the process. */
  readonly processId: string
  constructor(message: string, processId: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.processId = processId
  }
}

/** Returns whether a value is a {@link ProcessError}, of any copy of the package. */
export const isProcessError: (error: unknown) => error is ProcessError = isCode(ProcessError.code)
