import { type BusEvents, EventBus, type EventBusRef, GenServer, isBusOverflowError } from 'keelson'
import { beforeEach, describe, expect, it } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let bus: EventBusRef

beforeEach(async () => {
  bus = await EventBus.start({ system: stage.system })
})

/** Publishes numbers, and waits until the bus has handed them out. */
async function publish(...messages: number[]): Promise<void> {
  for (const message of messages) EventBus.publish(bus, 'a', message)
  await EventBus.publishSync(bus, 'nobody.wants.this', null)
}

/** Reads the events that are there without a wait. */
async function readAll(events: BusEvents<number>): Promise<number[]> {
  const read: number[] = []
  while (events.size > 0) read.push((await events.next()).value?.message as number)
  return read
}

/** Resolves with whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => void (settled = true)
  promise.then(note, note)
  await stage.turn()
  return settled
}

describe('events', () => {
  it('are read in the order in which they were published, with their topics', async () => {
    const events = EventBus.events<number>(bus, 'a.*')
    for (let index = 0; index < 5; index++) EventBus.publish(bus, `a.${index}`, index)
    const stopped = EventBus.stop(bus)
    const seen: [string, number][] = []
    for await (const { topic, message } of events) seen.push([topic, message])
    await stopped
    expect(seen).toEqual([0, 1, 2, 3, 4].map((index) => [`a.${index}`, index]))
  })

  it('count from the call, not from the first read', async () => {
    const events = EventBus.events<number>(bus, 'a')
    await publish(1, 2)
    expect(events.size).toBe(2)
    expect(await readAll(events)).toEqual([1, 2])
  })

  it('go to readers that wait, the first one first', async () => {
    const events = EventBus.events<number>(bus, 'a')
    const reads = [events.next(), events.next(), events.next()]
    await publish(1, 2, 3)
    expect((await Promise.all(reads)).map(({ value }) => value?.message)).toEqual([1, 2, 3])
  })

  it('end with the loop that reads them', async () => {
    const events = EventBus.events<number>(bus, 'a')
    await publish(1, 2, 3)
    for await (const { message } of events) if (message === 2) break
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    expect(events.size).toBe(0)
    expect(await events.next()).toEqual({ done: true, value: undefined })
  })

  it('end by disposal, and readers that wait with them', async () => {
    const pending: Promise<unknown>[] = []
    {
      await using events = EventBus.events<number>(bus, 'a')
      pending.push(events.next())
    }
    expect(await Promise.all(pending)).toEqual([{ done: true, value: undefined }])
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('end with the bus: what waits is read first', async () => {
    const events = EventBus.events<number>(bus, 'a')
    const other = EventBus.events<number>(bus, 'b')
    const waits = other.next()
    await publish(1, 2)
    await EventBus.stop(bus)
    expect(await waits).toEqual({ done: true, value: undefined })
    expect(await readAll(events)).toEqual([1, 2])
    expect((await events.next()).done).toBe(true)
  })

  it('end with a bus that is killed, and with the system', async () => {
    const events = EventBus.events<number>(bus, 'a')
    const owner = await GenServer.start(
      { init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 },
      {
        system: stage.system,
      },
    )
    await GenServer.link(owner, bus)
    const read = events.next()
    await GenServer.stop(owner, { error: new Error('crash') })
    expect((await read).done).toBe(true)
    const second = await EventBus.start({ system: stage.system })
    const closing = EventBus.events<number>(second, 'a').next()
    const next = expect(EventBus.next(second, 'a')).rejects.toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    await stage.system.close()
    expect((await closing).done).toBe(true)
    await next
  })

  it('end with their owner; what waits can still be read', async () => {
    const owner = await GenServer.start(
      { init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 },
      {
        system: stage.system,
      },
    )
    const events = EventBus.events<number>(bus, 'a', { owner })
    await publish(1)
    await GenServer.stop(owner)
    await publish(2)
    expect(await readAll(events)).toEqual([1])
    expect((await events.next()).done).toBe(true)
  })

  it('end when the signal aborts: the reader gets the reason once, and nothing that waited', async () => {
    const controller = new AbortController()
    const events = EventBus.events<number>(bus, 'a', { signal: controller.signal })
    await publish(1, 2)
    controller.abort('enough')
    expect(await rejection(events.next())).toBe('enough')
    expect((await events.next()).done).toBe(true)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    const other = new AbortController()
    const waits = EventBus.events<number>(bus, 'a', { signal: other.signal }).next()
    other.abort('now')
    expect(await rejection(waits)).toBe('now')
  })
})

describe('a reader that is too slow', () => {
  it('by default loses nothing: it reads what waited, then gets an error, once, and its subscription has ended', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 3 })
    await publish(1, 2, 3, 4, 5)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
    expect(await readAll(events)).toEqual([1, 2, 3])
    const error = await rejection(events.next())
    expect(isBusOverflowError(error)).toBe(true)
    expect(error).toMatchObject({ code: 'KEELSON_BUS_OVERFLOW', busId: bus.id, pattern: 'a', highWaterMark: 3 })
    expect((await events.next()).done).toBe(true)
  })

  it('may have 1024 messages waiting by default', async () => {
    const events = EventBus.events<number>(bus, 'a')
    await publish(...Array.from({ length: 1024 }, (_, index) => index))
    expect(events.size).toBe(1024)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(1)
    await publish(1024)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('can lose the oldest, or the newest, and the losses are counted', async () => {
    const oldest = EventBus.events<number>(bus, 'a', { highWaterMark: 2, overflow: 'drop-oldest' })
    const newest = EventBus.events<number>(bus, 'a', { highWaterMark: 2, overflow: 'drop-newest' })
    await publish(1, 2, 3, 4, 5)
    expect([oldest.dropped, newest.dropped]).toEqual([3, 3])
    expect(await readAll(oldest)).toEqual([4, 5])
    expect(await readAll(newest)).toEqual([1, 2])
    expect((await EventBus.getStats(bus)).dropped).toBe(6)
  })

  it('hurts nobody else: others have every message, and publish does not wait', async () => {
    EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    EventBus.events<number>(bus, 'a', { highWaterMark: 1 })
    const told: unknown[] = []
    await EventBus.subscribe(bus, 'a', (message) => void told.push(message))
    await publish(1, 2, 3)
    expect(told).toEqual([1, 2, 3])
    expect(stage.reported).toEqual([])
  })
})

describe('back-pressure', () => {
  it('holds publishSync until every blocking reader has room', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    const other = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    await EventBus.publishSync(bus, 'a', 1)
    const second = EventBus.publishSync(bus, 'a', 2)
    expect(await isSettled(second)).toBe(false)
    expect((await events.next()).value?.message).toBe(1)
    expect(await isSettled(second)).toBe(false)
    expect((await other.next()).value?.message).toBe(1)
    await second
    expect(await readAll(events)).toEqual([2])
    expect(await readAll(other)).toEqual([2])
  })

  it('holds publishers in line, in order, and never more than highWaterMark messages wait', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 2, overflow: 'block' })
    let done = 0
    const publishes = [1, 2, 3, 4, 5, 6].map((message) => EventBus.publishSync(bus, 'a', message).then(() => done++))
    await stage.turn()
    expect([done, events.size]).toEqual([2, 2])
    const read: number[] = []
    for (let index = 0; index < 6; index++) {
      read.push((await events.next()).value?.message as number)
      await stage.turn()
      expect(events.size).toBe(Math.min(2, 6 - read.length))
      expect(done).toBe(Math.min(6, 3 + index))
    }
    await Promise.all(publishes)
    expect(read).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('of a reader that leaves lets publishers go on', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    const publishes = [1, 2, 3].map((message) => EventBus.publishSync(bus, 'a', message))
    await stage.turn()
    await events.return()
    await Promise.all(publishes)
    expect(stage.reported).toEqual([])
  })

  it('is an error of the reader for publish, which cannot wait', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    const waits = [1, 2].map((message) => EventBus.publishSync(bus, 'a', message))
    await stage.turn()
    await publish(3)
    await Promise.all(waits)
    expect(await readAll(events)).toEqual([1])
    expect(await rejection(events.next())).toMatchObject({ code: 'KEELSON_BUS_OVERFLOW' })
  })

  it('ends for a publisher after its time, or with its signal: the reader does not get that message', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    await EventBus.publishSync(bus, 'a', 1)
    const controller = new AbortController()
    const late = rejection(EventBus.publishSync(bus, 'a', 2))
    const aborted = rejection(EventBus.publishSync(bus, 'a', 3, { signal: controller.signal }))
    const patient = EventBus.publishSync(bus, 'a', 4, { timeout: Infinity })
    await stage.turn()
    controller.abort('enough')
    expect(await aborted).toBe('enough')
    await stage.clock.advance(5000)
    expect(await late).toMatchObject({ code: 'KEELSON_CALL_TIMEOUT', timeoutMs: 5000 })
    expect((await events.next()).value?.message).toBe(1)
    await patient
    expect(await readAll(events)).toEqual([4])
  })

  it('ends with the bus: publishers that wait are told, and what was accepted is read', async () => {
    const events = EventBus.events<number>(bus, 'a', { highWaterMark: 1, overflow: 'block' })
    await EventBus.publishSync(bus, 'a', 1)
    const waits = rejection(EventBus.publishSync(bus, 'a', 2))
    await stage.turn()
    await EventBus.stop(bus)
    expect(await waits).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
    expect(await readAll(events)).toEqual([1])
    expect((await events.next()).done).toBe(true)
  })
})
