/** The outcome of a fibre as a value, or as an error to throw. */
import { TimeoutError } from '../../errors/errors.ts'
import { isError } from '../../internal/thrown-values.ts'
import { EffectFailedError, InterruptedError } from '../errors.ts'
import { err, interruptedError, ok, type Result } from '../result.ts'
import { ERR, type FiberExitKind, OK } from './op.ts'

/** The outcome of a run or a fibre. */
export interface FiberExit {
  readonly kind: FiberExitKind
  readonly value: unknown
  readonly reason: unknown
}

/** Returns the value that the promise of a run resolves with, or throws the error that it rejects with. */
export type Settle = (ended: FiberExit) => unknown

/** Returns an outcome as a `Result`. */
export function resultOf(exit: FiberExit): Result<unknown, unknown> {
  if (exit.kind === OK) return ok(exit.value)
  return err(exit.kind === ERR ? exit.value : interruptedError(exit.reason))
}

/** Returns the value of an outcome, or throws the error for it. */
export const valueOrThrow: Settle = (exit) => {
  if (exit.kind === OK) return exit.value
  throw errorOf(exit.kind === ERR ? exit.value : interruptedError(exit.reason))
}

/** Returns the error to throw for a failure: the failure itself if it is an error. */
function errorOf(error: unknown): unknown {
  if (isError(error)) return error
  try {
    const { _tag, timeoutMs, reason } = (error ?? {}) as { _tag?: unknown; timeoutMs?: unknown; reason?: unknown }
    if (_tag === 'Timeout') {
      const known = typeof timeoutMs === 'number'
      return new TimeoutError(
        'an effect',
        known ? timeoutMs : 0,
        `Effect timed out${known ? ` after ${timeoutMs}ms` : ''}`,
      )
    }
    if (_tag === 'Interrupted') return new InterruptedError(reason)
  } catch {
    // A value that cannot be read is neither of the two.
  }
  return new EffectFailedError(error)
}
