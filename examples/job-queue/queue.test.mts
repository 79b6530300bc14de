import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { types } from 'node:util'

import { type ControlledClock, openJournal } from 'keelson'
import { createTestSystem, type TestSystem } from 'keelson/testing'

import { type Attempt, type Backoff, type Handler, type JobQueue, openJobQueue, type QueueOptions } from './queue.mjs'

const backoff: Backoff = { initialMs: 1000, factor: 2, maxMs: 5000, jitter: 0 }

let directory = ''
let system: TestSystem
let clock: ControlledClock
/** Attempts in their order: the time, the id and the number. */
let log: string[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'job-queue-'))
  system = createTestSystem()
  clock = system.clock
  log = []
})
afterEach(async () => {
  await system.close()
  await rm(directory, { recursive: true })
})

const note = ({ id, attempt }: Attempt): void => void log.push(`${clock.monoMs()} ${id} ${attempt}`)

/** Notes each attempt, and fails the first `failures` of them. */
const failing =
  (failures: number): Handler =>
  (attempt) => {
    note(attempt)
    if (attempt.attempt <= failures) throw new Error(`failure ${attempt.attempt}`)
  }

const handlers: { readonly [kind: string]: Handler } = {
  note,
  flaky: failing(2),
  broken: failing(Infinity),
  async slow(attempt) {
    note(attempt)
    await clock.sleep(100, { signal: attempt.signal })
  },
}

const open = (options: Partial<QueueOptions> = {}): Promise<JobQueue> =>
  openJobQueue({ directory, handlers, system, backoff, ...options })

/** Moves the clock until the queue is idle. */
async function runToEnd(queue: JobQueue): Promise<void> {
  const idle = queue.whenIdle()
  await clock.runUntilIdle()
  await idle
}

