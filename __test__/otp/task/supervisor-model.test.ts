/**
 * Random programs of `Task.Supervisor`: tasks and lists of tasks that take their time, fail and are cancelled, against a
 * timetable that is worked out beforehand.
 */
import * as fc from 'fast-check'
import { Supervisor, Task, type TaskHandle, type TaskSupervisorRef } from 'keelson/otp'
import { afterAll, expect, it } from 'vitest'

import { Reach, runsOf, same, sampleOf } from '../../support/programs.ts'
import { createStage, type Stage } from '../../support/system.ts'

const OPERATIONS = ['task', 'shutdown', 'advance', 'list', 'settled', 'continue', 'unordered'] as const

interface Item {
  readonly fails: boolean
  /** Its function ends when its signal aborts. */
  readonly heeds: boolean
}

interface Op extends Item {
  readonly kind: (typeof OPERATIONS)[number]
  readonly ms: number
  /** The longest wait for a task, or the longest time of an item; `undefined` for no limit. */
  readonly limit: number | undefined
  readonly items: readonly Item[]
  readonly concurrency: number
  readonly n: number
}

const often = <T>(...weighted: [T, number][]): fc.Arbitrary<T> =>
  fc.oneof(...weighted.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })))

const item = { fails: often([false, 4], [true, 1]), heeds: fc.boolean() }
const program: fc.Arbitrary<{ readonly ops: readonly Op[] }> = fc.record({
  ops: fc.array(
    fc.record({
      kind: often<Op['kind']>(
        ['task', 5],
        ['shutdown', 2],
        ['advance', 6],
        ['list', 1],
        ['settled', 1],
        ['continue', 1],
        ['unordered', 1],
      ),
      ms: fc.integer({ min: 0, max: 40 }),
      limit: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 2 }),
      items: fc.array(fc.record(item), { maxLength: 6 }),
      concurrency: fc.integer({ min: 1, max: 7 }),
      n: fc.nat(20),
      ...item,
    }),
    { minLength: 10, maxLength: 30, size: 'max' },
  ),
})

const reach = new Reach()
afterAll(() => reach.print('supervised tasks'))

/** The time of an item: each sum of such times is another, so no two ends come at the same time. */
const timeOf = (index: number): number => 2 ** (index + 1)

/** A function of a task as the timetable has it: it runs from one time to another. */
interface Run {
  readonly from: number
  to: number
  readonly heeds: boolean
  readonly fails: boolean
  /** It is cancelled at some time: what it throws then is nobody's. */
  isCancelled: boolean
}

/** An outcome that is due: at a time, as text. */
interface Due {
  at: number
  text: string
}

/** Works out when each item of a list runs, and what comes of the list. */
function timetable(op: Op, now: number): { runs: Run[]; due: Due } {
  const { kind, items, concurrency } = op
  // Errors of time come at equal times, so only lists in order have them.
  const limit = (kind === 'settled' || kind === 'continue') && op.limit !== undefined ? 2 * op.limit + 1 : Infinity
  const free = Array.from({ length: Math.min(concurrency, items.length) }, () => now)
  const runs: Run[] = []
  const ends: { index: number; at: number; text: string }[] = []
  for (const [index, { fails, heeds }] of items.entries()) {
    const worker = free.indexOf(Math.min(...free))
    const from = free[worker] as number
    const isLate = timeOf(index) > limit
    const at = from + (isLate ? limit : timeOf(index))
    runs.push({ from, to: isLate && heeds ? at : from + timeOf(index), heeds, fails, isCancelled: isLate })
    ends.push({ index, at, text: isLate ? 'late' : fails ? 'failed' : `${index}` })
    free[worker] = at
  }
  const first = ends.filter(({ text }) => text === 'failed').toSorted((one, other) => one.at - other.at)[0]
  if ((kind === 'list' || kind === 'unordered') && first !== undefined) {
    const begun = runs.filter(({ from }) => from < first.at)
    for (const run of begun) {
      if (run.to <= first.at) continue
      run.isCancelled = true
      if (run.heeds) run.to = first.at
    }
    return { runs: begun, due: { at: first.at, text: 'failed' } }
  }
  const order = kind === 'unordered' ? ends.toSorted((one, other) => one.at - other.at) : ends
  return { runs, due: { at: Math.max(now, ...ends.map(({ at }) => at)), text: `[${order.map(({ text }) => text)}]` } }
}

const textOf = (value: unknown): string => {
  if (typeof value === 'number') return `${value}`
  const { code } = value as { code?: string }
  return code === 'KEELSON_TASK_FAILED' ? 'failed' : code === 'KEELSON_TIMEOUT' ? 'late' : `${code}`
}

class World {
  readonly #stage: Stage
  readonly #supervisor: TaskSupervisorRef
  readonly #runs: Run[] = []
  readonly #due: Due[] = []
  readonly #outcomes: Due[] = []
  readonly #tasks: { task: TaskHandle<number>; run: Run; due: Due }[] = []
  #running = 0

  constructor(stage: Stage, supervisor: TaskSupervisorRef) {
    this.#stage = stage
    this.#supervisor = supervisor
  }

