/** The error of values that cannot become bytes. */
import { isCode, KeelsonError } from '../errors/base.ts'

/** A value cannot become bytes and come back the same: see `reason` and `path`. Nothing was stored. */
export class NotPlainError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_PLAIN'
  readonly code = 'KEELSON_NOT_PLAIN'
  /** The path from the value down: `data.user.callback`. */
  readonly path: string
  /** The kind of value there: `a function`, `a cycle`. */
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${path} is ${reason}, and only plain data can be stored or shared`)
    this.path = path
    this.reason = reason
  }
}

/** Guard for {@link NotPlainError}. */
export const isNotPlainError: (error: unknown) => error is NotPlainError = isCode(NotPlainError.code)
