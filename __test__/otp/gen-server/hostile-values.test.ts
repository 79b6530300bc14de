/** A hostile value affects only the process that it came from. */
import {
  createControlledClock,
  createSystem,
  EventBus,
  GenServer,
  Registry,
  Supervisor,
  Task,
  type GenServerBehavior,
} from 'keelson'
import { Agent } from 'keelson/otp'
import { beforeEach, describe, expect, it } from 'vitest'

import { counter } from '../../support/counter.ts'
import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'
import { HOSTILE, type Hostile } from './model/program.ts'
import { thing } from './model/proc.ts'

const stage = useStage()
const turns = async (): Promise<void> => {
  for (let count = 0; count < 5; count++) await new Promise((resolve) => setImmediate(resolve))
}
const bad: GenServerBehavior<number> = { init: () => 0, handleCall: (_, state) => [state, state], handleCast: () => 0 }
let other: Awaited<ReturnType<typeof GenServer.start>>
beforeEach(async () => {
  other = await GenServer.start(bad, { system: stage.system })
})
const othersRun = async (): Promise<void> => {
  expect(await GenServer.call(other, 1)).toBe(0)
  const { reported } = stage
  for (const [, origin] of reported) expect(origin).not.toMatch(/^the runtime of/)
}

const places: Record<string, (fails: () => never) => Partial<GenServerBehavior<number>>> = {
  handleCast: (fails) => ({ handleCast: fails }),
  'an asynchronous handleCast': (fails) => ({ handleCast: async () => fails() }),
  handleContinue: (fails) => ({ handleCast: () => GenServer.continueWith(0), handleContinue: fails }),
  terminate: (fails) => ({ handleCast: () => GenServer.stopWith(0), terminate: fails }),
}

describe.each(HOSTILE.map((what) => [what] as const))('what is thrown is %s', (what: Hostile) => {
  it.each(Object.keys(places))('in %s', async (place) => {
    const fails = (): never => {
      throw thing(what, 1)
    }
    const ref = await GenServer.start({ ...bad, ...places[place]?.(fails) } as GenServerBehavior<number>, {
      system: stage.system,
    })
    const told: unknown[] = []
    const watcher = await GenServer.start(
      { ...bad, handleInfo: (info, state) => (told.push(info), state) },
      { system: stage.system },
    )
    await GenServer.monitor(watcher, ref)
    GenServer.cast(ref, 1)
    await turns()
    expect(GenServer.isRunning(ref)).toBe(false)
    expect(told).toMatchObject([{ type: 'DOWN', ref: { id: ref.id } }])
    await othersRun()
  })

  it('in init, handleCall, a task, an agent, a subscriber, a listener and a child [hostile]', async () => {
    const { system } = stage
    const value = thing(what, 1)
    const fails = (): never => {
      throw value
    }
    const same = async (promise: Promise<unknown>): Promise<void> => {
      const outcome = await promise.then(
        () => 'resolved',
        (error: unknown) => Object.is(error, value),
      )
      expect(outcome).toBe(true)
    }
    expect(await rejection(GenServer.start({ ...bad, init: fails }, { system }))).toMatchObject({
      code: 'KEELSON_INIT_FAILED',
    })
    await same(GenServer.call(await GenServer.start({ ...bad, handleCall: fails }, { system }), 1))
    await same(Task.await(Task.async(fails, { system })))
    await same(Agent.update(await Agent.start(() => 1, { system }), fails))
    const bus = await EventBus.start({ system })
    await EventBus.subscribe(bus, 't', fails)
    await EventBus.subscribe(bus, 't', async () => fails())
    await EventBus.publishSync(bus, 't', 1)
    const off = GenServer.onLifecycleEvent(fails, system)
    await GenServer.stop(await GenServer.start(bad, { system }))
    off()
    expect(await rejection(Supervisor.start({ system, children: [{ id: 'a', start: fails }] }))).toBeDefined()
    await Supervisor.stop(await Supervisor.start({ system }))
    await turns()
    await othersRun()
  })
})

