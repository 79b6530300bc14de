/** Outcomes of effects as values. Imports nothing, so that every other file may import it. */

/** The outcome of an effect as a value: `Ok` with its value, or `Err` with its error. */
export type Result<E, A> = { readonly _tag: 'Ok'; readonly value: A } | { readonly _tag: 'Err'; readonly error: E }

/** The error of an effect that took longer than its timeout. */
export interface Timeout {
  /** Tells it from other errors. */
  readonly _tag: 'Timeout'
  /** A text with the time. Not enumerable, so that the error compares as `{ _tag: 'Timeout' }`. */
  readonly message?: string
}

/** The error of an effect that was interrupted. */
export interface Interrupted {
  /** Tells it from other errors. */
  readonly _tag: 'Interrupted'
  /** The reason, from `interrupt`, `cancel` or the signal, if there was one. */
  readonly reason?: unknown
}

/** Returns a `Result` with a value. */
export const ok = <A>(value: A): Result<never, A> => ({ _tag: 'Ok', value })
/** Returns a `Result` with an error. */
export const err = <E>(error: E): Result<E, never> => ({ _tag: 'Err', error })

/** Returns the error of a timeout. Its time and message are not enumerable, so it compares as `{ _tag: 'Timeout' }`. */
export function timeoutError(timeoutMs: number): Timeout {
  return Object.defineProperties(
    { _tag: 'Timeout' as const },
    { timeoutMs: { value: timeoutMs }, message: { value: `Effect timed out after ${timeoutMs}ms` } },
  ) as Timeout
}

/** Returns the error of an interrupt. */
export const interruptedError = (reason: unknown): Interrupted =>
  reason === undefined ? { _tag: 'Interrupted' } : { _tag: 'Interrupted', reason }

/** Returns the `_tag` of a value; `undefined` for one that cannot be read. */
export function tagOf(value: object): unknown {
  try {
    return (value as { readonly _tag?: unknown })._tag
  } catch {
    return undefined
  }
}
