/**
 * Random programs of a timer service with a storage of the user's: what fires when, and what is stored, over restarts,
 * targets that are gone and writes that fail.
 */
import * as fc from 'fast-check'
import { GenServer, type GenServerRef, type TimerAdapter, TimerService, type TimerServiceRef } from 'keelson/otp'
import { afterAll, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { Reach, runsOf, same, sampleOf } from '../../support/programs.ts'
import { createStage, type Stage } from '../../support/system.ts'

const OPERATIONS = ['schedule', 'twice', 'cancel', 'advance', 'restart', 'target', 'mode'] as const
const MODES = ['well', 'well', 'slow', 'no saves', 'no deletes'] as const
const RETRY_MS = 7

interface Op {
  readonly kind: (typeof OPERATIONS)[number]
  readonly id: 'a' | 'b' | 'c'
  readonly target: 'steady' | 'other'
  readonly ms: number
  readonly repeat: number | undefined
  readonly mode: (typeof MODES)[number]
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const program: fc.Arbitrary<{ readonly ops: readonly Op[] }> = fc.record({
  ops: fc.array(
    fc.record({
      kind: often<Op['kind']>(
        ['schedule', 6],
        ['twice', 1],
        ['cancel', 2],
        ['advance', 6],
        ['restart', 2],
        ['target', 1],
        ['mode', 2],
      ),
      id: fc.constantFrom('a', 'b', 'c'),
      target: fc.constantFrom('steady', 'other'),
      ms: fc.integer({ min: 0, max: 30 }),
      repeat: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 2 }),
      mode: fc.constantFrom(...MODES),
    }),
    { minLength: 10, maxLength: 40, size: 'max' },
  ),
})

const reach = new Reach()
afterAll(() => reach.print('timers in an adapter'))

/** A storage that keeps plain text, and fails or waits as it is told to. */
class Storage implements TimerAdapter {
  mode: Op['mode'] = 'well'
  readonly kept = new Map<string, string>()
  readonly #stage: Stage

  constructor(stage: Stage) {
    this.#stage = stage
  }

  async save(key: string, record: object): Promise<void> {
    await this.#work('no saves')
    this.kept.set(key, JSON.stringify(record))
  }

  async load(key: string): Promise<never> {
    await this.#work()
    return JSON.parse(this.kept.get(key) as string) as never
  }

  async delete(key: string): Promise<void> {
    await this.#work('no deletes')
    this.kept.delete(key)
  }

  listKeys(prefix: string): string[] {
    return [...this.kept.keys()].filter((key) => key.startsWith(prefix))
  }

  async #work(fails?: Op['mode']): Promise<void> {
    if (this.mode === 'slow') for (let turn = 0; turn < 3; turn++) await this.#stage.turn()
    if (this.mode === fails) throw new Error(fails)
  }
}

/** A timer as it is stored. */
interface Stored {
  readonly id: string
  readonly target: Op['target']
  readonly message: number
  readonly fireAt: number
  readonly repeat: number | undefined
  /** The number of failed deliveries, of a timer that is not only stored. */
  readonly attempts?: number
}

interface Timer extends Stored {
  /** The time at which it fires or is tried again, and its place among those of the same time. */
  readonly at: number
  readonly order: number
  readonly attempts: number
}

/** Timers and a storage as the documentation has them, from one moment to the next. */
class Naive {
  now = 0
  timers = new Map<string, Timer>()
  readonly stored = new Map<string, Stored>()
  readonly delivered: string[] = []
  mode: Op['mode'] = 'well'
  /** The names that a process has. */
  readonly there = new Set<string>(['steady', 'other'])
  failures = 0
  #orders = 0

  /** Returns whether it is stored; otherwise nothing has changed. */
  schedule(timer: Stored): boolean {
    if (this.mode === 'no saves') {
      const before = this.timers.get(timer.id)
      // The timer that had the id is back, and starts over with its attempts.
      if (before !== undefined) this.#arm(before, Math.max(before.fireAt, this.now), 0)
      return false
    }
    this.stored.set(timer.id, timer)
    this.#arm(timer, timer.fireAt, 0)
    return true
  }

  /** Returns the outcome: whether there was a timer, or the failure of the storage. */
  cancel(id: string): boolean | string {
    if (!this.timers.delete(id)) return false
    if (this.mode === 'no deletes') return this.mode
    this.stored.delete(id)
    return true
  }

