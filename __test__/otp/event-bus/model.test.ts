/** Random programs of an event bus. What happened is written down as it happens, and the rules are checked on that. */
import * as fc from 'fast-check'
import { EventBus, GenServer, type BusEvents } from 'keelson/otp'
import { expect, test } from 'vitest'
import { Reach, runsOf } from '../../support/programs.ts'
import { systemWith } from '../../support/system.ts'

const TOPICS = ['a', 'a.b', 'c'] as const
const PATTERNS = ['a', 'a.*', '**', 'c'] as const
/** The behaviour of a handler. */
const KINDS = ['notes', 'throws', 'rejects', 'leaves', 'ends another', 'subscribes', 'publishes', 'looks'] as const
type Topic = (typeof TOPICS)[number]
type Pattern = (typeof PATTERNS)[number]
type Kind = (typeof KINDS)[number]

const wants = (pattern: Pattern, topic: Topic): boolean =>
  pattern === '**' || pattern === topic || (pattern === 'a.*' && topic === 'a.b')

const topic = fc.constantFrom(...TOPICS)
const pattern = fc.constantFrom(...PATTERNS)
const named = <const N extends string, T extends object>(name: N, rest: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record({ name: fc.constant(name), ...rest }) as unknown as fc.Arbitrary<{ readonly name: N } & T>

const operation = fc.oneof(
  { weight: 6, arbitrary: named('subscribe', { kind: fc.constantFrom(...KINDS), pattern, once: fc.boolean() }) },
  { weight: 2, arbitrary: named('process', { pattern }) },
  { weight: 2, arbitrary: named('next', { pattern, timeout: fc.constantFrom(1, 5, Infinity) }) },
  { weight: 2, arbitrary: named('events', { pattern, most: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 5, arbitrary: named('publish', { topic }) },
  { weight: 4, arbitrary: named('publishSync', { topic }) },
  { weight: 1, arbitrary: named('burst', { topic, count: fc.constantFrom(3, 40) }) },
  { weight: 3, arbitrary: named('leave', { which: fc.nat(30) }) },
  { weight: 1, arbitrary: named('stop process', { which: fc.nat(30) }) },
  { weight: 2, arbitrary: named('advance', { ms: fc.constantFrom(1, 5) }) },
  { weight: 3, arbitrary: named('settle', {}) },
  { weight: 1, arbitrary: named('look', {}) },
)
type Operation = typeof operation extends fc.Arbitrary<infer O> ? O : never

interface Subscriber {
  readonly pattern: Pattern
  readonly what: 'handler' | 'process' | 'next' | 'events'
  readonly once: boolean
  /** The positions of its subscription and its end in the sequence of operations. */
  readonly from: number
  until: number
  /** The messages it was told of, with when. */
  readonly told: { readonly message: number; readonly at: number }[]
  /** Messages that a reader did not take and lost. */
  lost: () => number
  leave: () => void
}

interface Message {
  readonly topic: Topic
  readonly at: number
  /** The position at which `publishSync` resolved; -1 for a message of `publish`. */
  settled: number
}

async function run(operations: readonly Operation[], reach: Reach): Promise<void> {
  const errors: unknown[] = []
  const { clock, system } = systemWith((error) => errors.push(error))
  const bus = await EventBus.start({ system })
  const subscribers: Subscriber[] = []
  const messages: Message[] = []
  const processes: { readonly stop: () => Promise<void> }[] = []
  const open = new Set<string>()
  let now = 0
  let publishing = 0
  let failures = 0

  const add = (part: Pick<Subscriber, 'pattern' | 'what' | 'once'>): Subscriber => {
    const one: Subscriber = { ...part, from: now++, until: Infinity, told: [], lost: () => 0, leave: () => {} }
    subscribers.push(one)
    return one
  }
  /** Ends a subscription as soon as the function that ends it exists. */
  const leaver = (one: Subscriber, leaving: Promise<() => unknown>): void => {
    const end = (leave: () => unknown): void => {
      one.until = Math.min(one.until, now++)
      leave()
    }
    one.leave = () => void leaving.then(end)
    void leaving.then((leave) => {
      one.leave = () => end(leave)
    })
  }
  const tell = (one: Subscriber, message: number): void => {
    expect(publishing).toBe(0)
    one.told.push({ message, at: now++ })
    if (one.once) one.until = Math.min(one.until, now++)
  }

  const publish = (to: Topic, sync: boolean): void => {
    const number = messages.push({ topic: to, at: now++, settled: -1 }) - 1
    publishing++
    if (sync) {
      open.add(`publishSync ${number}`)
      const settled = (): void => {
        expect(open.delete(`publishSync ${number}`)).toBe(true)
        ;(messages[number] as Message).settled = now++
      }
      EventBus.publishSync(bus, to, number, { timeout: Infinity }).then(settled, settled)
    } else {
      expect(EventBus.publish(bus, to, number)).toBe(true)
    }
    publishing--
  }

  const subscribe = (kind: Kind, wanted: Pattern, once: boolean, depth: number): void => {
    const one = add({ pattern: wanted, what: 'handler', once })
    const react = (message: number, to: Topic): unknown => {
      tell(one, message)
      if (kind === 'throws') {
        failures++
        throw Object.create(null)
      }
      if (kind === 'rejects') {
        failures++
        return {
          then(_: unknown, reject: (error: unknown) => void) {
            reject('no')
            reject('again')
          },
        }
      }
      if (kind === 'leaves') one.leave()
      if (kind === 'ends another')
        subscribers
          .filter(({ what }) => what === 'handler')
          .forEach((other) => {
            if (other !== one && other.until === Infinity && depth === 0) other.leave()
          })
      if (kind === 'subscribes' && depth < 2) subscribe('notes', wanted, true, depth + 1)
      if (kind === 'publishes' && one.told.length < 3) publish(to, one.told.length % 2 === 0)
      if (kind === 'looks') expect(EventBus.isRunning(bus)).toBe(true)
      return undefined
    }
    const leaving = EventBus.subscribe(bus, wanted, react as never, { once })
    leaver(one, leaving)
  }

  const subscribeProcess = async (wanted: Pattern): Promise<void> => {
    const hears: { one?: Subscriber } = {}
    const ref = await GenServer.start(
      {
        init: () => 0,
        handleCall: (_: never, state: number): [number, number] => [state, state],
        handleCast: ({ message }: { message: number }, state: number) => {
          if (hears.one !== undefined) tell(hears.one, message)
          return state
        },
      },
      { system },
    )
    const leaving = EventBus.subscribe(bus, wanted, ref as never)
    const one = add({ pattern: wanted, what: 'process', once: false })
    hears.one = one
    leaver(one, leaving)
    await leaving
    processes.push({
      stop: async () => {
        await settle()
        one.until = Math.min(one.until, now++)
        await GenServer.stop(ref)
      },
    })
  }

  const next = (wanted: Pattern, timeout: number): void => {
    const one = add({ pattern: wanted, what: 'next', once: true })
    const key = `next ${subscribers.length}`
    open.add(key)
    const due = clock.monoMs() + timeout
    EventBus.next<number>(bus, wanted, timeout === Infinity ? {} : { timeout }).then(
      ({ message }) => {
        expect(open.delete(key)).toBe(true)
        tell(one, message)
      },
      ({ code }: { code: string }) => {
        expect(open.delete(key)).toBe(true)
        reach.fault(`next ${code}`)
        if (code === 'KEELSON_TIMEOUT') expect(clock.monoMs()).toBe(due)
        else expect(code).toBe('KEELSON_NOT_RUNNING')
        one.until = Math.min(one.until, now++)
      },
    )
  }

  const readers: { readonly one: Subscriber; readonly stream: BusEvents<number> }[] = []
  const events = (wanted: Pattern, most: number): void => {
    const stream = EventBus.events<number>(bus, wanted, { highWaterMark: most, overflow: 'drop-oldest' })
    const one = add({ pattern: wanted, what: 'events', once: false })
    one.leave = () => void stream.return?.()
    one.lost = () => stream.dropped
    readers.push({ one, stream })
  }

  /** Everything that is on its way arrives, and readers read what they have. */
  const settle = async (): Promise<void> => {
    await clock.flush()
    for (const { one, stream } of readers) {
      while (stream.size > 0) {
        const { value } = await stream.next()
        one.told.push({ message: value?.message as number, at: now++ })
      }
    }
  }

  const step = async (one: Operation): Promise<void> => {
    if (one.name === 'subscribe') subscribe(one.kind, one.pattern, one.once, 0)
    else if (one.name === 'process') await subscribeProcess(one.pattern)
    else if (one.name === 'next') next(one.pattern, one.timeout)
    else if (one.name === 'events') events(one.pattern, one.most)
    else if (one.name === 'publish' || one.name === 'publishSync') publish(one.topic, one.name === 'publishSync')
    else if (one.name === 'burst') for (let index = 0; index < one.count; index++) publish(one.topic, false)
    else if (one.name === 'leave') {
      const here = subscribers.filter(({ what, until }) => what !== 'next' && until === Infinity)
      const other = here[one.which % Math.max(here.length, 1)]
      if (other !== undefined && other.what !== 'events') other.leave()
    } else if (one.name === 'stop process')
      await processes.splice(one.which % Math.max(processes.length, 1), 1)[0]?.stop()
    else if (one.name === 'advance') await clock.advance(one.ms)
    else if (one.name === 'settle') await settle()
    else {
      await settle()
      const here = subscribers.filter(({ until }) => until === Infinity)
      expect(await EventBus.getSubscriptionCount(bus)).toBe(here.length)
    }
  }

  for (const one of operations) await step(one)
  await settle()
  await settle()
  await EventBus.stop(bus)
  await clock.flush()
  expect([...open]).toEqual([])
  expect(() => EventBus.publish(bus, 'a', 0)).toThrow(expect.objectContaining({ code: 'KEELSON_NOT_RUNNING' }))
  check(subscribers, messages)
  expect(errors).toHaveLength(failures)
  await system.close()
}

/** The rules of docs/event-bus.md on what was written down. */
function check(subscribers: readonly Subscriber[], messages: readonly Message[]): void {
  const toHandlers: { readonly message: number; readonly number: number; readonly at: number }[] = []
  for (const [number, one] of subscribers.entries()) {
    const heard = one.told.map(({ message }) => message)
    // In order, and once each.
    expect(heard).toEqual([...new Set(heard)].toSorted((first, second) => first - second))
    for (const { message, at } of one.told) {
      const { topic: to, at: published } = messages[message] as Message
      expect(wants(one.pattern, to)).toBe(true)
      expect(one.from).toBeLessThan(published)
      if (one.what === 'handler') {
        expect(at).toBeLessThan(one.until)
        toHandlers.push({ message, number, at })
      }
    }
    // Whoever was there when it was published, and until the end, has it.
    const due = messages.flatMap(({ topic: to, at }, message) =>
      at > one.from && wants(one.pattern, to) && one.until === Infinity ? [message] : [],
    )
    if (one.what === 'events') expect(heard.length + one.lost()).toBeGreaterThanOrEqual(due.length)
    else if (!one.once) expect(heard).toEqual(expect.arrayContaining(due))
  }
  // All handlers have one message before any has the next, in the order in which they subscribed.
  const inOrder = toHandlers.toSorted((one, other) => one.message - other.message || one.number - other.number)
  expect(toHandlers.toSorted((one, other) => one.at - other.at)).toEqual(inOrder)
  for (const [message, { settled }] of messages.entries()) {
    if (settled === -1) continue
    for (const one of toHandlers) if (one.message === message) expect(one.at).toBeLessThan(settled)
  }
}

const reach = new Reach()

test('every message reaches those who were subscribed when it was published, once and in order, whatever they do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 8, maxLength: 55, size: 'max' }), async (operations) => {
      reach.program(operations.map(({ name }) => name))
      await run(operations, reach)
    }),
    runsOf('event buses', 150),
  )
  reach.print('event buses')
})
