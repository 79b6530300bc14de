// Names and options of Atrion that programs bring along.
import { Atrion, type AtrionOptions, isInvalidArgumentError, type PhysicsEvent } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'

function underTest(options: AtrionOptions = {}) {
  const system = createTestSystem({ seed: 1, initialTime: 5000 })
  return { clock: system.clock, system, atrion: new Atrion({ system, ...options }) }
}
const good = { latencyMs: 45, errorRate: 0.001, saturation: 0.3 }
const bad = { latencyMs: 900, errorRate: 0.6, saturation: 1 }

describe('options of Atrion without an effect', () => {
  it('are accepted, and said once', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    onTestFinished(() => warn.mockRestore())
    for (let round = 0; round < 2; round++) {
      for (const options of [
        { engine: 'wasm' },
        { engine: 'ts' },
        { useWasm: true },
        { slo: { baselineLatencyMs: 100, maxAcceptableLatencyMs: 500 } },
      ] as const) {
        const { atrion } = underTest(options)
        expect(atrion.usingWasm).toBe(false)
        expect(atrion.route('a', good).allow).toBe(true)
        atrion.close()
      }
    }
    underTest({ engine: 'auto' }).atrion.close()
    expect(warn.mock.calls.map(([text]) => String(text).split(' has')[0])).toEqual([
      "engine: 'wasm' of Atrion",
      "engine: 'ts' of Atrion",
      'useWasm of Atrion',
      'slo.maxAcceptableLatencyMs of Atrion',
    ])
    expect(warn.mock.calls[0]![1]).toEqual({ type: 'KeelsonWarning', code: 'KEELSON_NO_EFFECT' })
  })

  it('are checked all the same', () => {
    const wrong: [object, string][] = [
      [{ engine: 'rust' }, 'options.engine'],
      [{ useWasm: 'no' }, 'options.useWasm'],
      [{ slo: { maxAcceptableLatencyMs: -1 } }, 'options.slo.maxAcceptableLatencyMs'],
      [{ autoTuner: { recoveryMultiplier: 1.5 } }, 'options.autoTuner.recoveryMultiplier'],
      [
        { autoTuner: { recoveryMultiplier: 0.5 }, config: { recoveryMultiplier: 0.5 } },
        'options.autoTuner.recoveryMultiplier',
      ],
      [{ observer: {} }, 'options.observer'],
      [{ observer: { onUpdat: () => {} } }, 'options.observer.onUpdat'],
    ]
    const { system } = underTest()
    for (const [options, field] of wrong) {
      expect(() => new Atrion({ system, ...(options as AtrionOptions) })).toThrow(expect.objectContaining({ field }))
    }
  })
})

it('autoTuner.recoveryMultiplier is the share of the break at which an untuned route has recovered', () => {
  const recoveryOf = (options: AtrionOptions): number => {
    const { atrion } = underTest(options)
    atrion.route('a', good)
    return atrion.getState('a')!.recoveryAt
  }
  const plain = recoveryOf({})
  expect(recoveryOf({ autoTuner: { recoveryMultiplier: 0.8 } })).toBeCloseTo(plain * 1.6, 6)
  expect(recoveryOf({ autoTuner: { recoveryMultiplier: 0.8 } })).toBe(
    recoveryOf({ config: { recoveryMultiplier: 0.8 } }),
  )
})

describe('observers that are objects', () => {
  it('get each report as one event, with the route’s state after it', () => {
    const events: PhysicsEvent[] = []
    const { atrion, clock } = underTest({
      observer: {
        onUpdate(event) {
          events.push(event)
        },
      },
    })
    atrion.route('db', good)
    clock.advanceBy(100)
    for (let report = 0; report < 40; report++) {
      atrion.route('db', bad)
      clock.advanceBy(100)
    }
    expect(events).toHaveLength(41)
    expect(events[0]).toMatchObject({
      routeId: 'db',
      mode: 'BOOTSTRAP',
      decision: 'BOOTSTRAP',
      deltaT: 0,
      timestamp: 5000,
      tickCount: 1,
    })
    expect(events[1]).toMatchObject({ deltaT: 100, timestamp: 5100, tickCount: 2 })
    expect(events[1]!.pressureMagnitude).toBeGreaterThan(events[0]!.pressureMagnitude)
    const last = events.at(-1)!
    const state = atrion.getState('db')!
    expect(last).toMatchObject({ mode: 'CIRCUIT_BREAKER', decision: 'SHED', tickCount: state.tickCount })
    expect(last.scarTissue).toBeGreaterThan(0)
    const changes = events.flatMap(({ modeTransition }) => modeTransition ?? [])
    expect(changes.at(-1)?.to).toBe('CIRCUIT_BREAKER')
    expect(changes.length).toBeLessThan(5)
  })

  it('can be added later and removed, and disturb nobody when they throw', async () => {
    const { atrion, system } = underTest()
    const seen: string[] = []
    const error = new Error('of the observer')
    const removed = atrion.observe({
      onUpdate: ({ routeId }) => {
        seen.push(routeId)
        throw error
      },
    })
    atrion.route('a', good)
    removed()
    atrion.route('b', good)
    expect([seen, system.takeErrors()]).toEqual([['a'], [error]])
    expect(() => atrion.observe({ onUpdate: 5 } as never)).toThrow(expect.objectContaining({ field: 'observer' }))
    await system.close()
  })
})

