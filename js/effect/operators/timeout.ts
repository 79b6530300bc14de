import { limitOn } from '../../clock/internal-timers.ts'
import { type EffectEmit, tell } from '../events.ts'
import type { Suspend } from '../fiber/fiber.ts'
import { ERR, INTERRUPTED, type Op } from '../fiber/op.ts'
import { type Timeout, timeoutError } from '../result.ts'

/** Interrupts what takes longer, waits for its finalisers, and fails. The timer goes with whatever ends first. */
export function timingOut(source: Op, timeoutMs: number, emit: EffectEmit | undefined): Suspend {
  return (fiber, epoch) => {
    const effectId = emit === undefined ? '' : `effect-${fiber.host.nextId()}`
    tell(emit, fiber, effectId, { type: 'effect:timeout:start', timeoutMs })
    const child = fiber.spawn(source, 'what a timeout bounds')
    if (child.done) {
      fiber.resumeFrom(epoch, child)
      return
    }
    let error: Timeout | undefined
    const timer = limitOn(fiber.clock, timeoutMs, 'the timeout of an effect', () => {
      error = timeoutError(timeoutMs)
      tell(emit, fiber, effectId, { type: 'effect:timeout:triggered', timeoutMs })
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
