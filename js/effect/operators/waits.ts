/** What a fibre waits for by itself: time, a promise, another fibre. */
import { BaseClock } from '../../clock/base.ts'
import { soon } from '../../clock/host.ts'
import { JoinCycleError } from '../errors.ts'
import type { Fiber, Suspend } from '../fiber/fiber.ts'
import type { FiberNode } from '../fiber/fiber-tree.ts'
import { ERR, INTERRUPTED, OK, Op, SUSPEND } from '../fiber/op.ts'

const suspend = (arg: Suspend): Op => new Op(SUSPEND, undefined, arg, undefined)

/** Nothing, for a while. Interrupted, it ends at once and leaves no timer. */
export function sleepFor(ms: number, site: Error | undefined): Suspend {
  return (fiber, epoch) => {
    if (ms <= 0) {
      // It takes no time, and a loop of it lets the event loop turn.
      fiber.waitsFor = 'its turn'
      fiber.cancelWait = () => fiber.resume(epoch, INTERRUPTED, undefined)
      soon(() => fiber.resume(epoch, OK, undefined))
      return
    }
    const { clock } = fiber
    const wake = (): void => fiber.resume(epoch, OK, undefined)
    fiber.waitsFor = 'a sleep'
    if (clock instanceof BaseClock) {
      // Known as a sleep, so that a clock which nobody moves tells who waits.
      const madeAt = fiber.host.tracing ? (site ?? fiber.site) : undefined
      const id = clock.arm(ms, wake, { kind: 'sleep', ref: true, label: fiber.id, site: madeAt })
      fiber.cancelWait = () => {
        clock.cancelTimer(id)
        fiber.resume(epoch, INTERRUPTED, undefined)
      }
    } else {
      const timer = clock.schedule(ms, wake)
      fiber.cancelWait = () => {
        timer.cancel()
        fiber.resume(epoch, INTERRUPTED, undefined)
      }
    }
  }
}

export const sleepOp = (ms: number): Op => suspend(sleepFor(ms, undefined))

/** The end of another fibre. */
export function joining(target: FiberNode): Suspend {
  return (fiber, epoch) => {
    target.joined = true
    if (target.done) {
      fiber.resumeFrom(epoch, target)
      return
    }
    if (waitsForIt(target, fiber)) {
      fiber.resume(epoch, ERR, new JoinCycleError(fiber.id, target.id))
      return
    }
    awaitEnd(fiber, epoch, target, () => fiber.resumeFrom(epoch, target))
  }
}

/** Interrupts a fibre and waits until it has ended, finalisers included. */
export function interrupting(target: FiberNode, reason: unknown): Suspend {
  return (fiber, epoch) => {
    target.interrupt(reason)
    // Its own end, or that of one it is part of, cannot be waited for.
    if (target.done || isWithin(fiber, target)) fiber.resume(epoch, OK, undefined)
    else awaitEnd(fiber, epoch, target, () => fiber.resume(epoch, OK, undefined))
  }
}

function awaitEnd(fiber: Fiber, epoch: number, target: FiberNode, ended: () => void): void {
  const stop = target.observe(ended)
  fiber.waitsFor = target
  fiber.cancelWait = () => {
    stop()
    fiber.resume(epoch, INTERRUPTED, undefined)
  }
}

function isWithin(fiber: FiberNode | undefined, target: FiberNode): boolean {
  for (let at = fiber; at !== undefined; at = at.parent) if (at === target) return true
  return false
}

/** Whether `target` waits for `fiber`, directly or through others. */
function waitsForIt(target: FiberNode, fiber: FiberNode): boolean {
  let at: FiberNode | string | undefined = target
  for (; typeof at === 'object'; at = at.waitsFor) if (at === fiber) return true
  return false
}
