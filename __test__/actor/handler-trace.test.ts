/** The tracing channels `keelson:call` and `keelson:handle`. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'

import { Agent, EventBus, GenServer, type GenServerBehavior } from 'keelson/otp'
import { createProcess, createRootSupervisor } from 'keelson/process'
import { describe, expect, it } from 'vitest'

import { eventsOf, traced } from '../support/channels.ts'
import { runToEnd } from '../support/own-process.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const CALL = 'keelson:call'
const HANDLE = 'keelson:handle'

const behavior: GenServerBehavior<number, string, string, unknown> = {
  init: () => 0,
  handleCall: (message, state) => {
    if (message === 'fail') throw new Error('no')
    if (message === 'later') return stage.turn().then(() => ['late', state] as const)
    return ['reply', state]
  },
  handleCast: async (message, state) => {
    await stage.turn()
    if (message === 'fail') throw new Error('crash')
    return state
  },
}
const start = (options: object = {}) => GenServer.start(behavior, { system: stage.system, ...options })

describe('keelson:call', () => {
  it('has one context object a call, with the reply as its result', async () => {
    const events = traced(CALL)
    const ref = await start({ name: 'echo' })
    const reply = GenServer.call(ref, 'm')
    expect(eventsOf(events)).toEqual(['start', 'end'])
    expect(await reply).toBe('reply')
    expect(eventsOf(events)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(events[0]?.fields).toEqual({ ref, name: 'echo', message: 'm' })
    expect(events[3]?.fields).toEqual({ ref, name: 'echo', message: 'm', result: 'reply' })
    expect(new Set(events.map(({ context }) => context)).size).toBe(1)
  })

  it('has the error of a call that fails, also of one that is refused at once', async () => {
    const events = traced(CALL)
    const ref = await start()
    const failure = await rejection(GenServer.call(ref, 'fail'))
    expect(eventsOf(events)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(events[2]?.fields).toEqual({ ref, name: undefined, message: 'fail', error: failure })
    await GenServer.stop(ref)
    events.length = 0
    const refused = await rejection(GenServer.call(ref, 'm'))
    expect(eventsOf(events)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(events[4]?.fields).toMatchObject({ error: refused })
  })

  it('has no operation for what is no ref, and the same refusal', async () => {
    const events = traced(CALL)
    expect(await rejection(GenServer.call('ref' as never, 'm'))).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
    expect(events).toEqual([])
  })

  it('publishes the end of a call in the context of its caller, and before the caller goes on', async () => {
    const request = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const subscribers = { asyncEnd: () => void seen.push(request.getStore()) } as never
    tracingChannel(CALL).subscribe(subscribers)
    const ref = await start()
    await request.run('one', async () => {
      await GenServer.call(ref, 'm')
      seen.push('after')
    })
    tracingChannel(CALL).unsubscribe(subscribers)
    expect(seen).toEqual(['one', 'after'])
  })

  it('runs the sending in the stores that are bound to its start', async () => {
    const store = new AsyncLocalStorage<unknown>()
    const { start: begin } = tracingChannel(CALL)
    begin?.bindStore(store, (context) => (context as { message: unknown }).message)
    const ref = await start({ context: 'caller' })
    const inside = await GenServer.start(
      { init: () => 0, handleCall: (_: string, state: number) => [store.getStore(), state] as const },
      { system: stage.system, context: 'caller' },
    )
    expect(await GenServer.call(inside, 'm')).toBe('m')
    begin?.unbindStore(store)
    expect(await GenServer.call(ref, 'm')).toBe('reply')
  })

  it('is heard by whoever subscribes to one of its events alone', async () => {
    const ref = await start()
    for (const event of ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const) {
      const events = traced(CALL, [event])
      await rejection(GenServer.call(ref, 'fail'))
      expect(eventsOf(events)).toEqual([event])
    }
  })

  it('covers asks and calls of other services', async () => {
    const events = traced(CALL, ['asyncEnd'])
    const supervisor = createRootSupervisor({ system: stage.system })
    const echo = supervisor.spawn(
      {
        name: 'echo',
        init: () => 0,
        handle: (state, { n, reply }: { n: number; reply: (n: number) => void }) => (reply(n + 1), state),
      },
      {},
    )
    expect(await echo.ask<number>((reply) => ({ n: 1, reply }))).toBe(2)
    expect(events[0]?.fields).toMatchObject({ ref: echo, name: 'echo', message: { n: 1 }, result: 2 })
    const agent = await Agent.start(() => 7, { system: stage.system })
    expect(await Agent.get(agent, (n) => n)).toBe(7)
    expect(events[1]?.fields).toMatchObject({ ref: agent, result: 7 })
  })
})

describe('keelson:handle', () => {
  it('spans a handler that is not asynchronous from start to end', async () => {
    const ref = await start({ name: 'echo' })
    const events = traced(HANDLE)
    await GenServer.call(ref, 'm')
    expect(eventsOf(events)).toEqual(['start', 'end'])
    expect(events[1]?.fields).toEqual({ ref, name: 'echo', kind: 'call', message: 'm' })
  })

  it('spans an asynchronous handler to the end of its promise, and knows its call', async () => {
    const callEvents = traced(CALL, ['start'])
    const events = traced(HANDLE)
    const ref = await start()
    await GenServer.call(ref, 'later')
    expect(eventsOf(events)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(events[0]?.fields['call']).toBe(callEvents[0]?.context)
  })

  it('has the error of a handler, without which its process goes on or not', async () => {
    const events = traced(HANDLE, ['error'])
    const ref = await start()
    const failure = await rejection(GenServer.call(ref, 'fail'))
    expect(events[0]?.fields).toMatchObject({ kind: 'call', message: 'fail', error: failure })
    GenServer.cast(ref, 'fail')
    await expect.poll(() => GenServer.isRunning(ref)).toBe(false)
    expect(events[1]?.fields).toMatchObject({ kind: 'cast', message: 'fail', error: new Error('crash') })
  })

  it('ends with the process, when that is killed in the middle of a handler', async () => {
    const events = traced(HANDLE)
    const supervised = await GenServer.start(
      { init: () => 0, handleCast: () => new Promise<number>(() => undefined) },
      { system: stage.system },
    )
    GenServer.cast(supervised, 'for ever')
    await stage.turn()
    expect(eventsOf(events)).toEqual(['start', 'end'])
    await stage.system.close()
    expect(eventsOf(events)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd'])
  })

  it('covers messages of the runtime, of stateful and of classic processes', async () => {
    const events = traced(HANDLE, ['end'])
    const watcher = await GenServer.start(
      { init: () => 0, handleInfo: (_, state: number) => state },
      { system: stage.system, name: 'watcher' },
    )
    const ref = await start()
    GenServer.monitor(watcher, ref)
    await GenServer.stop(ref)
    await stage.turn()
    expect(events.pop()?.fields).toMatchObject({ ref: watcher, kind: 'info', message: { type: 'DOWN' } })

    const stateful = createRootSupervisor({ system: stage.system }).spawn(
      { name: 'stateful', init: () => 0, handle: (state: number) => state, context: 'caller' },
      {},
    )
    stateful.send('m')
    await stage.turn()
    expect(events.pop()?.fields).toMatchObject({ ref: stateful, name: 'stateful', kind: 'cast', message: 'm' })

    const classic = createProcess({ handle: async () => undefined }, { system: stage.system })
    await classic.start()
    await classic.send('m' as never)
    await stage.turn()
    expect(events.pop()?.fields).toMatchObject({ ref: classic, kind: 'cast', message: 'm' })
  })

  it('covers the subscribers of a bus, and not the bus itself', async () => {
    const events = traced(HANDLE)
    const bus = await EventBus.start({ system: stage.system, name: 'bus' })
    const ref = await start()
    await EventBus.subscribe(bus, 'orders.*', (message) => {
      if (message === 'fail') throw new Error('no')
    })
    await EventBus.subscribe(bus, 'orders.*', ref as never)
    EventBus.publish(bus, 'orders.new', 'm')
    await expect.poll(() => eventsOf(events)).toEqual(['start', 'end', 'start', 'end', 'asyncStart', 'asyncEnd'])
    expect(events[1]?.fields).toEqual({
      ref: bus,
      name: 'bus',
      kind: 'event',
      message: 'm',
      topic: 'orders.new',
      pattern: 'orders.*',
    })
    expect(events[2]?.fields).toMatchObject({ ref, kind: 'cast', message: { topic: 'orders.new', message: 'm' } })
    events.length = 0
    await EventBus.publishSync(bus, 'orders.new', 'fail')
    expect(eventsOf(events).slice(0, 3)).toEqual(['start', 'error', 'end'])
    expect(stage.reported).toMatchObject([[{ message: 'no' }, expect.stringContaining('a subscriber')]])
  })

  it('gives handlers the context of their caller as before', async () => {
    traced(HANDLE)
    traced(CALL)
    const request = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const ref = await GenServer.start(
      {
        init: () => 0,
        handleCall: async (_: string, state: number) => {
          await stage.turn()
          return [request.getStore(), state] as const
        },
        handleCast: (message: string, state: number) => {
          seen.push([message, request.getStore()])
          return state
        },
      },
      { system: stage.system, context: 'caller' },
    )
    expect(await request.run('one', () => GenServer.call(ref, 'm'))).toBe('one')
    request.run('two', () => GenServer.cast(ref, 'n'))
    await stage.turn()
    expect(seen).toEqual([['n', 'two']])
  })
})

describe('subscribers', () => {
  it('20 a subscriber that throws does not reach the caller of the handler: it is an uncaught exception', () => {
    const { status, stdout } = runToEnd(`
      const { tracingChannel, channel } = require('node:diagnostics_channel')
      const { GenServer } = require('keelson/otp')
      const uncaught = []
      process.on('uncaughtException', (error) => uncaught.push(error.message))
      const thrower = (event) => () => { throw new Error(event) }
      for (const name of ['keelson:call', 'keelson:handle']) {
        const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']
        tracingChannel(name).subscribe(Object.fromEntries(events.map((event) => [event, thrower(name + ' ' + event)])))
      }
      channel('keelson:process:crash').subscribe(thrower('crash'))
      const behavior = {
        init: () => 0,
        handleCall: async (message, state) => [message, state],
        handleCast: (message, state) => { throw new Error('cast') },
      }
      ;(async () => {
        const ref = await GenServer.start(behavior)
        const reply = await GenServer.call(ref, 'm')
        GenServer.cast(ref, 'fail')
        while (GenServer.isRunning(ref)) await new Promise((resolve) => setImmediate(resolve))
        await new Promise((resolve) => setImmediate(resolve))
        console.log(JSON.stringify({ reply, uncaught: uncaught.sort() }))
        over()
      })()
    `)
    expect(status).toBe(0)
    const events = ['asyncEnd', 'asyncStart', 'end', 'start'].map((event) => `keelson:call ${event}`)
    const handled = ['asyncEnd', 'asyncStart', 'end', 'end', 'error', 'start', 'start']
    expect(JSON.parse(stdout)).toEqual({
      reply: 'm',
      uncaught: ['crash', ...events, ...handled.map((event) => `keelson:handle ${event}`)],
    })
  })
})
