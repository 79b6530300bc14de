import { AsyncLocalStorage } from 'node:async_hooks'
import { EventBus, type EventBusRef, GenServer } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const BARRIER = 'nobody.wants.this'
const stage = useStage()
let bus: EventBusRef
let told: [string, unknown][]
const tell = (message: unknown, topic: string): void => void told.push([topic, message])

beforeEach(async () => {
  bus = await EventBus.start({ system: stage.system })
  told = []
})

/** Everything published so far has been delivered. */
const settled = (): Promise<void> => EventBus.publishSync(bus, BARRIER, null)

/** The topics, of some, that a pattern wants. */
async function wanted(pattern: string, topics: string[]): Promise<string[]> {
  const leave = await EventBus.subscribe(bus, pattern, tell)
  for (const topic of topics) EventBus.publish(bus, topic, null)
  await settled()
  await leave()
  const seen = told.splice(0).map(([topic]) => topic)
  return seen.filter((topic) => topic !== BARRIER)
}

describe('patterns', () => {
  const topics = ['', 'user', 'user.', 'user.a', 'user.a.b', 'user.*', 'order.a', 'a.x.b', 'a.x.b.c', 'x']

  it.each<[string, string[]]>([
    ['*', topics],
    ['**', topics],
    ['#', topics],
    ['user', ['user']],
    ['user.*', ['user.', 'user.a', 'user.a.b', 'user.*']],
    ['user.**', ['user', 'user.', 'user.a', 'user.a.b', 'user.*']],
    ['user.#', ['user', 'user.', 'user.a', 'user.a.b', 'user.*']],
    ['*.a', ['user.a', 'order.a']],
    ['*.*', ['user.', 'user.a', 'user.*', 'order.a']],
    ['*.x.*', ['a.x.b']],
    ['a.*.b', ['a.x.b']],
    ['a.**.c', ['a.x.b.c']],
    ['#.b', ['user.a.b', 'a.x.b']],
    ['**.x.**', ['a.x.b', 'a.x.b.c', 'x']],
    ['', ['']],
    ['us*', []],
    ['user*', []],
  ])('%j wants what docs/event-bus.md says', async (pattern, expected) => {
    expect(await wanted(pattern, topics)).toEqual(expected)
  })

  it('take the names of properties of objects as any other text', async () => {
    const names = ['__proto__', 'constructor', 'toString', '__proto__.polluted', 'hasOwnProperty']
    for (const name of names) expect(await wanted(name, names)).toEqual([name])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('tell apart texts that differ in one character anywhere', async () => {
    const long = 'x'.repeat(300)
    expect(await wanted(`${long}.é`, [`${long}.é`, `${long}.e`, `${long}x.é`, long])).toEqual([`${long}.é`])
    expect(await wanted('a\0', ['a', 'a\0', 'a\0\0'])).toEqual(['a\0'])
  })
})

describe('delivery', () => {
  it('goes to all who want the topic, in the order in which they subscribed', async () => {
    const order: number[] = []
    const patterns = ['#', 'a.b', 'a.*', '*.b', 'other', 'a.**', 'a.b']
    for (const [index, pattern] of patterns.entries()) {
      await EventBus.subscribe(bus, pattern, () => void order.push(index))
    }
    EventBus.publish(bus, 'a.b', null)
    await settled()
    expect(order.filter((index) => index !== 0)).toEqual([1, 2, 3, 5, 6])
    expect(order[0]).toBe(0)
  })

  it('keeps the order of what one publishes, whatever the topics', async () => {
    await EventBus.subscribe(bus, '#', tell)
    for (let index = 0; index < 100; index++) EventBus.publish(bus, `t.${index % 7}`, index)
    await EventBus.publishSync(bus, 'end', 100)
    expect(told.map(([, message]) => message)).toEqual(Array.from({ length: 101 }, (_, index) => index))
  })

  it('never runs a subscriber on the stack of who publishes', async () => {
    await EventBus.subscribe(bus, 'a', tell)
    EventBus.publish(bus, 'a', 1)
    const done = EventBus.publishSync(bus, 'a', 2)
    expect(told).toEqual([])
    await done
    expect(told).toHaveLength(2)
  })

  it('passes the message itself, not a copy', async () => {
    await EventBus.subscribe(bus, 'a', tell)
    const message = { deep: [1] }
    await EventBus.publishSync(bus, 'a', message)
    expect(told[0]?.[1]).toBe(message)
  })

  it('is decided when a message is published: who subscribes later does not get it', async () => {
    EventBus.publish(bus, 'a', 'before')
    const subscribed = EventBus.subscribe(bus, 'a', tell)
    EventBus.publish(bus, 'a', 'after')
    await subscribed
    await settled()
    expect(told).toEqual([['a', 'after']])
  })

  it('ends with the subscription at once, also for what was published before', async () => {
    const leave = await EventBus.subscribe(bus, 'a', tell)
    EventBus.publish(bus, 'a', 1)
    const left = leave()
    EventBus.publish(bus, 'a', 2)
    await settled()
    expect(told).toEqual([])
    expect(await left).toBeUndefined()
    expect(await leave()).toBeUndefined()
  })

  it('lets a subscriber publish: that comes after what was published before', async () => {
    await EventBus.subscribe(bus, 'a', (message, topic) => {
      tell(message, topic)
      EventBus.publish(bus, 'b', 'from a')
    })
    await EventBus.subscribe(bus, '*', tell)
    EventBus.publish(bus, 'a', 1)
    EventBus.publish(bus, 'a', 2)
    await settled()
    await settled()
    const messages = told.filter(([topic]) => topic !== BARRIER)
    expect(messages).toEqual([
      ['a', 1],
      ['a', 1],
      ['a', 2],
      ['a', 2],
      ['b', 'from a'],
      ['b', 'from a'],
    ])
  })

  it('lets a subscriber subscribe and unsubscribe, itself and others', async () => {
    const leaves: (() => Promise<void>)[] = []
    leaves[0] = await EventBus.subscribe(bus, 'a', (message, topic) => {
      tell(message, topic)
      void leaves[0]?.()
      void leaves[1]?.()
      void EventBus.subscribe(bus, 'a', (late) => tell(late, 'late'))
    })
    leaves[1] = await EventBus.subscribe(bus, 'a', () => tell('never', 'never'))
    await EventBus.publishSync(bus, 'a', 1)
    await EventBus.publishSync(bus, 'a', 2)
    expect(told).toEqual([
      ['a', 1],
      ['late', 2],
    ])
  })

  it('lets a subscriber wait for the bus: the bus does not wait for it', async () => {
    const counts: number[] = []
    await EventBus.subscribe(bus, 'a', async () => {
      await EventBus.publishSync(bus, 'b', 'nested')
      counts.push(await EventBus.getSubscriptionCount(bus))
    })
    await EventBus.subscribe(bus, 'b', tell)
    await EventBus.publishSync(bus, 'a', 1)
    await stage.turn()
    expect(told).toEqual([['b', 'nested']])
    expect(counts).toEqual([2])
    expect(stage.reported).toEqual([])
  })

  it('costs one look for a topic that nobody wants, and counts it', async () => {
    expect(EventBus.publish(bus, 'a', 1)).toBe(true)
    expect(GenServer.getStatus(bus).queueSize).toBe(0)
    expect(await EventBus.getStats(bus)).toEqual({
      subscriptions: 0,
      published: 1,
      delivered: 0,
      failed: 0,
      dropped: 0,
    })
  })

  it('goes to more subscribers than fit one crossing, in order', async () => {
    const order: number[] = []
    for (let index = 0; index < 1000; index++) {
      await EventBus.subscribe(bus, index % 2 === 0 ? 'a' : '*', () => void order.push(index))
    }
    await EventBus.publishSync(bus, 'a', null)
    expect(order).toEqual(Array.from({ length: 1000 }, (_, index) => index))
  })
})

describe('what a subscriber does wrong', () => {
  it('is told to the system, and hurts neither the others nor the bus', async () => {
    const thrown = new Error('thrown')
    const rejected = new Error('rejected')
    await EventBus.subscribe(bus, 'a', () => {
      throw thrown
    })
    await EventBus.subscribe(bus, 'a', async () => Promise.reject(rejected))
    await EventBus.subscribe(bus, 'a', () => ({
      // oxlint-disable-next-line unicorn/no-thenable -- what a broken promise of another library looks like
      get then(): never {
        throw new Error('getter')
      },
    }))
    await EventBus.subscribe(bus, 'a', tell)
    await EventBus.publishSync(bus, 'a', 1)
    await stage.turn()
    expect(told).toEqual([['a', 1]])
    expect(EventBus.isRunning(bus)).toBe(true)
    expect(stage.reported.map(([error]) => (error as Error).message).toSorted()).toEqual([
      'getter',
      'rejected',
      'thrown',
    ])
    expect(stage.reported[0]).toEqual([thrown, `a subscriber of "a" on the bus ${bus.id}`])
    expect(await EventBus.getStats(bus)).toMatchObject({ delivered: 4, failed: 3 })
  })

  it('shows no more than the beginning of a long pattern', async () => {
    await EventBus.subscribe(bus, 'x'.repeat(60_000), () => {
      throw new Error('no')
    })
    await EventBus.publishSync(bus, 'x'.repeat(60_000), 1)
    expect(stage.reported[0]?.[1].length).toBeLessThan(200)
  })

  it('does not hold up others: an asynchronous subscriber is not waited for', async () => {
    await EventBus.subscribe(bus, 'a', async (message, topic) => {
      await stage.system.clock.sleep(1000)
      tell(message, `slow ${topic}`)
    })
    await EventBus.subscribe(bus, 'a', tell)
    await EventBus.publishSync(bus, 'a', 1)
    await EventBus.publishSync(bus, 'a', 2)
    expect(told).toEqual([
      ['a', 1],
      ['a', 2],
    ])
    await stage.clock.advance(1000)
    expect(told).toHaveLength(4)
  })
})

describe('a subscription', () => {
  it('with `once`, or made by `once`, ends with its first message, also when several were published', async () => {
    await EventBus.once(bus, 'a', tell)
    await EventBus.subscribe(bus, 'a', (message) => tell(message, 'option'), { once: true })
    EventBus.publish(bus, 'a', 1)
    EventBus.publish(bus, 'a', 2)
    await settled()
    expect(told).toEqual([
      ['a', 1],
      ['option', 1],
    ])
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('with `once` has ended when its function runs, also if that throws', async () => {
    const counts: Promise<number>[] = []
    await EventBus.once(bus, 'a', () => {
      counts.push(EventBus.getSubscriptionCount(bus))
      throw new Error('no')
    })
    EventBus.publish(bus, 'a', 1)
    await EventBus.publishSync(bus, 'a', 2)
    expect(await Promise.all(counts)).toEqual([0])
    expect(stage.reported).toHaveLength(1)
  })

  it('ends when its signal aborts, and is refused by one that has', async () => {
    const controller = new AbortController()
    await EventBus.subscribe(bus, 'a', tell, { signal: controller.signal })
    controller.abort()
    await EventBus.publishSync(bus, 'a', 1)
    expect(told).toEqual([])
    const reason = new Error('gone')
    expect(await rejection(EventBus.subscribe(bus, 'a', tell, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('leaves no listener on its signal', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)]
    signal.addEventListener = (...args: Parameters<typeof add>) => [listeners++, add(...args)]
    signal.removeEventListener = (...args: Parameters<typeof remove>) => [listeners--, remove(...args)]
    const leave = await EventBus.subscribe(bus, 'a', tell, { signal })
    expect(listeners).toBe(1)
    await leave()
    expect(listeners).toBe(0)
  })

  it('can be disposed of', async () => {
    {
      await using one = await EventBus.subscribe(bus, 'a', tell)
      using other = await EventBus.subscribe(bus, 'a', tell)
      expect([one.pattern, other.pattern]).toEqual(['a', 'a'])
      expect(await EventBus.getSubscriberCount(bus, 'a')).toBe(2)
    }
    expect(await EventBus.getSubscriberCount(bus, 'a')).toBe(0)
  })

  it('ends with its owner', async () => {
    const owner = await GenServer.start(
      { init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 },
      { system: stage.system },
    )
    await EventBus.subscribe(bus, 'a', tell, { owner })
    await GenServer.stop(owner)
    await EventBus.publishSync(bus, 'a', 1)
    expect(told).toEqual([])
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    expect(await rejection(EventBus.subscribe(bus, 'a', tell, { owner }))).toMatchObject({
      code: 'KEELSON_NOT_RUNNING',
    })
  })

  it('runs its function in the context in which it was made, not in that of who publishes', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    await storage.run('subscriber', () => EventBus.subscribe(bus, 'a', () => void seen.push(storage.getStore())))
    await EventBus.subscribe(bus, 'a', () => void seen.push(storage.getStore()))
    await storage.run('publisher', () => EventBus.publishSync(bus, 'a', 1))
    expect(seen).toEqual(['subscriber', undefined])
  })
})

describe('next', () => {
  it('resolves with the first message after the call', async () => {
    EventBus.publish(bus, 'a.1', 'before')
    const next = EventBus.next<string>(bus, 'a.*')
    EventBus.publish(bus, 'a.2', 'after')
    expect(await next).toEqual({ topic: 'a.2', message: 'after' })
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('gives up after its time, with its signal, and with the bus', async () => {
    const late = rejection(EventBus.next(bus, 'a', { timeout: 100 }))
    await stage.clock.advance(99)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(1)
    await stage.clock.advance(1)
    expect(await late).toMatchObject({ code: 'KEELSON_TIMEOUT', timeoutMs: 100 })
    const controller = new AbortController()
    const aborted = rejection(EventBus.next(bus, 'a', { signal: controller.signal, timeout: 100 }))
    controller.abort('enough')
    expect(await aborted).toBe('enough')
    expect(stage.clock.getPendingTimerCount()).toBe(0)
    const left = rejection(EventBus.next(bus, 'a'))
    expect(await EventBus.getSubscriptionCount(bus)).toBe(1)
    await EventBus.stop(bus)
    expect(await left).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })
})
