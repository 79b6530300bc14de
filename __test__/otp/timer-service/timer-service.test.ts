import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createSystem,
  GenServer,
  type GenServerRef,
  openJournal,
  Registry,
  Supervisor,
  TimerService,
  type TimerServiceOptions,
  type TimerServiceRef,
} from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keelson-timers-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (options?: TimerServiceOptions): Promise<TimerServiceRef> =>
  TimerService.start({ system: stage.system, ...options })

type Heard = [message: unknown, monoMs: number][]

/** A process that notes what it is sent, and when. */
async function listener(heard: Heard, name?: string): Promise<GenServerRef<number, unknown, unknown>> {
  const { system } = stage
  return GenServer.start<number>(
    {
      init: () => 0,
      handleCall: () => [0, 0],
      handleCast: (message) => (heard.push([message, system.clock.monoMs()]), 0),
    },
    { system, ...(name === undefined ? {} : { name }) },
  )
}

describe('a timer', () => {
  it('fires once, at its time exactly, and is gone', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const target = await listener(heard)
    const from = stage.clock.monoMs()
    const id = await TimerService.schedule(timers, target, 'now', 1500)
    expect(await TimerService.get(timers, id)).toEqual({
      id,
      target,
      message: 'now',
      fireAt: stage.clock.now().wallMs + 1500,
      attempts: 0,
    })
    await stage.clock.advance(1499)
    expect(heard).toEqual([])
    await stage.clock.advance(1)
    expect(heard).toEqual([['now', from + 1500]])
    expect(await TimerService.get(timers, id)).toBeUndefined()
    expect(await TimerService.cancel(timers, id)).toBe(false)
    await stage.clock.advance(10_000)
    expect(heard).toHaveLength(1)
  })

  it('of no delay fires at the next turn, and timers of one moment fire in order of scheduling', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const target = await listener(heard)
    for (const message of [1, 2, 3]) await TimerService.schedule(timers, target, message, 0)
    expect(heard).toEqual([])
    await stage.clock.advance(0)
    expect(heard.map(([message]) => message)).toEqual([1, 2, 3])
  })

  it('can repeat, at a cadence that does not drift', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const target = await listener(heard)
    const from = stage.clock.monoMs()
    const id = await TimerService.schedule(timers, target, 'tick', 50, { repeat: 100 })
    await stage.clock.advance(350)
    expect(heard.map(([, at]) => at - from)).toEqual([50, 150, 250, 350])
    expect(await TimerService.get(timers, id)).toMatchObject({ repeat: 100, fireAt: stage.clock.now().wallMs + 100 })
    expect(await TimerService.cancel(timers, id)).toBe(true)
    await stage.clock.advance(1000)
    expect(heard).toHaveLength(4)
  })

  it('can be cancelled, and listed until then', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const target = await listener(heard)
    const one = await TimerService.schedule(timers, target, 1, 300)
    const other = await TimerService.schedule(timers, target, 2, 200)
    expect((await TimerService.getAll(timers)).map(({ id }) => id)).toEqual([one, other])
    expect(await TimerService.cancel(timers, one)).toBe(true)
    expect(await TimerService.cancel(timers, one)).toBe(false)
    await stage.clock.advance(1000)
    expect(heard.map(([message]) => message)).toEqual([2])
    expect(await TimerService.getAll(timers)).toEqual([])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
  })

  it('with an id replaces the one that has it', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const target = await listener(heard)
    expect(await TimerService.schedule(timers, target, 'old', 100, { id: 'daily' })).toBe('daily')
    await TimerService.schedule(timers, target, 'new', 200, { id: 'daily' })
    expect(await TimerService.getAll(timers)).toHaveLength(1)
    await stage.clock.advance(1000)
    expect(heard.map(([message]) => message)).toEqual(['new'])
  })

  it('for a process ends with it', async () => {
    const timers = await start()
    const target = await listener([])
    await TimerService.schedule(timers, target, 1, 100)
    await GenServer.stop(target)
    expect(await TimerService.getAll(timers)).toEqual([])
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    expect(await rejection(TimerService.schedule(timers, target, 1, 100))).toMatchObject({
      code: 'KEELSON_NOT_RUNNING',
    })
  })

  it('for a name waits until somebody has it, and tries again every second until then', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    const id = await TimerService.schedule(timers, 'late', 'hello', 100)
    await stage.clock.advance(2500)
    expect(await TimerService.get(timers, id)).toMatchObject({ attempts: 3, target: 'late' })
    await listener(heard, 'late')
    await stage.clock.advance(600)
    expect(heard.map(([message]) => message)).toEqual(['hello'])
    expect(await TimerService.get(timers, id)).toBeUndefined()
    expect(stage.reported).toEqual([])
  })

  it('for a full mailbox is tried again', async () => {
    const timers = await start({ retryMs: 10 })
    let go: (() => void) | undefined
    const heard: unknown[] = []
    const target = await GenServer.start(
      {
        init: () => 0,
        handleCall: () => [0, 0],
        handleCast: async (message: unknown) => {
          heard.push(message)
          await new Promise<void>((resolve) => (go = resolve))
          return 0
        },
      },
      { system: stage.system, maxMailbox: 1 },
    )
    for (const message of [1, 2, 3]) await TimerService.schedule(timers, target, message, 0)
    await stage.clock.advance(25)
    for (let index = 0; index < 6; index++) {
      go?.()
      await stage.clock.advance(25)
    }
    expect(heard.toSorted()).toEqual([1, 2, 3])
    expect(await TimerService.getAll(timers)).toEqual([])
  })

  it('is not moved by a jump of the wall clock', async () => {
    const [timers, heard]: [TimerServiceRef, Heard] = [await start(), []]
    await TimerService.schedule(timers, await listener(heard), 1, 1000)
    stage.clock.jumpWallTime(stage.clock.now().wallMs + 3_600_000)
    await stage.clock.advance(999)
    expect(heard).toEqual([])
    await stage.clock.advance(1)
    expect(heard).toHaveLength(1)
  })
})