describe('getTunerStats', () => {
  it('tells what the break of a route is learned from, and pools all routes', () => {
    const { atrion, clock } = underTest()
    expect(atrion.getTunerStats()).toEqual({ mean: 0, stdDev: 0, sampleCount: 0, isWarmedUp: false })
    expect(atrion.getTunerStats('a')).toBe(undefined)
    for (let report = 0; report < 200; report++) {
      atrion.route('a', good)
      if (report < 50) atrion.route('b', { ...good, latencyMs: 45 + (report % 7) * 10 })
      clock.advanceBy(100)
    }
    const [a, b, all] = [atrion.getTunerStats('a')!, atrion.getTunerStats('b')!, atrion.getTunerStats()!]
    expect([a.isWarmedUp, a.sampleCount > 100, a.mean > 0, a.stdDev >= 0]).toEqual([true, true, true, true])
    expect(all.mean).toBeGreaterThanOrEqual(Math.min(a.mean, b.mean))
    expect(all.mean).toBeLessThanOrEqual(Math.max(a.mean, b.mean))
    expect(all.sampleCount).toBeGreaterThan(a.sampleCount)
    expect(atrion.getTunerStats('unknown')).toBe(undefined)
    expect(underTest({ autoTuner: false }).atrion.getTunerStats()).toBe(undefined)
  })
})

describe('resetRoute', () => {
  it('makes a route unknown until it is used again', async () => {
    const { atrion } = underTest()
    for (const route of ['a', 'b']) for (let report = 0; report < 20; report++) atrion.route(route, bad)
    expect(await atrion.resetRoute('a')).toBe(true)
    expect([atrion.getState('a'), atrion.getRoutes(), atrion.why('a')]).toEqual([undefined, ['b'], undefined])
    expect(await atrion.resetRoute('a')).toBe(false)
    atrion.route('a', good)
    expect(atrion.getState('a')).toMatchObject({ tickCount: 1, scarTissue: 0, mode: 'BOOTSTRAP' })
    expect(atrion.getRoutes().toSorted()).toEqual(['a', 'b'])
  })

  it('keeps a route with work in flight or waiting, whose places count on', async () => {
    const { atrion } = underTest({ admission: { limit: 1 } })
    const ticket = atrion.tryAdmit('a')
    if (!ticket.allow) throw new Error('the first is admitted')
    const waiting = atrion.admit('a')
    expect(await atrion.resetRoute('a')).toBe(true)
    expect(atrion.getState('a')).toMatchObject({ tickCount: 0, gate: { inFlight: 1, queued: 1 } })
    ticket.done()
    const next = await waiting
    if (next.allow) next.done()
    expect(await atrion.resetRoute('a')).toBe(true)
    expect(atrion.getRoutes()).toEqual([])
    expect(atrion.tryAdmit('a').allow).toBe(true)
  })
})

describe('a lease', () => {
  it('has the names of Atrion: routeId, isActive, startedAt, expiresAt, metadata', async () => {
    const { atrion, clock } = underTest()
    const events: unknown[] = []
    atrion.observe((event) => event.type === 'lease:start' && events.push(event.metadata))
    const metadata = { job: 7 }
    const lease = await atrion.startTask('genome', { profile: 'LIGHT', timeout: 2000, metadata })
    expect(lease).toMatchObject({ routeId: 'genome', isActive: true, startedAt: 5000, expiresAt: 7000, metadata })
    expect(events).toEqual([metadata])
    await clock.advance(1500)
    lease.heartbeat()
    expect([lease.startedAt, lease.expiresAt]).toEqual([5000, 8500])
    await clock.advance(2000)
    expect([lease.isActive, lease.outcome, lease.expiresAt]).toEqual([false, 'timeout', 8500])
  })

  it('refuses both names of the time limit, metadata that is none, and says what HEAVY needs', async () => {
    const { atrion } = underTest()
    const refusal = (options: object): Promise<unknown> =>
      atrion.startTask('a', options).then(
        () => undefined,
        (error: unknown) => error,
      )
    expect(await refusal({ timeout: 5, timeoutMs: 5 })).toMatchObject({ field: 'options.timeout' })
    expect(await refusal({ timeout: -5 })).toMatchObject({ field: 'options.timeout' })
    expect(await refusal({ metadata: 'job 7' })).toMatchObject({ field: 'options.metadata' })
    const needed = await refusal({ profile: 'HEAVY' })
    expect(isInvalidArgumentError(needed)).toBe(true)
    expect((needed as Error).message).toContain('AbortController is required')
    expect(atrion.getActiveTaskCount('a')).toBe(0)
  })
})
