import { Atrion, PRIORITY_VOLTAGES } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

function underTest(options: ConstructorParameters<typeof Atrion>[0] = {}) {
  const { clock, system } = createTestSystem({ seed: 1 })
  return { clock, system, atrion: new Atrion({ system, ...options }) }
}
const good = { latencyMs: 45, errorRate: 0.001, saturation: 0.3 }
const given = { baselineLatencyMs: 100, targetErrorRate: 0.01, saturationBaseline: 0.5 }
const bad = { latencyMs: 900, errorRate: 0.6, saturation: 1 }

describe('route', () => {
  it('decides, before and after connect', async () => {
    const { atrion } = underTest()
    const decision = atrion.route('api/checkout', { latencyMs: 45, errorRate: 0.01, saturation: 0.3 })
    expect(decision).toEqual({ allow: true, resistance: 12, mode: 'BOOTSTRAP', reason: 'OK' })
    await atrion.connect()
    await atrion.connect()
    expect(atrion.isConnected).toBe(true)
    expect(atrion.route('api/checkout', good).allow).toBe(true)
    await atrion.disconnect()
    expect(atrion.isConnected).toBe(false)
    expect(atrion.getRoutes()).toEqual(['api/checkout'])
  })

  it('opens under stress, says why, and closes by itself with time alone', async () => {
    const { atrion, clock } = underTest()
    for (let report = 0; report < 100; report++) {
      atrion.route('db', bad)
      clock.advanceBy(100)
    }
    const open = atrion.route('db', bad)
    expect(open).toMatchObject({ allow: false, mode: 'CIRCUIT_BREAKER', reason: 'Circuit breaker open' })
    expect(open.resistance).toBeGreaterThanOrEqual(100)
    clock.advanceBy(60_000)
    expect(atrion.getState('db')).toMatchObject({ mode: 'OPERATIONAL' })
    expect(atrion.route('db', good)).toMatchObject({ allow: true, mode: 'OPERATIONAL' })
  })

  it('behaves the same at 1, 100 and 10 000 reports a second of the same stress', () => {
    const after = [1, 100, 10_000].map((perSecond) => {
      const { atrion, clock } = underTest({ config: { bootstrapTicks: 0 }, autoTuner: false, slo: given })
      for (let report = 0; report <= 3 * perSecond; report++) {
        atrion.route('db', bad)
        clock.advanceBy(1000 / perSecond)
      }
      return atrion.getState('db')?.resistance as number
    })
    expect(Math.max(...after) - Math.min(...after)).toBeLessThan(0.02 * Math.max(...after))
  })

  it('compares a voltage, a named priority or the default with the resistance', () => {
    const { atrion } = underTest({ defaultVoltage: 11 })
    expect(atrion.route('a', good)).toMatchObject({ allow: false, reason: 'Insufficient voltage: V=11 ≤ R=12.0Ω' })
    expect(atrion.route('a', good, 12).allow).toBe(false)
    expect(atrion.route('a', good, 12.5).allow).toBe(true)
    expect(atrion.route('a', good, { voltage: 5 }).allow).toBe(false)
    expect(atrion.route('a', good, { priority: 'critical' }).allow).toBe(true)
    expect(atrion.route('a', good, {}).allow).toBe(false)
  })

  it('takes what is left out as unknown, not as good', () => {
    const { atrion } = underTest({ config: { bootstrapTicks: 0 }, slo: given })
    const unknown = atrion.route('a', { latencyMs: 100 })
    atrion.route('b', { latencyMs: 100, errorRate: 0, saturation: 0 })
    expect(unknown.resistance).toBe(10)
    expect(atrion.getState('a')).toMatchObject({ pressure: 0 })
    expect(atrion.getState('b')?.pressure).toBeLessThan(0)
  })

  it('keeps routes apart and forgets the coldest idle one', () => {
    const { atrion } = underTest({ maxRoutes: 3 })
    for (const route of ['a', 'b', 'c']) atrion.route(route, bad)
    atrion.route('a', bad)
    atrion.route('d', good)
    expect(atrion.getRoutes().toSorted()).toEqual(['a', 'c', 'd'])
    expect(atrion.getState('b')).toBeUndefined()
    // A forgotten route starts anew.
    atrion.route('b', good)
    expect(atrion.getState('b')).toMatchObject({ tickCount: 1 })
  })

  it('keeps memory bounded under a scan of names', () => {
    const { atrion } = underTest({ maxRoutes: 100 })
    for (let index = 0; index < 20_000; index++) atrion.route(`scan/${index}`, good)
    expect(atrion.getRoutes()).toHaveLength(100)
    expect(atrion.getRoutes().at(-1)).toBe('scan/19999')
  })

  it('resets a route', async () => {
    const { atrion } = underTest()
    for (let index = 0; index < 20; index++) atrion.route('a', bad)
    expect(await atrion.resetRoute('a')).toBe(true)
    expect(await atrion.resetRoute('unknown')).toBe(false)
    expect(atrion.getState('a')).toBe(undefined)
    atrion.route('a', good)
    expect(atrion.getState('a')).toMatchObject({ mode: 'BOOTSTRAP', tickCount: 1, scarTissue: 0 })
  })
})

