/** Nothing acts on a released slot, and the reported reason of an end is the true one. */
import {
  createControlledClock,
  createSystem,
  GenServer,
  type Clock,
  type From,
  type GenServerBehavior,
  type Info,
} from 'keelson'
import { expect, it } from 'vitest'

import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'
import { disguise } from '../otp/gen-server/model/world.ts'

const stage = useStage()
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Answers later, from outside. */
const later = (asked: From[]): GenServerBehavior<number> => ({
  init: () => 0,
  handleCall: (_, state, from) => {
    asked.push(from)
    return GenServer.noReply(state)
  },
  handleCast: (_, state) => state,
})

it('an answer that comes as the time of others is up settles its own call, and no other', async () => {
  const asked: From[] = []
  const server = await GenServer.start(later(asked), { system: stage.system })
  const giveUp = (): string => {
    for (const from of asked.splice(0)) GenServer.reply(from, 'fallback')
    return 'late'
  }
  const calls = Array.from({ length: 5 }, () => GenServer.call(server, 'q').catch(giveUp))
  await stage.clock.advance(5000)
  for (const outcome of await Promise.all(calls)) expect(['late', 'fallback']).toContain(outcome)
})

it('a call without a deadline never times out, whoever had its place before', async () => {
  // A clock that passes by itself as far as anybody can see: a round is broken off when it took too long.
  const clock = createControlledClock()
  const system = createSystem({ clock: disguise(clock) })
  const asked: From[] = []
  const server = await GenServer.start(later(asked), { system })
  const failures: unknown[] = []
  const another = (): void => {
    GenServer.call(server, 'other', { timeout: Infinity }).catch((error: unknown) => failures.push(error))
  }
  const late: unknown[] = []
  const giveUp = (): void => {
    for (const from of asked.splice(-20)) GenServer.reply(from, 'ok')
    clock.advanceBy(10)
  }
  for (let count = 0; count < 2000; count++) {
    GenServer.call(server, 'q', { timeout: 100 }).then(another, (error: unknown) => {
      late.push(error)
      if (late.length % 7 === 0) giveUp()
    })
  }
  await turn()
  await clock.advance(200)
  for (let turns = 0; turns < 50; turns++) await turn()
  expect(failures).toEqual([])
  expect(late.length).toBeGreaterThan(0)
  await system.close()
})

const watching = (got: Info[]): GenServerBehavior<number> => ({
  init: () => 0,
  handleCall: (_, state) => [state, state],
  handleCast: (message, state) => {
    if (message === 'boom') throw new Error('boom')
    return state
  },
  handleInfo: (info, state) => {
    got.push(info)
    return state
  },
})

it('DOWN carries the reason of the end, whatever is looked at and started before it is told [end-reason]', async () => {
  const got: Info[] = []
  const { system } = stage
  const watcher = await GenServer.start(watching(got), { system })
  const one = await GenServer.start(watching([]), { system })
  await GenServer.monitor(watcher, one)
  await GenServer.stop(one, { error: new Error('disk full') })
  GenServer.getStatus(watcher)
  await GenServer.start(watching([]), { system })
  await turn()
  expect(got).toMatchObject([{ type: 'DOWN', ref: { id: one.id }, reason: { type: 'error', message: 'disk full' } }])
})

it('DOWN carries the reason of the end beyond a thousand ends at once', async () => {
  const got: Info[] = []
  const { system } = stage
  const watcher = await GenServer.start(watching(got), { system })
  const refs = await Promise.all(Array.from({ length: 1500 }, () => GenServer.start(watching([]), { system })))
  for (const ref of refs) void GenServer.monitor(watcher, ref)
  const stops = refs.map((ref, index) => GenServer.stop(ref, { error: new Error(`reason ${index}`) }))
  await Promise.all(stops)
  await Promise.all(Array.from({ length: 1500 }, () => GenServer.start(watching([]), { system })))
  await turn()
  expect(got).toHaveLength(1500)
  const told = new Map(got.map((info) => [(info as Extract<Info, { type: 'DOWN' }>).ref.id, info.reason]))
  refs.forEach(({ id }, index) => expect(told.get(id)).toEqual({ type: 'error', message: `reason ${index}` }))
})

it('a link that breaks while a handler runs ends its process with an error, and that ends the next [link-busy]', async () => {
  const { system } = stage
  let why: unknown
  const slow: GenServerBehavior<number> = {
    ...watching([]),
    handleCast: async (_, state) => {
      await system.clock.sleep(30)
      return state
    },
  }
  const first = await GenServer.start(watching([]), { system, name: 'first' })
  const middle = await GenServer.start({ ...slow, terminate: (reason) => void (why = reason) }, { system })
  const last = await GenServer.start(watching([]), { system })
  await GenServer.link(first, middle)
  await GenServer.link(middle, last)
  GenServer.cast(middle, 'work')
  await turn()
  GenServer.cast(first, 'boom')
  await turn()
  expect(GenServer.isRunning(middle)).toBe(true)
  await stage.clock.advance(100)
  expect(why).toMatchObject({
    error: { message: `Linked process 'first (${first.id})' exited`, cause: { message: 'boom' } },
  })
  expect([middle, last].map((ref) => GenServer.isRunning(ref))).toEqual([false, false])
})

