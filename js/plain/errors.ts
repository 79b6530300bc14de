/** The error of values that cannot become bytes. */
import { isCode, KeelsonError } from '../errors/base.ts'

/**
 * A value cannot be stored or shared, because it is not plain data: JSON, `undefined`, NaN, bigint, `Date`, `Map`,
 * `Set` and bytes. Durable journals, shared atoms, shared caches and timer services throw it; nothing was stored.
 */
export class NotPlainError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_PLAIN'
  readonly code = 'KEELSON_NOT_PLAIN'
  /** The path to the part that is not plain: `data.user.callback`. */
  readonly path: string
  /** The kind of that part: `a function`, `a cycle`. */
  readonly reason: string
  constructor(path: string, reason: string) {
    super(`${path} is ${reason}, and only plain data can be stored or shared`)
    this.path = path
    this.reason = reason
  }
}

/** Returns whether a value is a {@link NotPlainError}, of any copy of the package. */
export const isNotPlainError: (error: unknown) => error is NotPlainError = isCode(NotPlainError.code)
