/** Spans, through the SDK of OpenTelemetry. */
import { trace } from '@opentelemetry/api'
import { Atrion, type Ticket } from 'keelson/atrion'
import { openJournal } from 'keelson/journal'
import { instrument, type Instrumentation } from 'keelson/opentelemetry'
import { Agent, EventBus, GenServer, type GenServerBehavior, type GenServerRef, Supervisor, Task } from 'keelson/otp'
import { createProcess, createRootSupervisor } from 'keelson/process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { endedSpans, inSpan, openSpans, resetSpans, type Shown, shown } from '../support/opentelemetry.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const stage = useStage()
let instrumentation: Instrumentation
beforeEach(() => {
  instrumentation = instrument(stage.system)
})
afterEach(() => {
  instrumentation.close()
  expect(openSpans()).toBe(0)
  resetSpans()
})

class Counter implements GenServerBehavior<number, string, string, unknown> {
  readonly init = (): number => 0
  readonly handleCall = async (message: string, state: number) => {
    await stage.turn()
    if (message === 'fail') throw new TypeError('no')
    return [trace.getActiveSpan()?.spanContext().spanId, state] as const
  }
  readonly handleCast = (message: string, state: number): number => {
    if (message === 'crash') throw new Error('crash')
    return state + 1
  }
}
const start = (options: object = {}) => GenServer.start(new Counter(), { system: stage.system, ...options })
const settle = async (): Promise<void> => {
  await stage.turn()
  await stage.turn()
}
const sorted = (spans: readonly Shown[]): string[] => spans.map((span) => JSON.stringify(span)).toSorted()

/** Checks all spans that have ended, in any order, and forgets them. */
function expectSpans(...wanted: readonly Shown[]): void {
  expect(sorted(shown())).toEqual(sorted(wanted))
  resetSpans()
}
const attributes = (name: string) => endedSpans().find((span) => span.name === name)?.attributes

