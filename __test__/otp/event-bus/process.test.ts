import { EventBus, type EventBusRef, GenServer, Registry, Supervisor } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let bus: EventBusRef
let told: [string, unknown][]
const tell = (message: unknown, topic: string): void => void told.push([topic, message])

beforeEach(async () => {
  bus = await EventBus.start({ system: stage.system })
  told = []
})

/** Everything published so far has been delivered. */
const settled = (): Promise<void> => EventBus.publishSync(bus, 'nobody.wants.this', null)

describe('a process that subscribes', () => {
  const listener = {
    init: () => [] as unknown[],
    handleCall: (_: unknown, heard: unknown[]): [unknown[], unknown[]] => [heard, heard],
    handleCast: (event: unknown, heard: unknown[]) => [...heard, event],
  }

  it('gets each message as a cast, and its subscription ends with it', async () => {
    const ref = await GenServer.start(listener, { system: stage.system })
    await EventBus.subscribe(bus, 'a.*', ref)
    EventBus.publish(bus, 'a.b', 1)
    await EventBus.publishSync(bus, 'a.c', 2)
    expect(await GenServer.call(ref, null)).toEqual([
      { topic: 'a.b', message: 1 },
      { topic: 'a.c', message: 2 },
    ])
    await GenServer.stop(ref)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    expect(EventBus.publish(bus, 'a.b', 3)).toBe(true)
    await settled()
    expect(stage.reported).toEqual([])
  })

  it('whose mailbox is full loses a message to the owner of errors, and nobody else does', async () => {
    const ref = await GenServer.start(listener, { system: stage.system, maxMailbox: 1 })
    await EventBus.subscribe(bus, 'a', ref)
    await EventBus.subscribe(bus, 'a', tell)
    for (let index = 0; index < 3; index++) EventBus.publish(bus, 'a', index)
    await settled()
    expect(told).toHaveLength(3)
    expect(stage.reported.map(([error]) => (error as { code: string }).code)).toContain('KEELSON_MAILBOX_FULL')
    expect((await EventBus.getStats(bus)).failed).toBe(stage.reported.length)
  })

  it('has to be one that takes casts: not a supervisor, nor a bus', async () => {
    const supervisor = await Supervisor.start({ system: stage.system })
    for (const wrong of [supervisor, bus, {}, null, 'handler', undefined]) {
      const error = await rejection(EventBus.subscribe(bus, 'a', wrong as never))
      expect(error).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field: 'handler' })
    }
    await Supervisor.stop(supervisor)
  })
})

describe('a bus is a process', () => {
  it('has a name, and can be looked up, monitored and stopped as one', async () => {
    const named = await EventBus.start({ system: stage.system, name: 'events' })
    expect(Registry.whereis('events', stage.system)).toBe(named)
    expect(GenServer.isRunning(named)).toBe(true)
    expect(await rejection(EventBus.start({ system: stage.system, name: 'events' }))).toMatchObject({
      code: 'KEELSON_ALREADY_REGISTERED',
    })
    const down: unknown[] = []
    const watcher = await GenServer.start(
      {
        init: () => 0,
        handleCall: () => [0, 0],
        handleCast: () => 0,
        handleInfo: (info) => (down.push(info.type), 0),
      },
      { system: stage.system },
    )
    await GenServer.monitor(watcher, named)
    await GenServer.stop(named)
    await stage.turn()
    expect(down).toEqual(['DOWN'])
    expect(Registry.whereis('events', stage.system)).toBeUndefined()
    expect(EventBus.isRunning(named)).toBe(false)
  })

  it('can be a supervised child: a new one takes its place, without its subscriptions', async () => {
    const supervisor = await Supervisor.start({
      system: stage.system,
      children: [{ id: 'bus', start: () => EventBus.start({ system: stage.system, name: 'events' }) }],
    })
    const first = Registry.lookup('events', stage.system) as EventBusRef
    await EventBus.subscribe(first, 'a', tell)
    await GenServer.stop(first, { error: new Error('crash') })
    await stage.turn()
    const second = Registry.lookup('events', stage.system) as EventBusRef
    expect(second).not.toBe(first)
    expect(await EventBus.getSubscriptionCount(second)).toBe(0)
    await Supervisor.stop(supervisor)
    expect(EventBus.isRunning(second)).toBe(false)
  })

  it('delivers what was published before it was stopped, and refuses everything after', async () => {
    const leave = await EventBus.subscribe(bus, 'a', tell)
    EventBus.publish(bus, 'a', 1)
    const stopped = EventBus.stop(bus)
    EventBus.publish(bus, 'a', 'behind the stop')
    await stopped
    expect(told).toEqual([['a', 1]])
    const refused = { code: 'KEELSON_NOT_RUNNING', serverId: bus.id }
    expect(() => EventBus.publish(bus, 'a', 2)).toThrow(expect.objectContaining(refused))
    expect(() => EventBus.events(bus, 'a')).toThrow(expect.objectContaining(refused))
    const calls = [
      EventBus.publishSync(bus, 'a', 2),
      EventBus.subscribe(bus, 'a', tell),
      EventBus.once(bus, 'a', tell),
      EventBus.next(bus, 'a'),
      EventBus.getTopics(bus),
      EventBus.getSubscriptionCount(bus),
      EventBus.getSubscriberCount(bus, 'a'),
      EventBus.getStats(bus),
    ]
    for (const call of calls) expect(await rejection(call)).toMatchObject(refused)
    expect(await leave()).toBeUndefined()
    expect(await EventBus.stop(bus)).toBeUndefined()
    expect(EventBus.isRunning(bus)).toBe(false)
  })

  it('takes messages through EventBus alone', async () => {
    expect(await rejection(GenServer.call(bus, 'x' as never))).toMatchObject({ field: 'ref' })
    GenServer.cast(bus, 'x' as never)
    await settled()
    expect(stage.reported.map(([error]) => (error as { field: string }).field)).toEqual(['ref'])
    expect(EventBus.isRunning(bus)).toBe(true)
  })

  it('can have a bounded mailbox: publish says whether it took a message', async () => {
    const small = await EventBus.start({ system: stage.system, maxMailbox: 2 })
    await EventBus.subscribe(small, 'a', tell)
    expect([1, 2, 3].map((message) => EventBus.publish(small, 'a', message))).toEqual([true, true, false])
    expect(await rejection(EventBus.publishSync(small, 'a', 4))).toMatchObject({ code: 'KEELSON_MAILBOX_FULL' })
    await stage.turn()
    expect(told.map(([, message]) => message)).toEqual([1, 2])
  })

  it('ends with its system', async () => {
    await EventBus.subscribe(bus, 'a', tell)
    EventBus.publish(bus, 'a', 1)
    await stage.system.close()
    expect(EventBus.isRunning(bus)).toBe(false)
    expect(() => EventBus.publish(bus, 'a', 2)).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
  })
})

describe('what is asked of a bus', () => {
  it('has its patterns, each once, in order of subscription', async () => {
    const leave = await EventBus.subscribe(bus, 'b.*', tell)
    for (const pattern of ['a', 'b.*', 'a', '#']) await EventBus.subscribe(bus, pattern, tell)
    expect(await EventBus.getTopics(bus)).toEqual(['b.*', 'a', '#'])
    await leave()
    expect(await EventBus.getTopics(bus)).toEqual(['a', 'b.*', '#'])
    expect(await EventBus.getSubscriptionCount(bus)).toBe(4)
    expect(await EventBus.getSubscriberCount(bus, 'b.c')).toBe(2)
  })
})