describe('a stored timer', () => {
  it('is there after a restart, and fires at its time', async () => {
    const heard: Heard = []
    await listener(heard, 'mailer')
    const first = await start({ path: folder })
    const id = await TimerService.schedule(first, 'mailer', { type: 'remind', at: new Date(5) }, 60_000)
    await TimerService.stop(first)
    await stage.clock.advance(20_000)
    expect(heard).toEqual([])
    const second = await start({ path: folder })
    expect(await TimerService.getAll(second)).toMatchObject([{ id, target: 'mailer' }])
    await stage.clock.advance(39_999)
    expect(heard).toEqual([])
    await stage.clock.advance(1)
    expect(heard.map(([message]) => message)).toEqual([{ type: 'remind', at: new Date(5) }])
    await TimerService.stop(second)
    const third = await start({ path: folder })
    expect(await TimerService.getAll(third)).toEqual([])
    await TimerService.stop(third)
  })

  it('that is overdue at a restart fires at once, in order of due times; one that repeats once, and then on', async () => {
    const heard: Heard = []
    await listener(heard, 'mailer')
    const first = await start({ path: folder })
    await TimerService.schedule(first, 'mailer', 'later', 200)
    await TimerService.schedule(first, 'mailer', 'sooner', 100)
    await TimerService.schedule(first, 'mailer', 'tick', 150, { repeat: 1000 })
    await TimerService.stop(first)
    await stage.clock.advance(5000)
    const second = await start({ path: folder })
    await stage.clock.advance(0)
    expect(heard.map(([message]) => message)).toEqual(['sooner', 'tick', 'later'])
    await stage.clock.advance(1000)
    expect(heard.map(([message]) => message)).toEqual(['sooner', 'tick', 'later', 'tick'])
    await TimerService.stop(second)
  })

  it('that was cancelled or replaced stays so', async () => {
    const first = await start({ path: folder })
    const gone = await TimerService.schedule(first, 'a', 1, 100)
    await TimerService.schedule(first, 'a', 'old', 100, { id: 'x' })
    await TimerService.schedule(first, 'a', 'new', 900, { id: 'x' })
    await TimerService.cancel(first, gone)
    await TimerService.stop(first)
    const second = await start({ path: folder })
    expect(await TimerService.getAll(second)).toMatchObject([{ id: 'x', message: 'new' }])
    await TimerService.stop(second)
  })

  it('is for a name: a process that has one stands for it, and one without is refused', async () => {
    const heard: Heard = []
    const timers = await start({ path: folder })
    const named = await listener(heard, 'mailer')
    const unnamed = await listener(heard)
    const id = await TimerService.schedule(timers, named, 1, 100)
    expect((await TimerService.get(timers, id))?.target).toBe('mailer')
    expect(await rejection(TimerService.schedule(timers, unnamed, 1, 100))).toMatchObject({ field: 'target' })
    await TimerService.stop(timers)
  })

  it('has a message that can be stored; another is refused, and the timer of that id is as it was', async () => {
    const timers = await start({ path: folder })
    await TimerService.schedule(timers, 'a', 'good', 100, { id: 'x' })
    const bad = TimerService.schedule(timers, 'a', () => 5, 500, { id: 'x' })
    expect(await rejection(bad)).toMatchObject({ code: 'KEELSON_NOT_PLAIN' })
    expect(await rejection(TimerService.schedule(timers, 'a', () => 5, 500))).toMatchObject({
      code: 'KEELSON_NOT_PLAIN',
    })
    expect(await TimerService.getAll(timers)).toMatchObject([{ id: 'x', message: 'good' }])
    await TimerService.stop(timers)
    const again = await start({ path: folder })
    expect(await TimerService.getAll(again)).toMatchObject([{ id: 'x', message: 'good' }])
    await TimerService.stop(again)
  })

  it('of one id, scheduled twice at once, is the later one, in memory and on disk', async () => {
    const timers = await start({ path: folder })
    await Promise.all([1, 2].map((message) => TimerService.schedule(timers, 'a', message, 500, { id: 'x' })))
    expect(await TimerService.getAll(timers)).toMatchObject([{ message: 2 }])
    await TimerService.stop(timers)
    const again = await start({ path: folder })
    expect(await TimerService.getAll(again)).toMatchObject([{ message: 2 }])
    await TimerService.stop(again)
  })

  it('is closed with the system, and the directory is free', async () => {
    const timers = await start({ path: folder })
    await TimerService.schedule(timers, 'a', 1, 100)
    await stage.system.close()
    expect(TimerService.isRunning(timers)).toBe(false)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    const system = createTestSystem()
    const journal = await openJournal(folder, { system, readOnly: true })
    expect(journal.getAll()).toHaveLength(1)
    await system.close()
  })
})

