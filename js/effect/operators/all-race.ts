/** Operators over several effects: all of them, and the first of them. */
import type { FiberCore, Suspend } from '../fiber/fiber-core.ts'
import { INTERRUPTED, OK, type Op } from '../fiber/op.ts'

/**
 * Runs a number of effects, at most `concurrency` at a time, in their order. The first failure interrupts the others,
 * and is the outcome once they have ended.
 *
 * @param effectAt - Returns the effect with an index, when it starts.
 */
export function allOf(count: number, effectAt: (index: number) => Op, concurrency: number): Suspend {
  return (fiber, epoch) => {
    const values: unknown[] = Array.from({ length: count })
    const active = new Set<FiberCore>()
    let next = 0
    let failed: FiberCore | undefined
    let starting = false
    const stopOthers = (reason: unknown): void => {
      for (const child of [...active].toReversed()) child.interrupt(reason)
    }
    const onEnd = (child: FiberCore, index: number): void => {
      if (child.kind === OK) values[index] = child.value
      else if (failed === undefined) {
        failed = child
        stopOthers(undefined)
      }
    }
    const proceed = (): void => {
      // A branch that ends during its start must not start the next one recursively.
      if (starting) return
      starting = true
      // oxlint-disable-next-line no-unmodified-loop-condition -- a branch that ends during its start sets it
      while (next < count && active.size < concurrency && failed === undefined && !fiber.interruptNow) {
        const index = next++
        const child = fiber.spawn(effectAt(index), BRANCH)
        if (child.done) onEnd(child, index)
        else {
          active.add(child)
          child.observe(() => {
            active.delete(child)
            onEnd(child, index)
            proceed()
          })
        }
      }
      starting = false
      if (active.size > 0) return
      if (fiber.interruptNow) fiber.resume(epoch, INTERRUPTED, undefined)
      else if (failed === undefined) fiber.resume(epoch, OK, values)
      else fiber.resumeFrom(epoch, failed)
    }
    fiber.waitsFor = 'all of its branches'
    fiber.cancelWait = () => {
      stopOthers(fiber.reason)
      if (active.size === 0) proceed()
    }
    proceed()
  }
}

/**
 * Runs all effects. The first to end, with success or failure, interrupts the others, and is the outcome once they have
 * ended.
 */
export function firstOf(effects: readonly Op[]): Suspend {
  return (fiber, epoch) => {
    const active = new Set<FiberCore>()
    let winner: FiberCore | undefined
    let starting = true
    const finish = (): void => {
      if (starting || active.size > 0) return
      if (winner === undefined || fiber.interruptNow) fiber.resume(epoch, INTERRUPTED, undefined)
      else fiber.resumeFrom(epoch, winner)
    }
    const onEnd = (child: FiberCore): void => {
      if (winner !== undefined) return
      winner = child
      for (const other of [...active].toReversed()) other.interrupt(undefined)
    }
    fiber.waitsFor = 'the first of its branches'
    fiber.cancelWait = () => {
      for (const child of [...active].toReversed()) child.interrupt(fiber.reason)
      finish()
    }
    for (const op of effects) {
      if (winner !== undefined || fiber.interruptNow) break
      const child = fiber.spawn(op, BRANCH)
      if (child.done) onEnd(child)
      else {
        active.add(child)
        child.observe(() => {
          active.delete(child)
          onEnd(child)
          finish()
        })
      }
    }
    starting = false
    finish()
  }
}

const BRANCH = 'a branch'