describe('attempts', () => {
  test('a job runs once, and its id is not taken again', async () => {
    const queue = await open()
    expect(await queue.add({ id: 'a', kind: 'note' }, { id: 'a', kind: 'note' })).toBe(1)
    await runToEnd(queue)
    expect(await queue.add({ id: 'a', kind: 'note' })).toBe(0)
    expect(log).toEqual(['0 a 1'])
    expect(await queue.report()).toMatchObject({ waiting: 0, running: 0, finished: 1 })
    await queue.close()
  })

  test('a job that fails is tried again after pauses that double', async () => {
    const queue = await open()
    await queue.add({ id: 'a', kind: 'flaky' })
    await runToEnd(queue)
    expect(log).toEqual(['0 a 1', '1000 a 2', '3000 a 3'])
    await queue.close()
  })

  test('the longest pause is maxMs', async () => {
    const queue = await open()
    await queue.add({ id: 'a', kind: 'broken' })
    await runToEnd(queue)
    expect(log.map((line) => Number.parseInt(line, 10))).toEqual([0, 1000, 3000, 7000, 12_000])
    await queue.close()
  })

  test('chance shortens pauses by at most the jitter', async () => {
    const queue = await open({ backoff: { ...backoff, jitter: 0.5 } })
    const ids = ['a', 'b', 'c', 'd']
    await queue.add(...ids.map((id) => ({ id, kind: 'broken', maxAttempts: 2 })))
    await runToEnd(queue)
    const pauses = log.slice(ids.length).map((line) => Number.parseInt(line, 10))
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(500)
    for (const pause of pauses) expect(pause).toBeLessThanOrEqual(1000)
    expect(new Set(pauses).size).toBe(ids.length)
    await queue.close()
  })

  test('an attempt that takes too long fails, and its signal aborts', async () => {
    const queue = await open({ timeoutMs: 30 })
    await queue.add({ id: 'a', kind: 'slow', maxAttempts: 1 })
    await runToEnd(queue)
    const { dead } = await queue.report()
    expect(dead).toHaveLength(1)
    expect(dead[0]?.error).toContain('30')
    expect(clock.monoMs()).toBe(30)
    await queue.close()
  })

  test('at most `concurrency` handlers run at a time', async () => {
    const queue = await open({ concurrency: 2 })
    await queue.add(...['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, kind: 'slow' })))
    await runToEnd(queue)
    expect(log).toEqual(['0 a 1', '0 b 1', '100 c 1', '100 d 1', '200 e 1'])
    await queue.close()
  })

  test('a kind without a handler is refused', async () => {
    const queue = await open()
    const refused = await queue.add({ id: 'a', kind: 'unknown' }).catch((error: Error) => error.message)
    expect(refused).toBe("there is no handler for 'unknown'")
    await queue.close()
  })
})

describe('dead letters', () => {
  test('a job without attempts left is kept with its error, and can be revived', async () => {
    let isBroken = true
    const mend: Handler = (attempt) => {
      note(attempt)
      if (isBroken) throw new Error('no such address')
    }
    const queue = await open({ handlers: { mend } })
    await queue.add({ id: 'a', kind: 'mend', maxAttempts: 2 })
    await runToEnd(queue)
    expect(await queue.report()).toMatchObject({ finished: 0, dead: [{ id: 'a', error: 'no such address' }] })

    isBroken = false
    expect(await queue.revive('b')).toBe(false)
    expect(await queue.revive('a')).toBe(true)
    await runToEnd(queue)
    expect(log).toEqual(['0 a 1', '1000 a 2', '1000 a 1'])
    expect(await queue.report()).toMatchObject({ finished: 1, dead: [] })
    await queue.close()
  })
})

describe('scheduled jobs', () => {
  test('a job waits until it is due', async () => {
    const queue = await open()
    await queue.add({ id: 'late', kind: 'note', delayMs: 60_000 }, { id: 'soon', kind: 'note', delayMs: 500 })
    await runToEnd(queue)
    expect(log).toEqual(['500 soon 1', '60000 late 1'])
    await queue.close()
  })

  test('a repeated job keeps its cadence, and skips the times that passed while no program ran', async () => {
    const first = await open()
    await first.add({ id: 'report', kind: 'note', delayMs: 100, everyMs: 1000 })
    await clock.advance(1500)
    await first.close()
    await clock.advance(5000)
    const second = await open()
    await clock.advance(1000)
    expect(log.map((line) => Number.parseInt(line, 10))).toEqual([100, 1100, 6500, 7100])
    await second.close()
  })
})

describe('the end of a program', () => {
  /** Copies the files of an open queue, as a killed program would leave them. */
  async function killedCopy(): Promise<string> {
    const journal = await openJournal(directory, { system })
    const copy = join(directory, 'copy')
    await journal.backup(copy)
    await journal.close()
    return copy
  }

  test('jobs that wait go on in the next program', async () => {
    const first = await open()
    await first.add({ id: 'a', kind: 'flaky' }, { id: 'b', kind: 'note', delayMs: 2000 })
    await clock.advance(10)
    await first.close()
    const second = await open()
    await runToEnd(second)
    expect(log).toEqual(['0 a 1', '1000 a 2', '2000 b 1', '3000 a 3'])
    await second.close()
  })

  test('close waits for the handlers that run, and starts no others', async () => {
    const queue = await open({ concurrency: 1 })
    await queue.add({ id: 'a', kind: 'slow' }, { id: 'b', kind: 'slow' })
    await clock.advance(50)
    const closed = queue.close()
    await clock.runUntilIdle()
    await closed
    expect([log, clock.monoMs()]).toEqual([['0 a 1'], 100])
    const next = await open()
    expect(await next.report()).toMatchObject({ finished: 1, mayHaveRunTwice: [] })
    await runToEnd(next)
    await next.close()
  })

  test('a job that ran when the program was killed is reported, and runs again', async () => {
    const killed = await open()
    await killed.add({ id: 'a', kind: 'slow' }, { id: 'b', kind: 'note' })
    await clock.advance(50)
    const next = await open({ directory: await killedCopy(), name: 'next' })
    await runToEnd(next)
    expect(log).toEqual(['0 a 1', '0 b 1', '50 a 2'])
    expect(await next.report()).toMatchObject({ finished: 2, mayHaveRunTwice: ['a'] })
    await next.close()
    await killed.close()
  })

  test('a job that is killed at its last attempt becomes a dead letter', async () => {
    const killed = await open()
    await killed.add({ id: 'a', kind: 'slow', maxAttempts: 1 })
    await clock.advance(50)
    const next = await open({ directory: await killedCopy(), name: 'next' })
    await runToEnd(next)
    const { dead, mayHaveRunTwice } = await next.report()
    expect([dead.map(({ id }) => id), mayHaveRunTwice]).toEqual([['a'], ['a']])
    await next.close()
    await killed.close()
  })

  test('the next program begins with a snapshot of hundreds of events', async () => {
    const queue = await open()
    await queue.add(...Array.from({ length: 600 }, (_, n) => ({ id: `job-${n}`, kind: 'note', delayMs: n })))
    await runToEnd(queue)
    await queue.close()
    const next = await open()
    expect(await next.report()).toMatchObject({ waiting: 0, finished: 600 })
    await next.close()
  })

  test('a queue whose journal cannot be written gives up, and says so', async () => {
    const queue = await open()
    await rename(directory, `${directory}-gone`)
    const ended = queue.terminated.catch((error: Error) => error.message)
    const refused = await queue.add({ id: 'a', kind: 'note' }).catch((error: Error) => error)
    expect(types.isNativeError(refused)).toBe(true)
    expect(await ended).toContain('restarts')
    await rename(`${directory}-gone`, directory)
  })
})