describe('a timer service is a process', () => {
  it('has a name, and refuses everything once it is stopped', async () => {
    const timers = await start({ name: 'timers' })
    expect(Registry.whereis('timers', stage.system)).toBe(timers)
    const target = await listener([])
    await TimerService.schedule(timers, target, 1, 100)
    await TimerService.stop(timers)
    expect(TimerService.isRunning(timers)).toBe(false)
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    const refused = { code: 'KEELSON_NOT_RUNNING', serverId: timers.id }
    const calls = [
      TimerService.schedule(timers, target, 1, 5),
      TimerService.cancel(timers, 'x'),
      TimerService.get(timers, 'x'),
      TimerService.getAll(timers),
    ]
    for (const call of calls) expect(await rejection(call)).toMatchObject(refused)
    expect(await TimerService.stop(timers)).toBeUndefined()
  })

  it('can be a supervised child: stored timers outlive its crash, and the crash of their target', async () => {
    const heard: Heard = []
    const supervisor = await Supervisor.start({
      system: stage.system,
      children: [
        { id: 'timers', start: () => start({ path: folder, name: 'timers' }) },
        { id: 'mailer', start: () => listener(heard, 'mailer') },
      ],
    })
    const first = Registry.lookup('timers', stage.system) as TimerServiceRef
    await TimerService.schedule(first, 'mailer', 'remind', 1000)
    await GenServer.stop(first, { error: new Error('crash') })
    await GenServer.stop(Registry.lookup('mailer', stage.system), { error: new Error('crash') })
    await vi.waitFor(() => expect(Registry.isRegistered('timers', stage.system)).toBe(true))
    await stage.clock.advance(5000)
    expect(heard.map(([message]) => message)).toEqual(['remind'])
    await Supervisor.stop(supervisor)
  })

  it('refuses bad input by name', async () => {
    const timers = await start()
    const refused = async (promise: Promise<unknown>, field: string): Promise<void> => {
      expect(await rejection(promise)).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
    }
    await refused(start({ tickMs: 5 } as never), 'options.tickMs')
    await refused(start({ durability: 'sync' }), 'options.path')
    await refused(start({ retryMs: 0 }), 'options.retryMs')
    for (const delay of [-1, NaN, Infinity, '5']) {
      await refused(TimerService.schedule(timers, 'a', 1, delay as number), 'delayMs')
    }
    await refused(TimerService.schedule(timers, 'a', 1, 5, { repeat: 0 }), 'options.repeat')
    await refused(TimerService.schedule(timers, 'a', 1, 5, { id: '' }), 'options.id')
    await refused(TimerService.schedule(timers, {} as never, 1 as never, 5), 'target')
    await refused(TimerService.cancel(timers, 5 as never), 'timerId')
    await refused(TimerService.getAll({ id: timers.id } as never), 'ref')
    expect(await rejection(GenServer.call(timers, 'x' as never))).toMatchObject({ field: 'ref' })
    expect(await TimerService.getAll(timers)).toEqual([])
  })

  it('goes by the fake timers of vitest', async () => {
    vi.useFakeTimers()
    try {
      const system = createSystem()
      const timers = await TimerService.start({ system })
      const heard: unknown[] = []
      const target = await GenServer.start(
        { init: () => 0, handleCall: () => [0, 0], handleCast: (message: unknown) => (heard.push(message), 0) },
        { system },
      )
      await TimerService.schedule(timers, target, 'tick', 1000, { repeat: 60_000 })
      await vi.advanceTimersByTimeAsync(999)
      expect(heard).toEqual([])
      await vi.advanceTimersByTimeAsync(1)
      expect(heard).toEqual(['tick'])
      await vi.advanceTimersByTimeAsync(180_000)
      expect(heard).toHaveLength(4)
      await system.close()
    } finally {
      vi.useRealTimers()
    }
  })
})