describe('spans of processes', () => {
  it('21 a call inside a span is its child, and the handler is a child of the call', async () => {
    const ref = await start({ name: 'counter' })
    const inHandler = await inSpan('test', () => GenServer.call(ref, 'get'))
    expect(
      endedSpans()
        .find(({ name }) => name === 'handle Counter')
        ?.spanContext().spanId,
    ).toBe(inHandler)
    expect(attributes('call Counter')).toEqual({
      'keelson.process.id': ref.id,
      'keelson.process.name': 'counter',
      'keelson.message.kind': 'call',
      'keelson.message.type': 'get',
    })
    expectSpans(
      { name: 'handle Counter', parent: 'call Counter' },
      { name: 'call Counter', parent: 'test' },
      { name: 'test' },
    )
  })

  it('21 a cast inside a span is linked, in a trace of its own', async () => {
    const ref = await start()
    await inSpan('test', () => GenServer.cast(ref, 'm'))
    await settle()
    const [one, other] = endedSpans().map((span) => span.spanContext().traceId)
    expect(one).not.toBe(other)
    expectSpans({ name: 'test' }, { name: 'handle Counter', links: ['test'] })
    GenServer.cast(ref, 'm')
    await settle()
    expectSpans({ name: 'handle Counter' })
  })

  it('21 a timer and a restart have no ambient span', async () => {
    const ambient: unknown[] = []
    const behavior: GenServerBehavior<number, never, string> = {
      init: () => {
        ambient.push(trace.getActiveSpan())
        return 0
      },
      handleCast: (message, state) => {
        if (message === 'crash') throw new Error('crash')
        return state
      },
    }
    const supervisor = await inSpan('start', () =>
      Supervisor.start({
        children: [{ id: 'a', start: () => GenServer.start(behavior, { system: stage.system }) }],
        system: stage.system,
      }),
    )
    const child = () => Supervisor.getChild(supervisor, 'a')?.ref as GenServerRef<number, never, string>
    ambient.length = 0
    resetSpans()
    await inSpan('later', () => GenServer.sendAfter(child(), 'tick', 5))
    await stage.clock.advance(5)
    await settle()
    expectSpans({ name: 'later' }, { name: 'handle GenServer' })
    await inSpan('sender', () => GenServer.cast(child(), 'crash'))
    await expect.poll(() => ambient.length).toBe(1)
    expect(ambient).toEqual([undefined])
    expectSpans({ name: 'sender' }, { name: 'handle GenServer', links: ['sender'], error: 'crash' })
  })

  it('21 restarts in place have no ambient span either', async () => {
    const ambient: unknown[] = []
    const { system, clock } = stage
    const stateful = await inSpan('start', () =>
      createRootSupervisor({ system, emit: () => undefined }).spawn(
        {
          name: 'stateful',
          init: () => (ambient.push(trace.getActiveSpan()), 0),
          handle: (state: number, message: string, { schedule }) => {
            if (message === 'later') schedule(5, 'tick')
            if (message === 'crash') throw new Error('crash')
            return state
          },
        },
        {},
      ),
    )
    await settle()
    resetSpans()
    await inSpan('sender', () => stateful.send('crash'))
    await clock.advance(200)
    expect(ambient.map((span) => span !== undefined)).toEqual([true, false])
    await inSpan('sender', () => stateful.send('later'))
    await clock.advance(5)
    expectSpans(
      { name: 'sender' },
      { name: 'handle Process', links: ['sender'], error: 'crash' },
      { name: 'sender' },
      { name: 'handle Process', links: ['sender'] },
      { name: 'handle Process' },
    )
  })

  it('21 consumers of a journal, monitors and ends have no ambient span', async () => {
    const { system } = stage
    const ambient: unknown[] = []
    const journal = await openJournal<string>(tempDirectory(), { system })
    const consumer = await inSpan('start', () =>
      journal.consumer('c', ({ data }) => void ambient.push(data, trace.getActiveSpan())),
    )
    await inSpan('append', () => journal.append('a'))
    await consumer.whenCaughtUp()
    expect(ambient).toEqual(['a', undefined])
    ambient.length = 0
    await journal.close()

    const ending = await inSpan('start', () =>
      GenServer.start({ init: () => 0, terminate: () => void ambient.push(trace.getActiveSpan()) }, { system }),
    )
    const watcher = await inSpan('start', () =>
      GenServer.start({ init: () => 0, handleInfo: (_, state: number) => state }, { system }),
    )
    GenServer.monitor(watcher, ending)
    resetSpans()
    await inSpan('stop', () => GenServer.stop(ending))
    await settle()
    expect(ambient).toEqual([undefined])
    expectSpans({ name: 'stop' }, { name: 'handle GenServer' })
  })

  it('makes casts children with castSpans parent, and timers not', async () => {
    instrumentation.close()
    instrumentation = instrument(stage.system, { castSpans: 'parent' })
    const ref = await start()
    const bus = await EventBus.start({ system: stage.system })
    await EventBus.subscribe(bus, 'a.*', () => undefined)
    await inSpan('test', () => {
      GenServer.cast(ref, 'm')
      EventBus.publish(bus, 'a.b', 'm')
    })
    await inSpan('later', () => GenServer.sendAfter(ref, 'tick', 5))
    await stage.clock.advance(5)
    await settle()
    expectSpans(
      { name: 'test' },
      { name: 'handle Counter', parent: 'test' },
      { name: 'handle EventBus', parent: 'test' },
      { name: 'later' },
      { name: 'handle Counter' },
    )
  })

  it('marks what fails, with the class or the code of the error', async () => {
    const ref = await start()
    await rejection(GenServer.call(ref, 'fail'))
    await settle()
    expect(attributes('call Counter')?.['error.type']).toBe('TypeError')
    expect(endedSpans()[0]?.events[0]?.name).toBe('exception')
    expectSpans({ name: 'handle Counter', parent: 'call Counter', error: 'no' }, { name: 'call Counter', error: 'no' })
    const busy = GenServer.call(ref, 'get')
    const late = rejection(GenServer.call(ref, 'get', { timeout: 0 }))
    await busy
    await late
    await settle()
    const types = endedSpans().map((span) => span.attributes['error.type'])
    expect(types.filter((type) => type !== undefined)).toEqual(['KEELSON_CALL_TIMEOUT'])
  })

  it('ends the span of a handler with its process', async () => {
    const stuck = await GenServer.start(
      { init: () => 0, handleCast: () => new Promise<number>(() => undefined) },
      { system: stage.system },
    )
    GenServer.cast(stuck, 'm')
    await settle()
    expect(openSpans()).toBe(1)
    await stage.system.close()
    expect(shown()).toEqual([{ name: 'handle GenServer', error: expect.any(String) }])
  })

  it('follows calls through processes, also after an await', async () => {
    const inner = await start()
    class Outer implements GenServerBehavior<number, string> {
      readonly init = (): number => 0
      readonly handleCall = async (_: string, state: number) => {
        await stage.turn()
        GenServer.cast(inner, 'm')
        return [await GenServer.call(inner, 'get'), state] as const
      }
    }
    const outer = await GenServer.start(new Outer(), { system: stage.system })
    await inSpan('test', () => GenServer.call(outer, 'm'))
    await settle()
    expectSpans(
      { name: 'handle Counter', links: ['handle Outer'] },
      { name: 'handle Counter', parent: 'call Counter' },
      { name: 'call Counter', parent: 'handle Outer' },
      { name: 'handle Outer', parent: 'call Outer' },
      { name: 'call Outer', parent: 'test' },
      { name: 'test' },
    )
  })

  it('keeps the span of the handler where it runs in the context of its caller', async () => {
    const ref = await start({ context: 'caller' })
    const own = await inSpan('test', async () => {
      GenServer.cast(ref, 'm')
      return GenServer.call(ref, 'get')
    })
    await settle()
    const handled = endedSpans().filter(({ name }) => name === 'handle Counter')
    expect(handled.map((span) => span.spanContext().spanId)).toContain(own)
    expectSpans(
      { name: 'handle Counter', links: ['test'] },
      { name: 'handle Counter', parent: 'call Counter' },
      { name: 'call Counter', parent: 'test' },
      { name: 'test' },
    )
  })

  it('covers agents, asks and classic processes, and leaves tasks to their starter', async () => {
    const { system } = stage
    const agent = await Agent.start(() => 1, { system })
    await inSpan('agent', () => Agent.get(agent, (n) => n))
    expectSpans(
      { name: 'handle Agent', parent: 'call Agent' },
      { name: 'call Agent', parent: 'agent' },
      { name: 'agent' },
    )

    const echo = createRootSupervisor({ system }).spawn(
      {
        name: 'echo',
        init: () => 0,
        handle: (state: number, { reply }: { reply: (n: number) => void }) => (reply(1), state),
      },
      {},
    )
    await inSpan('ask', () => echo.ask((reply) => ({ reply })))
    expectSpans(
      { name: 'handle Process', parent: 'call Process' },
      { name: 'call Process', parent: 'ask' },
      { name: 'ask' },
    )

    class Writer {
      async handle(): Promise<void> {}
    }
    const classic = createProcess(new Writer(), { system })
    await classic.start()
    await inSpan('send', () => classic.send('m' as never))
    await settle()
    expectSpans({ name: 'handle Writer', links: ['send'] }, { name: 'send' })

    const ref = await start()
    await inSpan('task', () => Task.await(Task.async(() => GenServer.call(ref, 'get'), { system })))
    await settle()
    expectSpans(
      { name: 'handle Counter', parent: 'call Counter' },
      { name: 'call Counter', parent: 'task' },
      { name: 'task' },
    )
  })
})