  get #now(): number {
    return this.#stage.clock.monoMs()
  }

  #fn(value: number, ms: number, { fails, heeds }: Item): (signal: AbortSignal) => Promise<number> {
    return async (signal) => {
      this.#running++
      try {
        await this.#stage.clock.sleep(ms, heeds ? { signal } : {})
      } finally {
        this.#running--
      }
      if (fails) throw new Error('fails')
      return value
    }
  }

  /** Notes what is due, and what comes. */
  #watch(promise: Promise<string>, due: Due): void {
    const place = this.#due.push(due) - 1
    const came = (text: string): void => {
      same(this.#outcomes[place], undefined)
      this.#outcomes[place] = { at: this.#now, text }
    }
    promise.then(came, (error: unknown) => came(textOf(error)))
  }

  async run(op: Op): Promise<void> {
    const { kind, ms, limit, items, concurrency, n } = op
    const supervisor = this.#supervisor
    if (kind === 'advance') await this.#stage.clock.advance(ms)
    else if (kind === 'task') {
      const task = await Task.Supervisor.async(supervisor, this.#fn(n, 2 * ms, op))
      const timeout = limit === undefined ? Infinity : 2 * limit + 1
      const isLate = timeout < 2 * ms
      const to = this.#now + (isLate && op.heeds ? timeout : 2 * ms)
      const run: Run = { from: this.#now, to, heeds: op.heeds, fails: op.fails, isCancelled: isLate }
      const due = { at: this.#now + Math.min(timeout, 2 * ms), text: isLate ? 'late' : op.fails ? 'failed' : `${n}` }
      this.#runs.push(run)
      this.#tasks.push({ task, run, due })
      this.#watch(Task.await(task, timeout).then(textOf), due)
    } else if (kind === 'shutdown') {
      const live = this.#tasks.filter(({ due }) => due.at > this.#now)
      const chosen = live[n % Math.max(live.length, 1)]
      if (chosen === undefined) return
      reach.fault('a task is shut down')
      const { task, run, due } = chosen
      Object.assign(due, { at: this.#now, text: 'KEELSON_TASK_ENDED' })
      run.isCancelled = true
      if (run.heeds) run.to = this.#now
      // It resolves when the function has ended.
      this.#watch(
        Task.shutdown(task).then(() => 'shut down'),
        { at: run.to, text: 'shut down' },
      )
    } else {
      const { runs, due } = timetable(op, this.#now)
      reach.fault(`a list: ${due.text === 'failed' ? 'failed' : 'done'}`)
      this.#runs.push(...runs)
      const fns = items.map((each, index) => this.#fn(index, timeOf(index), each))
      const options = { concurrency, ...(kind === 'unordered' && { ordered: false }) }
      const timed = limit === undefined ? options : { ...options, timeout: 2 * limit + 1 }
      this.#watch(this.#list(kind, fns, kind === 'settled' || kind === 'continue' ? timed : options), due)
    }
  }

  async #list(kind: Op['kind'], fns: ((signal: AbortSignal) => Promise<number>)[], options: object): Promise<string> {
    if (kind === 'settled') {
      const results = await Task.Supervisor.asyncStreamSettled(this.#supervisor, fns, options)
      return `[${results.map((each) => textOf(each.status === 'ok' ? each.value : each.error))}]`
    }
    const more = kind === 'continue' ? { ...options, onErrorContinue: true } : options
    return `[${(await Task.Supervisor.asyncStream(this.#supervisor, fns, more)).map(textOf)}]`
  }

  /** Compares what has come with what is due by now. */
  compare(): void {
    const now = this.#now
    const due = this.#due.map((each) => (each.at <= now ? each : undefined))
    same(
      this.#due.map((_, place) => this.#outcomes[place]),
      due,
    )
    const running = this.#runs.filter(({ from, to }) => from <= now && now < to).length
    same([this.#running, Supervisor.countChildren(this.#supervisor)], [running, running])
    // What a function throws after it was cancelled has no owner.
    const lost = this.#runs.filter(({ to, fails, heeds, isCancelled }) => isCancelled && fails && !heeds && to <= now)
    same(this.#stage.reported.length, lost.length)
    if (lost.length > 0) reach.fault('a cancelled function throws')
  }
}

it('tasks and lists of tasks end in time, each once, and leave no child', async () => {
  await fc.assert(
    fc.asyncProperty(program, async ({ ops }) => {
      reach.program(ops.map(({ kind }) => kind))
      const stage = createStage()
      const { system, clock } = stage
      const supervisor = await Task.Supervisor.start({ system })
      const world = new World(stage, supervisor)
      for (const op of ops) {
        await world.run(op)
        await clock.advance(0)
        for (let turn = 0; turn < 2; turn++) await stage.turn()
        world.compare()
      }
      await clock.advance(1000)
      await stage.turn()
      world.compare()
      const open = [1, 2, 3].map(async (ms) =>
        Task.await(await Task.Supervisor.async(supervisor, () => clock.sleep(ms))),
      )
      const ended = Promise.allSettled(open)
      await stage.turn()
      const stopped = Task.Supervisor.stop(supervisor)
      await clock.advance(3)
      await stopped
      for (const outcome of await ended)
        same(outcome.status === 'rejected' && outcome.reason.code, 'KEELSON_TASK_ENDED')
      await system.close()
      same(clock.getPendingTimerCount(), 0)
    }),
    runsOf('supervised tasks', 100),
  )
})

it('the programs are long, and every pair of operations comes up', () => {
  const sample = sampleOf(program)
  expect(sample.median).toBeGreaterThanOrEqual(15)
  expect(sample.missing(OPERATIONS)).toEqual([])
})
