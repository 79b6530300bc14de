/** Random programs of fibres that share a queue, a semaphore and a deferred value, and interrupt one another. */
import * as fc from 'fast-check'
import { Deferred, type Effect, effect, Queue, Semaphore } from 'keelson/effect'
import { leaksOf } from 'keelson/testing'
import { afterAll, expect, it } from 'vitest'

import { watched } from '../../support/promises.ts'
import { Reach, runsOf, same, sampleOf } from '../../support/programs.ts'
import { createStage } from '../../support/system.ts'

const reach = new Reach()
afterAll(() => reach.print('queues, semaphores and deferred values'))

interface Op {
  readonly kind: 'offer' | 'take' | 'hold' | 'end' | 'await' | 'abort' | 'flush' | 'complete' | 'shutdown'
  readonly which: number
  /** When the fibre goes on, it interrupts another on that very stack. */
  readonly interrupts: boolean
}

const OPERATIONS = ['offer', 'take', 'hold', 'end', 'await', 'abort', 'flush']
const weights = { offer: 8, take: 8, hold: 6, end: 4, await: 2, abort: 4, flush: 4, complete: 0.3, shutdown: 0.2 }
const op: fc.Arbitrary<Op> = fc.oneof(
  ...Object.entries(weights).map(([kind, weight]) => ({
    weight: weight * 10,
    arbitrary: fc.record({
      kind: fc.constant(kind as Op['kind']),
      which: fc.nat(30),
      interrupts: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
  })),
)
const program = fc.record({
  capacity: fc.integer({ min: 1, max: 3 }),
  permits: fc.integer({ min: 1, max: 4 }),
  ops: fc.array(op, { minLength: 30, maxLength: 80, size: 'max' }),
})

interface Started {
  readonly controller: AbortController
  isOver: boolean
}

it('no item is lost or taken twice, no permit is lost, and every wait ends', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ capacity, permits, ops }) => {
      // Of its own: a system lets the event loop turn after 8192 operations, which changes the order of requests.
      const { system, turn: turnOfLoop, reported } = createStage()
      const queue = Queue.bounded<number>(capacity)
      const semaphore = Semaphore.make(permits)
      const value = Deferred.make<never, number>()
      const started: Started[] = []
      const all: Promise<unknown>[] = []
      const accepted: number[] = []
      const taken: number[] = []
      const granted: number[] = []
      const ends: (() => void)[] = []
      let [items, requests, inUse] = [0, 0, 0]
      let isPlain = true
      const abortOne = (which: number): void => {
        const running = started.filter(({ isOver, controller }) => !isOver && !controller.signal.aborted)
        running[which % (running.length || 1)]?.controller.abort('stop')
      }
      /** Runs an effect as a fibre of its own, and calls `then` as its next step. */
      const run = <A>(work: Effect<unknown, A>, { which, interrupts }: Op, then: (got: A) => void): void => {
        const one: Started = { controller: new AbortController(), isOver: false }
        started.push(one)
        if (interrupts) isPlain = false
        const next = work.map((got) => {
          then(got)
          if (!interrupts) return
          reach.fault('interrupts another on its stack')
          abortOne(which)
        })
        const result = next.unsafeRunPromise({ system, signal: one.controller.signal })
        all.push(result.then(() => void (one.isOver = true)))
      }
      reach.program(ops.map(({ kind }) => kind))
      for (const each of ops) {
        if (each.kind === 'offer') {
          const item = ++items
          run(queue.offer(item), each, () => accepted.push(item))
        } else if (each.kind === 'take') run(queue.take(), each, (item) => taken.push(item))
        else if (each.kind === 'hold') {
          const request = ++requests
          const count = 1 + (each.which % permits)
          const held = effect(async () => {
            granted.push(request)
            inUse += count
            same(inUse <= permits, true)
            await new Promise<void>((resolve) => ends.push(resolve))
            inUse -= count
          })
          run(semaphore.withPermits(count)(held), each, () => undefined)
        } else if (each.kind === 'end') ends.splice(each.which % (ends.length || 1), 1)[0]?.()
        else if (each.kind === 'await') run(value.await(), each, (got) => same(got, 7))
        else if (each.kind === 'abort') abortOne(each.which)
        else if (each.kind === 'flush') for (let turn = 0; turn < 10; turn++) await Promise.resolve()
        else if (each.kind === 'complete') await value.succeed(7).run({ system })
        else await queue.shutdown().run({ system })
        const { available } = semaphore
        same([available, available >= 0 && available <= permits], [available, true])
      }
      // What waits ends; what is left in the queue can be taken.
      await queue.shutdown().run({ system })
      await value.succeed(7).run({ system })
      const end = watched(Promise.all(all))
      for (let turn = 0; end.state() === 'pending'; turn++) {
        same(turn < 10_000, true)
        for (const release of ends.splice(0)) release()
        // Now and then fibres wait for a turn of the event loop.
        if (turn % 50 === 49) await turnOfLoop()
        else await Promise.resolve()
      }
      const left: number[] = []
      while (queue.size > 0) left.push(await queue.take().run({ system }))
      const sorted = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b)
      // An offer whose fibre is interrupted once its item was accepted does not say so.
      const reachedTakers = [...taken, ...left]
      expect(new Set(reachedTakers).size).toBe(reachedTakers.length)
      expect(accepted.filter((item) => !reachedTakers.includes(item))).toEqual([])
      if (isPlain) {
        expect(sorted(reachedTakers)).toEqual(sorted(accepted))
        expect(reachedTakers).toEqual(sorted(reachedTakers))
      }
      expect([semaphore.available, inUse]).toEqual([permits, 0])
      expect(granted).toEqual(sorted(granted))
      expect([leaksOf(system), reported]).toEqual([[], []])
      await system.close()
    }),
    runsOf('queues, semaphores and deferred values', 150),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(40)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
