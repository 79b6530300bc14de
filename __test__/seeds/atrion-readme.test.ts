/** The examples of the README of Atrion, each as it stands there, with what it must do. */
import { Atrion, InMemoryProvider, RedisStateProvider } from 'keelson'
import { describe, expect, it, onTestFinished } from 'vitest'

import { bad, bench, given, good, hold } from '../support/atrion.ts'

describe('the seed', () => {
  it('basic usage', async () => {
    const atrion = new Atrion()
    onTestFinished(() => atrion.close())
    await atrion.connect()
    const decision = atrion.route('api/checkout', {
      latencyMs: 45,
      errorRate: 0.01,
      saturation: 0.3,
    })
    expect(decision).toEqual({ allow: true, resistance: expect.any(Number), mode: 'BOOTSTRAP', reason: 'OK' })
  })

  it('workload profiles', async () => {
    const { atrion, clock } = bench()
    const telemetry = { latencyMs: 4500, errorRate: 0, saturation: 0.3 }
    const controller = new AbortController()
    for (let report = 0; report < 300; report++) {
      atrion.route('api/users', telemetry)
      // A job of seconds does not trigger the breaker.
      expect(atrion.route('ml/inference', telemetry, { profile: 'HEAVY' })).toMatchObject({ allow: true, reason: 'OK' })
      clock.advanceBy(100)
    }
    // Here it is what is normal for the other route as well, unless somebody said what is.
    expect(atrion.route('api/users', telemetry).allow).toBe(true)
    const told = bench({ slo: given })
    hold(told, 'api/users', telemetry, 30)
    expect(told.atrion.route('api/users', telemetry).allow).toBe(false)
    const lease = await atrion.startTask('genom/sequence', {
      profile: 'EXTREME',
      abortController: controller, // Required for HEAVY/EXTREME
    })
    lease.heartbeat({ progress: 0.5 })
    await lease.release()
    expect(lease.outcome).toBe('completed')
    await expect(atrion.startTask('genom/sequence', { profile: 'EXTREME' })).rejects.toMatchObject({
      code: 'KEELSON_INVALID_ARGUMENT',
      field: 'options.abortController',
    })
  })

  it('the engine option', () => {
    new Atrion({ engine: 'auto' }).close()
    // There is one engine. The names of the earlier ones are accepted and have no effect; others are refused.
    for (const engine of ['wasm', 'ts'] as const) new Atrion({ engine }).close()
    expect(() => new Atrion({ engine: 'gpu' as never })).toThrow(expect.objectContaining({ field: 'options.engine' }))
  })

  it('adaptive thresholds', () => {
    const under = bench({ slo: given })
    const { atrion, clock } = under
    // A new deployment begins with the untuned break.
    atrion.route('quiet', good)
    expect(atrion.getState('quiet')?.breakAt).toBe(100)
    for (let report = 0; report < 300; report++) {
      atrion.route('busy', { latencyMs: report % 2 ? 100 : 165, errorRate: 0.01, saturation: 0.5 })
      atrion.route('quiet', good)
      clock.advanceBy(100)
    }
    const [busyBreak, quietBreak] = ['busy', 'quiet'].map((id) => atrion.getState(id)?.breakAt) as [number, number]
    // Tight where traffic is low, relaxed at the peak.
    expect(quietBreak).toBeCloseTo(83.4, 1)
    expect(busyBreak).toBeGreaterThan(quietBreak + 2)
    // One route's incident moves no other's threshold, nor its own.
    hold(under, 'busy', bad, 30)
    expect(under.atrion.getState('quiet')?.breakAt).toBe(quietBreak)
    expect(under.atrion.getState('busy')?.breakAt).toBeCloseTo(busyBreak, 0)
  })

  it('pluggable state', async () => {
    const atrion = new Atrion({ provider: new InMemoryProvider() })
    onTestFinished(() => atrion.close())
    await atrion.connect()
    expect([atrion.providerName, atrion.providerState]).toEqual(['InMemoryProvider', 'joined'])
    const redis = { call: async () => [] }
    const clustered = new Atrion({ provider: new RedisStateProvider(redis as never) })
    onTestFinished(() => clustered.close())
    await clustered.connect()
    expect([clustered.providerName, clustered.providerState]).toEqual(['RedisStateProvider', 'joined'])
  })

  it('priority load shedding', () => {
    const { atrion, clock } = bench({ slo: given })
    atrion.setRouteProfile('api/checkout', { scarFactor: 2 }) // High priority
    atrion.setRouteProfile('api/search', { scarFactor: 20 }) // Lower priority
    let [checkout, search] = [0, 0]
    for (let report = 0; report < 200; report++) {
      const telemetry = report % 40 < 10 ? { latencyMs: 300, errorRate: 0.3, saturation: 0.8 } : good
      checkout += Number(atrion.route('api/checkout', telemetry).allow)
      search += Number(atrion.route('api/search', telemetry).allow)
      clock.advanceBy(100)
    }
    expect(checkout).toBeGreaterThan(search + 20)
  })

  it('a breaker that heals itself', () => {
    const under = bench({ autoTuner: false })
    const { atrion, clock } = under
    hold(under, 'a', bad, 5)
    expect(atrion.getState('a')?.mode).toBe('CIRCUIT_BREAKER')
    // No timeout and no traffic: R falls below its recovery point, 50 ohms untuned, with time.
    let state = atrion.getState('a')!
    let before = state
    while (state.mode === 'CIRCUIT_BREAKER') {
      before = state
      clock.advanceBy(100)
      state = atrion.getState('a')!
    }
    expect(state.recoveryAt).toBe(50)
    expect(before.resistance).toBeGreaterThanOrEqual(50)
    expect(state.resistance).toBeLessThan(50)
  })
})
