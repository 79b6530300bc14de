/** What the promise of a run is settled with. */
import { TimeoutError } from '../../errors/errors.ts'
import { isError } from '../../internal/thrown-values.ts'
import { EffectFailedError, InterruptedError } from '../errors.ts'
import { ERR, type ExitKind, OK } from './op.ts'
import { err, interruptedError, ok, type Result } from '../result.ts'

/** How a run has ended. */
export interface Ended {
  readonly kind: ExitKind
  readonly value: unknown
  readonly reason: unknown
}

/** What a promise is settled with when a run has ended; it throws what the promise rejects with. */
export type Settle = (ended: Ended) => unknown

/** How a fibre has ended, as a value. */
export function resultOf(fiber: Ended): Result<unknown, unknown> {
  if (fiber.kind === OK) return ok(fiber.value)
  return err(fiber.kind === ERR ? fiber.value : interruptedError(fiber.reason))
}

/** Its value; or throws the error that stands for how it has ended. */
export const valueOrThrow: Settle = (ended) => {
  if (ended.kind === OK) return ended.value
  throw thrown(ended.kind === ERR ? ended.value : interruptedError(ended.reason))
}

/** The error that stands for a failure. */
function thrown(error: unknown): unknown {
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
    // What cannot be read is no failure of ours.
  }
  return new EffectFailedError(error)
}
