/** How an effect ended: a value, or an error that is one too. */
export type Result<E, A> = { readonly _tag: 'Ok'; readonly value: A } | { readonly _tag: 'Err'; readonly error: E }

/** The error of an effect whose time was over. */
export interface Timeout {
  readonly _tag: 'Timeout'
  /** What one of a timeout says. Not enumerable, so that it compares as `{ _tag: 'Timeout' }`. */
  readonly message?: string
}

/** The error of an effect that was interrupted. */
export interface Interrupted {
  readonly _tag: 'Interrupted'
  /** What `interrupt`, `cancel` or the signal gave, if it gave anything. */
  readonly reason?: unknown
}

export const ok = <A>(value: A): Result<never, A> => ({ _tag: 'Ok', value })
export const err = <E>(error: E): Result<E, never> => ({ _tag: 'Err', error })

/** Compares as `{ _tag: 'Timeout' }`, and remembers how long it was. */
export function timeoutError(timeoutMs: number): Timeout {
  return Object.defineProperties(
    { _tag: 'Timeout' as const },
    { timeoutMs: { value: timeoutMs }, message: { value: `Effect timed out after ${timeoutMs}ms` } },
  ) as Timeout
}

export const interruptedError = (reason: unknown): Interrupted =>
  reason === undefined ? { _tag: 'Interrupted' } : { _tag: 'Interrupted', reason }

/** What a value says it is: a `Result`, a `Timeout`, an `Interrupted`. One that cannot be read says nothing. */
export function tagOf(value: object): unknown {
  try {
    return (value as { readonly _tag?: unknown })._tag
  } catch {
    return undefined
  }
}
