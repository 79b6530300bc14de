/** Metrics, through the SDK of OpenTelemetry. */
import { Atrion } from 'keelson/atrion'
import { circuitBreaker } from 'keelson/effect'
import { Journal } from 'keelson/journal'
import { instrument, type Instrumentation } from 'keelson/opentelemetry'
import { Cache, EventBus, GenServer, type GenServerBehavior, Supervisor } from 'keelson/otp'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { collectMetrics, resetMetrics, resetSpans } from '../support/opentelemetry.ts'
import { rejection } from '../support/rejection.ts'
import { useStage } from '../support/system.ts'

const stage = useStage({ crashReports: false } as never)
let instrumentation: Instrumentation
beforeEach(() => {
  resetMetrics()
  instrumentation = instrument(stage.system)
})
afterEach(() => {
  instrumentation.close()
  resetSpans()
})

class Counter implements GenServerBehavior<number, string, string, number> {
  readonly init = (): number => 0
  readonly handleCall = (_: string, state: number) => [state, state] as const
  readonly handleCast = (message: string, state: number): number => {
    if (message === 'crash') throw new Error('crash')
    return state + 1
  }
}
const start = (options: object = {}) => GenServer.start(new Counter(), { system: stage.system, ...options })
const series = async (name: string) => (await collectMetrics())[name]?.series

describe('metrics', () => {
  it('have our names, units as metadata, and none of those that the runtime instrumentation has', async () => {
    await start()
    new Atrion({ system: stage.system }).tryAdmit('db')
    const found = await collectMetrics()
    const names = Object.keys(found)
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect(name).toMatch(/^keelson\.[a-z_]+(?:\.[a-z_]+)+$/)
    const units = new Set(Object.values(found).map(({ unit }) => unit))
    for (const unit of units) expect(unit).toMatch(/^(?:s|By|1|Ohm|\{[a-z]+\})$/)
    for (const name of names) expect(name).not.toMatch(/(?:_seconds|_bytes|_total|nodejs|v8js)/)
  })

  it('read processes by their class, and count messages, crashes and restarts', async () => {
    const supervisor = await Supervisor.start({
      children: [{ id: 'a', start: () => start() }],
      system: stage.system,
    })
    const ref = await start()
    GenServer.cast(ref, 'm')
    GenServer.cast(ref, 'm')
    expect(await series('keelson.process.mailbox')).toMatchObject({ Counter: 2 })
    await GenServer.call(ref, 'm')
    expect(await series('keelson.process.count')).toEqual({ Counter: 2, Supervisor: 1 })
    const messages = async () => (await collectMetrics())['keelson.process.messages']
    expect(await messages()).toEqual({
      unit: '{message}',
      isMonotonic: true,
      series: { 'Counter cast': 2, 'Counter call': 1 },
    })
    await GenServer.stop(ref)
    expect(await series('keelson.process.count')).toMatchObject({ Counter: 1 })
    GenServer.cast(Supervisor.getChild(supervisor, 'a')?.ref as never, 'crash' as never)
    await expect.poll(() => series('keelson.supervisor.restarts')).toEqual({ '': 1 })
    expect(await series('keelson.process.crashes')).toEqual({ '': 1 })
    expect((await messages())?.series).toEqual({ 'Counter cast': 3, 'Counter call': 1 })
  })

  it('read gates by route, with the outcomes of requests', async () => {
    const atrion = new Atrion({ system: stage.system })
    let admitted = 0
    while (atrion.tryAdmit('db').allow) admitted++
    const requests = await series('keelson.admission.requests')
    expect(requests).toEqual({ 'db admitted': admitted, 'db shed': 1 })
    const sheds = await series('keelson.admission.sheds')
    expect(Object.values(sheds ?? {}).reduce((sum, value) => sum + value, 0)).toBe(1)
    expect(await series('keelson.admission.in_flight')).toEqual({ db: admitted })
    const found = await collectMetrics()
    expect(found['keelson.admission.resistance']).toMatchObject({ unit: 'Ohm', series: { db: expect.any(Number) } })
    expect(found['keelson.admission.queue.delay']?.unit).toBe('s')
  })

  it('read policies, journals, caches, buses, atoms, timers and effects', async () => {
    const { system } = stage
    const breaker = circuitBreaker({ name: 'database', system, consecutive: 1 })
    await rejection(breaker.execute(() => Promise.reject(new Error('no'))))
    await rejection(breaker.execute(() => 1))
    new Journal({ system }).append('a')
    const cache = await Cache.start({ system, name: 'users' })
    await Cache.getOrSet(cache, 'a', () => 1)
    const bus = await EventBus.start({ system })
    await EventBus.subscribe(bus, 'a.*', () => undefined)
    EventBus.publish(bus, 'a.b', 1)
    system.clock.schedule(10, () => undefined)
    await stage.turn()
    const found = await collectMetrics()
    const value = (name: string): unknown => found[name]?.series
    expect(value('keelson.policy.rejections')).toEqual({ 'database circuit breaker': 1 })
    expect(value('keelson.journal.entries')).toEqual({ memory: 1 })
    expect(value('keelson.cache.loads')).toEqual({ users: 1 })
    // A bus without a name is not told from others by its id.
    expect(value('keelson.bus.delivered')).toEqual({ '': 1 })
    expect(value('keelson.timer.pending')).toEqual({ '': expect.any(Number) })
  })

  it('never fall, also when what they counted goes', async () => {
    const { system } = stage
    const one = await EventBus.start({ system })
    EventBus.publish(one, 'a', 1)
    EventBus.publish(one, 'a', 1)
    expect(await series('keelson.bus.published')).toEqual({ '': 2 })
    const other = await EventBus.start({ system })
    await EventBus.stop(one)
    EventBus.publish(other, 'a', 1)
    expect(await series('keelson.bus.published')).toEqual({ '': 2 })
    EventBus.publish(other, 'a', 1)
    expect(await series('keelson.bus.published')).toEqual({ '': 3 })
  })

  it('have at most 200 values of an attribute, and one for the others', async () => {
    const atrion = new Atrion({ system: stage.system })
    for (let route = 0; route < 300; route++) atrion.tryAdmit(`route ${route}`)
    const found = (await series('keelson.admission.in_flight')) as Record<string, number>
    expect(Object.keys(found).length).toBe(201)
    expect(found['other']).toBe(100)
  })

  it('are read no more once the instrumentation is closed', async () => {
    const ref = await start()
    expect(await series('keelson.process.count')).toEqual({ Counter: 1 })
    instrumentation.close()
    await GenServer.stop(ref)
    // The SDK keeps what it read last.
    expect(await series('keelson.process.count')).toEqual({ Counter: 1 })
    resetMetrics()
    expect(await collectMetrics()).toEqual({})
    instrumentation = instrument(stage.system)
    await start()
    expect(await series('keelson.process.count')).toEqual({ Counter: 1 })
  })

  it('run no code of users', async () => {
    const getter = vi.fn()
    const state = new Proxy({}, { get: getter, ownKeys: getter as never })
    const trap = { init: () => state, handleCast: (_: unknown, now: object) => now }
    await GenServer.start(trap, { system: stage.system })
    getter.mockClear()
    await collectMetrics()
    expect(getter).not.toHaveBeenCalled()
  })
})