describe('bad input', () => {
  const { atrion } = underTest()
  atrion.route('a', good)
  const before = atrion.getState('a')
  const refused = (field: string) => expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT', field })

  it.each([
    [{ latencyMs: NaN }, 'telemetry.latencyMs'],
    [{ latencyMs: -1 }, 'telemetry.latencyMs'],
    [{ latencyMs: Infinity }, 'telemetry.latencyMs'],
    [{ latencyMs: '5' }, 'telemetry.latencyMs'],
    [{}, 'telemetry.latencyMs'],
    [null, 'telemetry'],
    [undefined, 'telemetry'],
    [{ latencyMs: 5, errorRate: 1.5 }, 'telemetry.errorRate'],
    [{ latencyMs: 5, errorRate: NaN }, 'telemetry.errorRate'],
    [{ latencyMs: 5, errorRate: -0.1 }, 'telemetry.errorRate'],
    [{ latencyMs: 5, saturation: NaN }, 'telemetry.saturation'],
    [{ latencyMs: 5, saturation: -1 }, 'telemetry.saturation'],
  ])('refuses telemetry %j and leaves the state as it was', (telemetry, field) => {
    expect(() => atrion.route('a', telemetry as never)).toThrow(refused(field))
    expect(() => atrion.route('never-made', telemetry as never)).toThrow(refused(field))
    expect(atrion.getState('a')).toEqual(before)
    expect(atrion.getState('never-made')).toBeUndefined()
  })

  it.each([
    [NaN, 'voltage'],
    [-1, 'voltage'],
    [0, 'voltage'],
    [Infinity, 'voltage'],
    [{ voltage: NaN }, 'options.voltage'],
    [{ voltage: '5' }, 'options.voltage'],
    [{ priority: 'vip' }, 'options.priority'],
    [{ priority: 'toString' }, 'options.priority'],
    ['critical', 'options'],
  ])('refuses the voltage %j', (how, field) => {
    expect(() => atrion.route('a', good, how as never)).toThrow(refused(field))
    expect(atrion.getState('a')).toEqual(before)
  })

  it('refuses names that are none, or that would cost memory', () => {
    for (const name of ['', 'x'.repeat(513), 5, null, undefined]) {
      expect(() => atrion.route(name as never, good)).toThrow(
        expect.objectContaining({ code: 'KEELSON_INVALID_ARGUMENT' }),
      )
    }
    expect(atrion.getRoutes()).toEqual(['a'])
  })

  it.each([
    [{ maxRoutes: 0 }, 'options.maxRoutes'],
    [{ maxRoutes: 1.5 }, 'options.maxRoutes'],
    [{ defaultVoltage: -5 }, 'options.defaultVoltage'],
    [{ defaultVoltage: NaN }, 'options.defaultVoltage'],
    [{ config: { baseResistance: 0 } }, 'options.config.baseResistance'],
    [{ config: { baseResistance: NaN } }, 'options.config.baseResistance'],
    [{ config: { decayRate: -1 } }, 'options.config.decayRate'],
    [{ config: { bootstrapTicks: -1 } }, 'options.config.bootstrapTicks'],
    [{ config: { baseResistence: 5 } }, 'options.config.baseResistence'],
    [{ config: 5 }, 'options.config'],
    [{ slo: { baselineLatencyMs: 0 } }, 'options.slo.baselineLatencyMs'],
    [{ slo: { targetErrorRate: 2 } }, 'options.slo.targetErrorRate'],
    [{ slo: { criticality: { latency: -1 } } }, 'options.slo.criticality.latency'],
    [{ autoTuner: { minFloor: 600 } }, 'options.autoTuner.minFloor'],
    [{ autoTuner: 5 }, 'options.autoTuner'],
    [{ admission: { minLimit: 0 } }, 'options.admission.minLimit'],
    [{ admission: { limit: -5 } }, 'options.admission.limit'],
    [{ admission: { maxQueue: -1 } }, 'options.admission.maxQueue'],
    [{ admission: { tricklePerSecond: 0 } }, 'options.admission.tricklePerSecond'],
    [{ admission: { ticketTimeoutMs: NaN } }, 'options.admission.ticketTimeoutMs'],
    [{ engine: 'rust' }, 'options.engine'],
    [{ clock: {} }, 'options.clock'],
    [{ system: {} }, 'options.system'],
    [{ providr: {} }, 'options.providr'],
    [5, 'options'],
  ])('refuses the options %j', (options, field) => {
    expect(() => new Atrion(options as never)).toThrow(refused(field))
  })
})

it('names five priorities, from the least to the most important', () => {
  expect(Object.keys(PRIORITY_VOLTAGES)).toEqual(['background', 'low', 'normal', 'high', 'critical'])
  const voltages = Object.values(PRIORITY_VOLTAGES)
  expect(voltages.toSorted((a, b) => a - b)).toEqual(voltages)
})