describe('a state that has a then', () => {
  const odd = { then: () => expect.unreachable('a state was awaited') }

  it('is never awaited', async () => {
    const { system } = stage
    const ref = await GenServer.start(
      {
        init: () => GenServer.continueWith(odd),
        handleCall: (message, state) => [message, state],
        handleCast: (_, state) => state,
        handleInfo: (_, state) => state,
        handleContinue: (_, state) => state,
      } as GenServerBehavior<typeof odd>,
      { system },
    )
    expect(await GenServer.call(ref, 'reply')).toBe('reply')
    GenServer.cast(ref, 1)
    await GenServer.monitor(ref, other)
    await GenServer.stop(other)
    await turns()
    expect(GenServer.getState(ref)).toBe(odd)
    const agent = await Agent.start(() => ({}) as object, { system })
    await Agent.getAndUpdate(agent, () => [undefined, odd])
    await Agent.update(agent, (state) => state)
    expect(await Agent.get(agent, () => 5)).toBe(5)
    expect(GenServer.getState(agent)).toBe(odd)
  })
})

describe('what a handler returns', () => {
  const returned = async (value: unknown): Promise<unknown> => {
    const ref = await GenServer.start({ ...bad, handleCall: () => value as never }, { system: stage.system })
    const outcome = await rejection(GenServer.call(ref, 1))
    expect(GenServer.isRunning(ref)).toBe(true)
    await othersRun()
    return outcome
  }
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()

  it('may be a list that cannot be read: the call is rejected', async () => {
    expect(await returned(proxy)).toBeInstanceOf(TypeError)
    expect(await returned(Promise.resolve(proxy))).toBeInstanceOf(TypeError)
    const unreadable = Object.defineProperty([0, 0], 0, {
      get: () => {
        throw new Error('no')
      },
    })
    expect(await returned(unreadable)).toMatchObject({ message: 'no' })
  })

  it('is waited for as await does: its then is read and called once, and the first answer counts', async () => {
    let reads = 0
    const twice = Object.defineProperty({}, 'then', {
      get: () => {
        reads++
        return (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
          resolve(['first', 1])
          resolve(['second', 2])
          reject(new Error('third'))
          throw new Error('fourth')
        }
      },
    })
    expect(await returned(twice)).toEqual({ resolved: 'first' })
    expect(reads).toBe(1)
    const unreadable = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no then')
      },
    })
    expect(await returned(unreadable)).toMatchObject({ message: 'no then' })
  })
})

it('errors of processes name them, and what the message was [event-names]', async () => {
  const { system, clock } = stage
  const ref = await GenServer.start(
    { ...bad, handleCall: (_, state) => GenServer.noReply(state) },
    { system, name: 'billing' },
  )
  const late = rejection(GenServer.call(ref, { type: 'charge' }, { timeout: 10 }))
  const hostile = Object.defineProperty({}, 'type', {
    get: () => {
      throw new Error('no type')
    },
  })
  const unread = rejection(GenServer.call(ref, hostile, { timeout: 10 }))
  await clock.advance(50)
  const message = `Call to GenServer 'billing (${ref.id})' with a message of type 'charge' timed out after 10ms`
  expect(await late).toMatchObject({ message, serverName: 'billing', messageType: 'charge', serverId: ref.id })
  expect(await unread).toMatchObject({ message: `Call to GenServer 'billing (${ref.id})' timed out after 10ms` })
  await GenServer.stop(ref)
  expect(await rejection(GenServer.call(ref, 1))).toMatchObject({
    message: `GenServer 'billing (${ref.id})' is not running`,
  })
  const bus = await EventBus.start({ system, name: 'news' })
  await EventBus.stop(bus)
  expect(await rejection(EventBus.publishSync(bus, 't', 1))).toMatchObject({
    message: `EventBus 'news (${bus.id})' is not running`,
  })
})

