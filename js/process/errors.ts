import { TimeoutError as BaseTimeoutError } from '../errors/errors.ts'

export { isProcessError, isTimeoutError, ProcessError } from '../errors/errors.ts'

/** An ask got no answer in time. If its handler had not begun, it never will; a late reply is dropped. */
export class TimeoutError extends BaseTimeoutError {
  constructor(message: string, timeoutMs: number) {
    super('an ask', timeoutMs, message)
  }
}
