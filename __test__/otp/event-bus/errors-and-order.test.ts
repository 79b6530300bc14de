/** Errors of subscribers, the order and cost of delivery, and ends, each as an earlier event bus had them wrong. */
import { EventBus, type EventBusRef, GenServer } from 'keelson'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { rejection } from '../../support/rejection.ts'
import { useStage } from '../../support/system.ts'

const stage = useStage()
let bus: EventBusRef

beforeEach(async () => {
  bus = await EventBus.start({ system: stage.system })
})

describe('an earlier event bus', () => {
  it('ended the program when an asynchronous handler rejected', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    await EventBus.subscribe(bus, 'a', async () => Promise.reject(new Error('no')))
    await EventBus.publishSync(bus, 'a', 1)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(stage.reported).toHaveLength(1)
  })

  it('swallowed what a handler threw', async () => {
    await EventBus.subscribe(bus, 'a', () => {
      throw new Error('no')
    })
    await EventBus.publishSync(bus, 'a', 1)
    expect(stage.reported).toHaveLength(1)
  })

  it('ran handlers on the stack of who published', async () => {
    let depth = 0
    await EventBus.subscribe(bus, 'a', (left) => {
      depth++
      expect(depth).toBe(1)
      if ((left as number) > 0) EventBus.publish(bus, 'a', (left as number) - 1)
      depth--
    })
    await EventBus.publishSync(bus, 'a', 1000)
    expect(stage.reported).toEqual([])
  })

  it('kept the subscriptions of processes that had ended', async () => {
    const ref = await GenServer.start(
      { init: () => 0, handleCall: () => [0, 0], handleCast: () => 0 },
      { system: stage.system },
    )
    await EventBus.subscribe(bus, 'a', ref)
    await GenServer.stop(ref)
    expect(await EventBus.getSubscriptionCount(bus)).toBe(0)
  })

  it('copied all subscriptions for each new one, and looked at all for each message', async () => {
    // The walk is the core's (src/core/bus); its cost is measured in the suite `services`. Here: it is right at size.
    const told: string[] = []
    for (let index = 0; index < 20_000; index++) {
      await EventBus.subscribe(bus, `user.${index}.created`, (_, topic) => void told.push(topic))
    }
    await EventBus.publishSync(bus, 'user.19999.created', null)
    expect(told).toEqual(['user.19999.created'])
    expect(await EventBus.getSubscriptionCount(bus)).toBe(20_000)
  })

  it('answered calls behind a stop with a timeout, and hung a second stop', async () => {
    const stops = [EventBus.stop(bus), EventBus.stop(bus)]
    const late = rejection(EventBus.publishSync(bus, 'a', 1))
    await Promise.all(stops)
    expect(await late).toMatchObject({ code: 'KEELSON_NOT_RUNNING' })
  })

  it('said in its pages that a last star is one segment; it is one or more', async () => {
    const leave = await EventBus.subscribe(bus, 'user.*', () => undefined)
    expect(await EventBus.getSubscriberCount(bus, 'user.a')).toBe(1)
    expect(await EventBus.getSubscriberCount(bus, 'user.a.b')).toBe(1)
    expect(await EventBus.getSubscriberCount(bus, 'user')).toBe(0)
    await leave()
  })
})

it('the example that its readers know runs', async () => {
  const lines: string[] = []
  const console = { log: (line: string): void => void lines.push(line) }
  const own = await EventBus.start({ system: stage.system })

  await EventBus.subscribe(own, 'user.*', (message, topic) => {
    console.log(`${topic}: ${JSON.stringify(message)}`)
  })

  EventBus.publish(own, 'user.created', { id: '123', name: 'Alice' })
  EventBus.publish(own, 'user.updated', { id: '123', email: 'alice@example.com' })

  await EventBus.stop(own)
  expect(lines).toEqual([
    'user.created: {"id":"123","name":"Alice"}',
    'user.updated: {"id":"123","email":"alice@example.com"}',
  ])
})
