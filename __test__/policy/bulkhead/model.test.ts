/** Random programs on a bulkhead that is resized and paused, against lists that are searched in full. */
import * as fc from 'fast-check'
import { bulkhead } from 'keelson/effect'
import { afterAll, expect, it } from 'vitest'

import { useWorld } from '../../support/policies.ts'
import { Reach, runsOf, sampleOf } from '../../support/programs.ts'

const world = useWorld()
const reach = new Reach()
afterAll(() => reach.print('bulkheads'))

type Op =
  | { readonly kind: 'call'; readonly priority: number | undefined }
  | { readonly kind: 'end' | 'abort'; readonly which: number }
  | { readonly kind: 'resize'; readonly limit: number }
  | { readonly kind: 'pause' | 'resume' | 'clear' | 'idle' }

const OPERATIONS = ['call', 'end', 'abort', 'resize', 'pause', 'resume', 'clear', 'idle']
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('call'),
      priority: fc.option(fc.integer({ min: -2, max: 3 }), { nil: undefined }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('end'), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('abort'), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resize'), limit: fc.integer({ min: 1, max: 4 }) }) },
  ...(['pause', 'resume', 'clear', 'idle'] as const).map((kind) => ({
    weight: kind === 'clear' ? 1 : 2,
    arbitrary: fc.record({ kind: fc.constant(kind) }),
  })),
) as fc.Arbitrary<Op>
const program = fc.record({
  limit: fc.integer({ min: 1, max: 3 }),
  queue: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 4 })),
  ops: fc.array(op, { minLength: 20, maxLength: 60, size: 'max' }),
})

interface Call {
  readonly id: number
  readonly priority: number
}

/** The bulkhead that the lists describe: the first of the queue is the next to run. */
class Model {
  readonly running: Call[] = []
  queue: Call[] = []
  readonly begun: number[] = []
  isPaused = false
  limit: number
  readonly #room: number

  constructor(limit: number, room: number) {
    this.limit = limit
    this.#room = room
  }

  call(call: Call): 'runs' | 'waits' | 'full' {
    if (!this.isPaused && this.running.length < this.limit) {
      this.#begin(call)
      return 'runs'
    }
    if (this.queue.length >= this.#room) return 'full'
    const at = this.queue.findIndex(({ priority }) => priority < call.priority)
    this.queue.splice(at < 0 ? this.queue.length : at, 0, call)
    return 'waits'
  }

  fill(): void {
    while (!this.isPaused && this.running.length < this.limit && this.queue.length > 0) {
      this.#begin(this.queue.shift() as Call)
    }
  }

  #begin(call: Call): void {
    this.running.push(call)
    this.begun.push(call.id)
  }
}

it('a bulkhead runs what the lists say, in that order, whatever is resized, paused or aborted', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ limit, queue, ops }) => {
      const policy = bulkhead({ system: world.system, limit, queue })
      const model = new Model(limit, queue)
      const begun: number[] = []
      const ends = new Map<number, () => void>()
      const aborts = new Map<number, AbortController>()
      const settled: number[] = []
      const idle: { isDone: boolean }[] = []
      const flush = async (): Promise<void> => {
        for (let turn = 0; turn < 8; turn++) await Promise.resolve()
      }
      reach.program(ops.map(({ kind }) => kind))
      for (const each of ops) {
        if (each.kind === 'call') {
          const id = settled.length
          const controller = new AbortController()
          const task = (): Promise<void> => {
            begun.push(id)
            return new Promise((resolve) => ends.set(id, resolve))
          }
          const count = (): void => void ((settled[id] as number) += 1)
          settled.push(0)
          aborts.set(id, controller)
          policy.execute(task, { signal: controller.signal, priority: each.priority }).then(count, count)
          if (model.call({ id, priority: each.priority ?? 0 }) === 'full') reach.fault('full')
        } else if (each.kind === 'end') {
          const [call] = model.running.splice(each.which % (model.running.length || 1), 1)
          if (call !== undefined) ends.get(call.id)?.()
          model.fill()
        } else if (each.kind === 'abort') {
          // A call that runs keeps its permit until its task has ended.
          const [call] = model.queue.splice(each.which % (model.queue.length || 1), 1)
          if (call !== undefined) {
            reach.fault('aborted in the queue')
            aborts.get(call.id)?.abort('enough')
          }
        } else if (each.kind === 'resize') {
          policy.resize(each.limit)
          model.limit = each.limit
          model.fill()
        } else if (each.kind === 'pause') {
          policy.pause()
          model.isPaused = true
        } else if (each.kind === 'resume') {
          policy.resume()
          model.isPaused = false
          model.fill()
        } else if (each.kind === 'clear') {
          policy.clear()
          model.queue = []
        } else {
          const waits = { isDone: false }
          idle.push(waits)
          void policy.whenIdle().then(() => {
            waits.isDone = true
          })
        }
        await flush()
        expect(begun).toEqual(model.begun)
        const isIdle = model.running.length === 0 && model.queue.length === 0
        expect([policy.stats.active, policy.stats.queued]).toEqual([model.running.length, model.queue.length])
        if (isIdle) expect(idle.every(({ isDone }) => isDone)).toBe(true)
        else if (each.kind === 'idle') expect(idle.at(-1)?.isDone).toBe(false)
      }
      policy.resume()
      model.isPaused = false
      model.fill()
      while (model.running.length > 0) {
        await flush()
        ends.get((model.running.shift() as Call).id)?.()
        model.fill()
      }
      await flush()
      expect(settled.every((times) => times === 1)).toBe(true)
      expect([policy.stats.active, policy.stats.queued, begun]).toEqual([0, 0, model.begun])
      expect(idle.every(({ isDone }) => isDone)).toBe(true)
    }),
    runsOf('bulkheads', 200),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(30)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