/** Defects of the earlier library's timers, by their numbers in the notes. */
describe('an earlier timer service', () => {
  it('lost its timers across restarts, as it kept the ids of processes that were gone', async () => {
    const heard: Heard = []
    const before = await listener([], 'mailer')
    const first = await start({ path: folder })
    await TimerService.schedule(first, before, 'remind', 1000)
    await TimerService.stop(first)
    await GenServer.stop(before)
    await listener(heard, 'mailer')
    const second = await start({ path: folder })
    await stage.clock.advance(1000)
    expect(heard.map(([message]) => message)).toEqual(['remind'])
    await TimerService.stop(second)
  })

  it('looked at all timers every second; one timer here is one timer of the clock', async () => {
    const timers = await start()
    const target = await listener([])
    for (let index = 1; index <= 3; index++) await TimerService.schedule(timers, target, index, 1e9 * index)
    expect(stage.clock.getPendingTimerCount()).toBe(3)
  })

  it('told that a timer was kept before it was', async () => {
    const timers = await start({ path: folder })
    const id = await TimerService.schedule(timers, 'a', 1, 100)
    const reader = await openJournal(folder, { system: stage.system, readOnly: true })
    expect(reader.getAll()).toMatchObject([{ id, message: 1 }])
    await reader.close()
    await TimerService.stop(timers)
  })
})