it('events of processes name them', async () => {
  const { system } = stage
  const events: unknown[] = []
  GenServer.onLifecycleEvent((event) => events.push(event), system)
  const ref = await GenServer.start(counter, { system, name: 'billing' })
  GenServer.cast(ref, 'crash')
  await turns()
  expect(events).toMatchObject(['started', 'crashed', 'terminated'].map((type) => ({ type, name: 'billing' })))
})

describe('a name', () => {
  it('is reserved while init runs, and nobody is found under it [start-name]', async () => {
    const { system, clock } = stage
    const slow = { ...bad, init: () => clock.sleep(10).then(() => 0) }
    const first = GenServer.start(slow, { system, name: 'one' })
    let runs = 0
    const counted = { ...bad, init: () => ++runs, terminate: () => void ++runs }
    expect(await rejection(GenServer.start(counted, { system, name: 'one' }))).toMatchObject({
      code: 'KEELSON_ALREADY_REGISTERED',
    })
    expect([runs, Registry.whereis('one', system), Registry.count(system)]).toEqual([0, undefined, 0])
    expect(() => Registry.register('one', other, system)).toThrow(/already registered/)
    await clock.advance(20)
    expect(Registry.whereis('one', system)).toBe(await first)
  })

  it('is free again when init fails', async () => {
    const { system } = stage
    const registry = Registry.create({ system })
    for (const where of [{}, { registry }]) {
      const fails = { ...bad, init: () => Promise.reject(new Error('no')) }
      expect(await rejection(GenServer.start(fails, { system, name: 'one', ...where }))).toMatchObject({
        code: 'KEELSON_INIT_FAILED',
      })
      await GenServer.stop(await GenServer.start(bad, { system, name: 'one', ...where }))
    }
  })

  it('of a registry is reserved as well', async () => {
    const { system, clock } = stage
    const registry = Registry.create({ system })
    const slow = { ...bad, init: () => clock.sleep(10).then(() => 0) }
    const first = GenServer.start(slow, { system, name: 'key', registry })
    expect(await rejection(GenServer.start(bad, { system, name: 'key', registry }))).toMatchObject({
      code: 'KEELSON_KEY_TAKEN',
    })
    expect(registry.isRegistered('key')).toBe(false)
    await clock.advance(20)
    expect(registry.lookup('key').ref).toBe(await first)
  })
})

it('a ref of elsewhere is not running, and a monitor of it tells noproc [foreign-ref]', async () => {
  const foreign = { id: 'genserver_7_elsewhere' }
  const got: unknown[] = []
  const watcher = await GenServer.start(
    { ...bad, handleInfo: (info, state) => (got.push(info), state) },
    { system: stage.system },
  )
  expect(GenServer.isRunning(foreign)).toBe(false)
  const gone = { code: 'KEELSON_NOT_RUNNING', serverId: foreign.id }
  expect(await rejection(GenServer.call(foreign, 1))).toMatchObject(gone)
  expect(await rejection(GenServer.link(watcher, foreign))).toMatchObject(gone)
  expect(await rejection(GenServer.monitor(foreign, watcher))).toMatchObject(gone)
  expect(() => GenServer.cast(foreign, 1)).toThrow(/is not running/)
  await GenServer.monitor(watcher, foreign)
  await GenServer.demonitor({ monitorId: 'monitor_1', monitoredRef: foreign })
  await turns()
  expect(got).toMatchObject([{ type: 'DOWN', ref: foreign, reason: { type: 'noproc' } }])
})

it('a clock that fails leaves processes running', async () => {
  const clock = createControlledClock()
  const reported: string[] = []
  const broken = new Proxy(clock, {
    get: (target, key) => {
      if (key === 'schedule') {
        return () => {
          throw new Error('no timer')
        }
      }
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const system = createSystem({ clock: broken, onError: (_, origin) => reported.push(origin) })
  const ref = await GenServer.start(
    { ...bad, handleCall: async (_, state) => (await turns(), [state, state]) },
    { system },
  )
  expect(await GenServer.call(ref, 1, { timeout: 100 })).toBe(0)
  expect(await GenServer.call(ref, 1, { timeout: 100 })).toBe(0)
  await GenServer.stop(ref)
})