  restart(): void {
    this.timers.clear()
    for (const timer of [...this.stored.values()].toSorted((one, other) => one.fireAt - other.fireAt)) {
      this.#arm(timer, Math.max(timer.fireAt, this.now), 0)
    }
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [next] = [...this.timers.values()].toSorted((one, other) => one.at - other.at || one.order - other.order)
      if (next === undefined || next.at > end) break
      this.now = next.at
      this.#fire(next)
    }
    this.now = end
  }

  #arm(timer: Stored, at: number, attempts: number): void {
    const { id, target, message, fireAt, repeat } = timer
    this.timers.set(id, { id, target, message, fireAt, repeat, at, order: ++this.#orders, attempts })
  }

  #fire(timer: Timer): void {
    const { id, target, message, repeat, attempts } = timer
    if (!this.there.has(target)) {
      this.#arm(timer, this.now + RETRY_MS, attempts + 1)
      return
    }
    this.delivered.push(`${message} to ${target} at ${this.now}`)
    if (repeat === undefined) {
      this.timers.delete(id)
      if (this.mode === 'no deletes') this.failures++
      else this.stored.delete(id)
      return
    }
    // It keeps its cadence. Periods that were missed are made up for by one message.
    let { fireAt } = timer
    while (fireAt <= this.now) fireAt += repeat
    const next = { id, target, message, fireAt, repeat }
    this.#arm(next, fireAt, 0)
    if (this.mode === 'no saves') this.failures++
    else this.stored.set(id, next)
  }
}

async function run(stage: Stage, ops: readonly Op[]): Promise<void> {
  const { system, clock } = stage
  const storage = new Storage(stage)
  const naive = new Naive()
  const delivered: string[] = []
  const startTarget = (name: string): Promise<GenServerRef> =>
    GenServer.start(
      {
        init: () => 0,
        handleCast: (message, state) => (delivered.push(`${String(message)} to ${name} at ${clock.monoMs()}`), state),
      },
      { system, name },
    )
  const startTimers = (): Promise<TimerServiceRef> =>
    TimerService.start({ system, adapter: storage, retryMs: RETRY_MS })
  await startTarget('steady')
  let other = await startTarget('other')
  let timers = await startTimers()
  const wallMs = clock.now().wallMs - clock.monoMs()
  let messages = 0

  const schedule = async ({ id, target, ms, repeat }: Op): Promise<void> => {
    const message = ++messages
    const scheduled = naive.schedule({ id, target, message, fireAt: naive.now + ms, repeat })
    const options = { id, ...(repeat !== undefined && { repeat }) }
    const real = TimerService.schedule(timers, target, message, ms, options)
    if (scheduled) same(await real, id)
    else {
      reach.fault('a timer is not stored')
      same((await rejection(real)).message, 'no saves')
    }
  }

  for (const op of ops) {
    const { kind, id, ms, mode } = op
    if (kind === 'schedule') await schedule(op)
    else if (kind === 'twice') await Promise.all([schedule(op), schedule({ ...op, ms: ms + 1 })])
    else if (kind === 'cancel') {
      const wanted = naive.cancel(id)
      const cancelled = TimerService.cancel(timers, id)
      same(typeof wanted === 'string' ? (await rejection(cancelled)).message : await cancelled, wanted)
    } else if (kind === 'advance') {
      await clock.advance(ms)
      naive.advance(ms)
    } else if (kind === 'restart') {
      await TimerService.stop(timers)
      timers = await startTimers()
      naive.restart()
    } else if (kind === 'target') {
      if (naive.there.delete('other')) await GenServer.stop(other)
      else {
        other = await startTarget('other')
        naive.there.add('other')
      }
    } else storage.mode = naive.mode = mode
    // What is due at this very moment fires with the next move of the clock.
    await clock.advance(0)
    naive.advance(0)
    for (let turn = 0; turn < (storage.mode === 'slow' ? 8 : 2); turn++) await stage.turn()
    const kept = [...storage.kept.values()].map((text) => (JSON.parse(text) as { state: Stored }).state)
    const wanted = [...naive.stored.values()]
    same(sorted(kept.map((each) => entry(each, wallMs))), sorted(wanted.map((each) => entry(each, 0))))
    const found = await TimerService.getAll(timers)
    const expected = [...naive.timers.values()]
    same(sorted(found.map((each) => entry(each as never, wallMs))), sorted(expected.map((each) => entry(each, 0))))
    same(delivered, naive.delivered)
    same(stage.reported.length, naive.failures)
  }
  if (naive.failures > 0) reach.fault('a write that nobody waits for failed')
  if ([...naive.timers.values()].some(({ attempts }) => attempts > 0)) reach.fault('a target is gone')
  await TimerService.stop(timers)
  await system.close()
  same(clock.getPendingTimerCount(), 0)
}

const entry = ({ id, target, message, fireAt, repeat, attempts }: Stored, wallMs: number): unknown[] => [
  id,
  target,
  message,
  fireAt - wallMs,
  repeat,
  attempts,
]
const sorted = (entries: unknown[][]): unknown[][] =>
  entries.toSorted(([one], [other]) => ((one as string) < (other as string) ? -1 : 1))

it('timers fire in time and are stored as they stand, over restarts and failed writes', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ ops }) => {
      reach.program(ops.map(({ kind }) => kind))
      await run(createStage(), ops)
    }),
    runsOf('timers in an adapter', 100),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(20)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