describe('spans of buses', () => {
  it('links handlers of a message to its publisher, past the bus', async () => {
    const bus = await EventBus.start({ system: stage.system, name: 'bus' })
    const ref = await start()
    await inSpan('subscribe', async () => {
      await EventBus.subscribe(bus, 'orders.*', async (message) => {
        await stage.turn()
        if (message === 'fail') throw new Error('no')
        GenServer.cast(ref, 'm')
      })
      await EventBus.subscribe(bus, 'orders.*', ref as never)
    })
    resetSpans()
    await inSpan('test', () => EventBus.publish(bus, 'orders.1', 'm'))
    await expect.poll(() => endedSpans().length).toBe(4)
    expect(attributes('handle EventBus')).toMatchObject({
      'keelson.process.name': 'bus',
      'keelson.message.kind': 'event',
    })
    expectSpans(
      { name: 'handle Counter', links: ['handle EventBus'] },
      { name: 'handle Counter', links: ['test'] },
      { name: 'handle EventBus', links: ['test'] },
      { name: 'test' },
    )
    await inSpan('test', () => EventBus.publishSync(bus, 'orders.2', 'fail'))
    await settle()
    expectSpans(
      { name: 'call EventBus', parent: 'test' },
      { name: 'handle Counter', links: ['call EventBus'] },
      { name: 'handle EventBus', links: ['call EventBus'], error: 'no' },
      { name: 'test' },
    )
    expect(stage.reported.length).toBe(1)
  })
})

describe('spans of gates', () => {
  it('shows requests that wait or are refused, and none of those that enter at once', async () => {
    const atrion = new Atrion({ system: stage.system })
    const tickets: Ticket[] = []
    for (;;) {
      const ticket = atrion.tryAdmit('db')
      if (!ticket.allow) break
      tickets.push(ticket)
    }
    expect(shown()).toEqual([{ name: 'admit db', error: expect.any(String) }])
    resetSpans()
    const waiting = inSpan('test', () => atrion.admit('db'))
    expect(openSpans()).toBe(2)
    for (const ticket of tickets) ticket.done()
    await waiting
    expect(attributes('admit db')).toEqual({
      'keelson.route': 'db',
      'keelson.voltage': expect.any(Number),
      'keelson.shadow': false,
      'keelson.admission.outcome': 'admitted',
    })
    expectSpans({ name: 'admit db', parent: 'test' }, { name: 'test' })
    const controller = new AbortController()
    for (;;) if (!atrion.tryAdmit('db').allow) break
    resetSpans()
    const leaves = rejection(atrion.admit('db', { signal: controller.signal }))
    controller.abort(new Error('left'))
    await leaves
    expectSpans({ name: 'admit db', error: 'left' })
  })
})
