/** Messages, requests and appends cost the same while nobody subscribes to a channel as without channels. */
import { tracingChannel } from 'node:diagnostics_channel'

import { Atrion } from 'keelson/atrion'
import { Journal } from 'keelson/journal'
import { EventBus, GenServer } from 'keelson/otp'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { inside } from '../support/inside.ts'
import { useStage } from '../support/system.ts'

const stage = useStage()
const options = () => ({ system: stage.system })
const hot = inside.hot as unknown as Record<string, (...numbers: number[]) => number>
const originals = { ...hot }
let crossings: Record<string, number> = {}

beforeEach(() => {
  for (const [name, original] of Object.entries(originals)) {
    hot[name] = (...numbers) => {
      crossings[name] = (crossings[name] ?? 0) + 1
      return original(...numbers)
    }
  }
})
afterEach(() => void Object.assign(hot, originals))

async function crossingsOf(work: () => unknown): Promise<Record<string, number>> {
  await stage.turn()
  crossings = {}
  await work()
  await stage.turn()
  return crossings
}

/** The work of a soak, and the crossings that it took before there were channels. */
const soak: readonly [what: string, crossings: Record<string, number>, prepare: () => Promise<() => unknown>][] = [
  [
    'casts',
    { actorSubmit: 9, actorRound: 10 },
    async () => {
      const ref = await GenServer.start({ init: () => 0, handleCast: (_, n: number) => n + 1 }, options())
      return () => {
        for (let i = 0; i < 10_000; i++) GenServer.cast(ref, i)
      }
    },
  ],
  [
    'calls',
    { actorRound: 1001 },
    async () => {
      const ref = await GenServer.start({ init: () => 0, handleCall: (m, n: number) => [m, n] as const }, options())
      return async () => {
        for (let i = 0; i < 1000; i++) await GenServer.call(ref, i)
      }
    },
  ],
  [
    'messages of a bus',
    { busMatch: 4, actorRound: 1 },
    async () => {
      const bus = await EventBus.start(options())
      await EventBus.subscribe(bus, 'a.*', () => undefined)
      return () => {
        for (let i = 0; i < 1000; i++) EventBus.publish(bus, 'a.b', i)
      }
    },
  ],
  [
    'requests',
    { engineIntern: 1, engineAdmit: 1000, engineDone: 1000 },
    async () => {
      const atrion = new Atrion(options())
      return async () => {
        for (let i = 0; i < 1000; i++) {
          const ticket = await atrion.admit('route')
          if (ticket.allow) ticket.done()
        }
      }
    },
  ],
  [
    'appends',
    { memoryGrant: 1 },
    async () => {
      const journal = new Journal(options())
      return () => {
        for (let i = 0; i < 1000; i++) journal.append(i)
      }
    },
  ],
]

/** Counts the context objects of tracing channels that are made from now on. */
function countContexts(): () => number {
  const spies = (['trace', 'begin'] as const).map((name) => vi.spyOn(inside.TraceChannel.prototype, name))
  for (const spy of spies) spy.mockClear()
  return () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
}

describe('without a subscriber', () => {
  it.each(soak)('4 no reader: %s add no context object and no crossing in a soak', async (_what, expected, prepare) => {
    const contexts = countContexts()
    const { controlledAfter: _timer, ...found } = await crossingsOf(await prepare())
    expect(found).toEqual(expected)
    expect(contexts()).toBe(0)
  })

  it.each(soak)('4 no reader any more: %s cost what they cost before one came', async (_what, expected, prepare) => {
    const subscribers = { start: () => undefined } as never
    const channels = ['call', 'handle', 'admission', 'journal.append'].map((name) => tracingChannel(`keelson:${name}`))
    const counted = countContexts()
    for (const channel of channels) channel.subscribe(subscribers)
    await crossingsOf(await prepare())
    for (const channel of channels) channel.unsubscribe(subscribers)
    expect(counted()).toBeGreaterThan(0)

    const contexts = countContexts()
    const { controlledAfter: _timer, ...found } = await crossingsOf(await prepare())
    expect(found).toEqual(expected)
    expect(contexts()).toBe(0)
  })
})
