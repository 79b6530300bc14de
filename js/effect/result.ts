import { ERR, type ExitKind, OK } from './op.ts'

/** How an effect ended: a value, or an error that is one too. */
export type Result<E, A> = { readonly _tag: 'Ok'; readonly value: A } | { readonly _tag: 'Err'; readonly error: E }

/** The error of an effect whose time was over. */
export interface Timeout {
  readonly _tag: 'Timeout'
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
  return Object.defineProperty({ _tag: 'Timeout' }, 'timeoutMs', { value: timeoutMs }) as Timeout
}

export const interruptedError = (reason: unknown): Interrupted =>
  reason === undefined ? { _tag: 'Interrupted' } : { _tag: 'Interrupted', reason }

interface Tagged {
  readonly _tag?: unknown
  readonly value?: unknown
  readonly error?: unknown
}

/** Whether what a body gave back is a failure: a `Result` says so itself, anything else is a value. */
export const liftedKind = (given: unknown): ExitKind =>
  typeof given === 'object' && given !== null && (given as Tagged)._tag === 'Err' && 'error' in given ? ERR : OK

/** The value or error in what a body gave back. */
export function liftedValue(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given
  const { _tag } = given as Tagged
  if (_tag === 'Ok' && 'value' in given) return given.value
  return _tag === 'Err' && 'error' in given ? given.error : given
}
