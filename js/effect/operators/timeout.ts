import { limitOn } from '../../clock/internal-timers.ts'
import { type EffectEmit, emitEvent } from '../events.ts'
import type { Suspend } from '../fiber/fiber-core.ts'
import { ERR, INTERRUPTED, type Op } from '../fiber/op.ts'
import { type Timeout, timeoutError } from '../result.ts'

/**
 * Runs the source as a child. When the time is over, interrupts it, waits for its finalisers, and fails with `Timeout`.
 * The timer is cancelled when the child ends.
 *
 * This is no layer over the policy `timeout()`: that one rejects at once without waiting for its task, and its error is
 * a `TimeoutError`. `withPolicy(timeout(ms))` waits as this does; under it the error is a `TimeoutError`.
 */
export function withTimeout(source: Op, timeoutMs: number, emit: EffectEmit | undefined): Suspend {
  return (fiber, epoch) => {
    const effectId = emit === undefined ? '' : `effect-${fiber.host.nextId()}`
    emitEvent(emit, fiber, effectId, { type: 'effect:timeout:start', timeoutMs })
    const child = fiber.spawn(source, 'what a timeout bounds')
    if (child.done) {
      fiber.resumeFrom(epoch, child)
      return
    }
    let error: Timeout | undefined
    const timer = limitOn(fiber.clock, timeoutMs, 'the timeout of an effect', () => {
      error = timeoutError(timeoutMs)
      emitEvent(emit, fiber, effectId, { type: 'effect:timeout:triggered', timeoutMs })
      child.interrupt(error)
    })
    child.observe(() => {
      timer.cancel()
      if (error !== undefined && child.kind === INTERRUPTED && !fiber.interruptNow) fiber.resume(epoch, ERR, error)
      else fiber.resumeFrom(epoch, child)
    })
    fiber.waitsFor = child
    fiber.cancelWait = () => child.interrupt(fiber.reason)
  }
}