it('the queue size counts what waits behind an asynchronous handler, and the bound holds there [bounded]', async () => {
  const { system } = stage
  const handled: unknown[] = []
  const slow: GenServerBehavior<number> = {
    init: () => 0,
    handleCall: (_, state) => [state, state],
    handleCast: async (message, state) => {
      handled.push(message)
      await system.clock.sleep(10)
      return state
    },
  }
  const free = await GenServer.start(slow, { system })
  for (let index = 0; index < 50; index++) GenServer.cast(free, index)
  await turn()
  expect(GenServer.getStatus(free).queueSize).toBe(49)

  const bounded = await GenServer.start(slow, { system, maxMailbox: 100 })
  GenServer.cast(bounded, 'first')
  await turn()
  let taken = 0
  for (let index = 0; index < 300; index++) {
    if (GenServer.cast(bounded, index)) taken++
    if (index % 50 === 0) await turn()
  }
  expect(taken).toBe(100)
  expect(GenServer.getStatus(bounded).queueSize).toBe(100)
  expect(await rejection(GenServer.call(bounded, 'q'))).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
  await stage.clock.advance(2000)
  expect([GenServer.getStatus(free).queueSize, GenServer.getStatus(bounded).queueSize]).toEqual([0, 0])
})

it('a call that is given up keeps its place in the mailbox until its turn, and its room comes back then [bounded]', async () => {
  const { system } = stage
  const handled: unknown[] = []
  const slow: GenServerBehavior<number> = {
    init: () => 0,
    handleCall: (message, state) => {
      handled.push(message)
      return [message, state]
    },
    handleCast: async (_, state) => {
      await system.clock.sleep(100)
      return state
    },
  }
  for (const bounds of [{ maxMailbox: 2 }, { maxMailbox: 2, overflow: 'drop-newest' as const }, {}]) {
    const ref = await GenServer.start(slow, { system, ...bounds })
    const isBounded = 'maxMailbox' in bounds
    for (let round = 0; round < 3; round++) {
      GenServer.cast(ref, 'slow')
      await turn()
      const aborted = new AbortController()
      const given = [
        rejection(GenServer.call(ref, 'late', { timeout: 10 })),
        rejection(GenServer.call(ref, 'aborted', { signal: aborted.signal })),
      ]
      await stage.clock.advance(20)
      aborted.abort(new Error('aborted'))
      expect(await Promise.all(given)).toMatchObject([{ code: 'KEELSON_CALL_TIMEOUT' }, { message: 'aborted' }])
      expect(GenServer.getStatus(ref).queueSize).toBe(2)
      if (isBounded) {
        expect(GenServer.cast(ref, 'refused')).toBe(false)
        expect(await rejection(GenServer.call(ref, 'refused'))).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
      }
      await stage.clock.advance(200)
      expect(GenServer.getStatus(ref).queueSize).toBe(0)
    }
    const answers = [GenServer.call(ref, 'one'), GenServer.call(ref, 'two')]
    expect(GenServer.getStatus(ref).queueSize).toBe(2)
    expect(await Promise.all(answers)).toEqual(['one', 'two'])
  }
  expect(handled).toEqual(['one', 'two', 'one', 'two', 'one', 'two'])
})

it('a call of a process to itself takes no room once it is refused [bounded]', async () => {
  const { system } = stage
  const codes: unknown[] = []
  const self: GenServerBehavior<number, unknown, () => Promise<unknown>> = {
    init: () => 0,
    handleCall: (message, state) => [message, state],
    handleCast: async (ask, state) => {
      codes.push(((await rejection(ask())) as { code?: unknown }).code)
      return state
    },
  }
  const ref = await GenServer.start(self, { system, maxMailbox: 1 })
  for (let round = 0; round < 3; round++) {
    expect(GenServer.cast(ref, () => GenServer.call(ref, 'me', { timeout: 0 }))).toBe(true)
    await turn()
    await stage.clock.advance(1)
    expect(GenServer.getStatus(ref).queueSize).toBe(0)
    expect(await GenServer.call(ref, round)).toBe(round)
  }
  expect(codes).toEqual(['KEELSON_CALL_CYCLE', 'KEELSON_CALL_CYCLE', 'KEELSON_CALL_CYCLE'])
})

