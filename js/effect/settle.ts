/** What the promise of a run is settled with. */
import { types } from 'node:util'
import { TimeoutError } from '../errors.ts'
import { EffectFailedError, InterruptedError } from './errors.ts'
import { ERR, type ExitKind, OK } from './op.ts'
import { err, interruptedError, ok, type Result } from './result.ts'

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
  if (error instanceof Error || types.isNativeError(error)) return error
  const { _tag, timeoutMs, reason } = (error ?? {}) as { _tag?: unknown; timeoutMs?: number; reason?: unknown }
  if (_tag === 'Timeout') {
    const after = timeoutMs === undefined ? '' : ` after ${timeoutMs}ms`
    return new TimeoutError('an effect', timeoutMs ?? 0, `Effect timed out${after}`)
  }
  return _tag === 'Interrupted' ? new InterruptedError(reason) : new EffectFailedError(error)
}
