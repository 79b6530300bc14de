/** Operators that wait: for time, and for another fibre. */
import { BaseClock } from '../../clock/base.ts'
import { soon } from '../../clock/host.ts'
import { JoinCycleError } from '../errors.ts'
import type { FiberCore, Suspend } from '../fiber/fiber-core.ts'
import type { FiberNode } from '../fiber/fiber-tree.ts'
import { ERR, INTERRUPTED, OK, Op, SUSPEND } from '../fiber/op.ts'

const suspend = (arg: Suspend): Op => new Op(SUSPEND, undefined, arg, undefined)

/** Waits for a time. An interrupt ends the wait at once and cancels the timer. */
export function sleepFor(ms: number, site: Error | undefined): Suspend {
  return (fiber, epoch) => {
    if (ms <= 0) {
      // No timer, but a turn of the event loop, so that a loop of such sleeps does not block it.
      fiber.waitsFor = 'its turn'
      fiber.cancelWait = () => fiber.resume(epoch, INTERRUPTED, undefined)
      soon(() => fiber.resume(epoch, OK, undefined))
      return
    }
    const { clock } = fiber
    const wake = (): void => fiber.resume(epoch, OK, undefined)
    fiber.waitsFor = 'a sleep'
    if (clock instanceof BaseClock) {
      // Marked as a sleep, so that a controlled clock that is not advanced can report who waits.
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

/** Returns the operation that waits for a time. */
export const sleepOp = (ms: number): Op => suspend(sleepFor(ms, undefined))

/** Waits for the end of another fibre, and ends as it did. Fails if that fibre waits for this one. */
export function joinFiber(target: FiberNode): Suspend {
  return (fiber, epoch) => {
    target.joined = true
    if (target.done) {
      fiber.resumeFrom(epoch, target)
      return
    }
    if (waitsTransitively(target, fiber)) {
      fiber.resume(epoch, ERR, new JoinCycleError(fiber.id, target.id))
      return
    }
    awaitEnd(fiber, epoch, target, () => fiber.resumeFrom(epoch, target))
  }
}

/** Interrupts a fibre and waits for its end, with its finalisers. */
export function interruptFiber(target: FiberNode, reason: unknown): Suspend {
  return (fiber, epoch) => {
    target.interrupt(reason)
    // A fibre cannot wait for its own end, or for that of an ancestor.
    if (target.done || isWithin(fiber, target)) fiber.resume(epoch, OK, undefined)
    else awaitEnd(fiber, epoch, target, () => fiber.resume(epoch, OK, undefined))
  }
}

function awaitEnd(fiber: FiberCore, epoch: number, target: FiberNode, ended: () => void): void {
  const stop = target.observe(ended)
  fiber.waitsFor = target
  fiber.cancelWait = () => {
    stop()
    fiber.resume(epoch, INTERRUPTED, undefined)
  }
}

/** Returns whether `fiber` is `target` or one of its descendants. */
function isWithin(fiber: FiberNode | undefined, target: FiberNode): boolean {
  for (let at = fiber; at !== undefined; at = at.parent) if (at === target) return true
  return false
}

/** Returns whether `target` waits for `fiber`, directly or through other fibres. */
function waitsTransitively(target: FiberNode, fiber: FiberNode): boolean {
  let at: FiberNode | string | undefined = target
  for (; typeof at === 'object'; at = at.waitsFor) if (at === fiber) return true
  return false
}