it('a look at the mailbox of another in a handler does not hold up what was sent to it', async () => {
  const { system } = stage
  const handled: unknown[] = []
  const sink = await GenServer.start<number>(
    {
      init: () => 0,
      handleCall: (_, state) => [state, state],
      handleCast: (message, state) => {
        handled.push(message)
        return state
      },
    },
    { system },
  )
  const looks: GenServerBehavior<number> = {
    init: () => 0,
    handleCall: (_, state) => [state, state],
    handleCast: (message, state) => {
      GenServer.cast(sink, message)
      GenServer.getStatus(sink)
      return state
    },
  }
  const ref = await GenServer.start(looks, { system })
  GenServer.cast(ref, 'sent')
  for (let left = 5; left > 0; left--) await turn()
  expect(handled).toEqual(['sent'])
})

it('a look at a mailbox while the steps of a long round are left does not hold up what was sent', async () => {
  const clock = createControlledClock()
  // It passes by itself, for all that the runtime knows: its handlers take too long, and the event loop has to turn.
  const passing = Object.fromEntries(
    ['now', 'monoMs', 'sleep', 'timeout', 'deadline', 'interval', 'schedule', 'getPendingTimerCount', 'close'].map(
      (name) => [name, (clock[name as keyof Clock] as () => unknown).bind(clock)],
    ),
  ) as unknown as Clock
  const system = createSystem({ clock: passing })
  const handled: unknown[] = []
  const slow: GenServerBehavior<number> = {
    init: () => 0,
    handleCall: (_, state) => [state, state],
    handleCast: (message, state) => {
      handled.push(message)
      clock.advanceBy(10)
      return state
    },
  }
  const ref = await GenServer.start(slow, { system })
  for (let index = 0; index < 70; index++) GenServer.cast(ref, index)
  await Promise.resolve()
  await Promise.resolve()
  expect(handled.length).toBeGreaterThan(0)
  expect(handled.length).toBeLessThan(70)
  GenServer.cast(ref, 'last')
  GenServer.getStatus(ref)
  for (let left = 200; left > 0; left--) await turn()
  expect(handled).toHaveLength(71)
  expect(handled.at(-1)).toBe('last')
  await system.close()
})

it('the oldest message goes from a full mailbox, also one that waits behind an asynchronous handler', async () => {
  const { system } = stage
  const handled: unknown[] = []
  const slow: GenServerBehavior<number> = {
    init: () => 0,
    handleCall: (message, state) => [message, state],
    handleCast: async (message, state) => {
      handled.push(message)
      await system.clock.sleep(10)
      return state
    },
  }
  const ref = await GenServer.start(slow, { system, maxMailbox: 3, overflow: 'drop-oldest' })
  GenServer.cast(ref, 'first')
  await turn()
  const dropped = rejection(GenServer.call(ref, 'a call'))
  for (const message of ['b', 'c']) GenServer.cast(ref, message)
  await turn()
  for (const message of ['d', 'e', 'f']) expect(GenServer.cast(ref, message)).toBe(true)
  expect(GenServer.getStatus(ref).queueSize).toBe(3)
  expect(await dropped).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
  await stage.clock.advance(100)
  expect(handled).toEqual(['first', 'd', 'e', 'f'])
})

it('a timer that finds a full mailbox is heard of [timer]', async () => {
  const { system } = stage
  const ref = await GenServer.start(
    { ...watching([]), handleCast: async (_, state) => (await system.clock.sleep(100), state) },
    { system, maxMailbox: 1, name: 'full' },
  )
  GenServer.cast(ref, 1)
  await turn()
  GenServer.cast(ref, 2)
  GenServer.sendAfter(ref, 3, 10)
  await stage.clock.advance(20)
  expect(stage.reported).toMatchObject([[{ code: 'KEELSON_MAILBOX_FULL' }, `sendAfter to full (${ref.id})`]])
  await stage.clock.advance(500)
})

it('a process that is told to stop ends although calls to it expired as they waited', async () => {
  const { system } = stage
  const ref = await GenServer.start(
    {
      init: () => 0,
      handleCall: async (message, state) => {
        await system.clock.sleep(200)
        return [message, state]
      },
      handleCast: (_, state) => state,
    },
    { system },
  )
  const calls = Array.from({ length: 45 }, () => rejection(GenServer.call(ref, 1, { timeout: 1000 })))
  await stage.clock.advance(1500)
  const stopped = GenServer.stop(ref)
  await stage.clock.advance(1000)
  await stopped
  const outcomes = await Promise.all(calls)
  const late = outcomes.filter((outcome) => (outcome as { code?: string }).code === 'KEELSON_CALL_TIMEOUT')
  expect(late.length).toBeGreaterThan(30)
})
