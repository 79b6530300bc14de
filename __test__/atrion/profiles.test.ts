import { Atrion } from 'keelson'
import { createTestSystem } from 'keelson/testing'
import { describe, expect, it } from 'vitest'

import { bad, bench, given, good, hold, refused } from '../support/atrion.ts'

const settled = { config: { bootstrapTicks: 0 }, autoTuner: false as const, slo: given }

describe('profiles', () => {
  it('have baselines of their own, so that a slow kind of work is no incident', () => {
    const under = bench(settled)
    const { atrion } = under
    const slow = { latencyMs: 4000, errorRate: 0, saturation: 0.3 }
    atrion.setRouteProfile('ml/inference', 'HEAVY')
    atrion.setRouteProfile('genome', 'EXTREME')
    hold(under, 'ml/inference', slow, 5)
    hold(under, 'genome', { ...slow, latencyMs: 30_000 }, 5)
    hold(under, 'api/users', slow, 5)
    expect(atrion.getState('ml/inference')).toMatchObject({ mode: 'OPERATIONAL', resistance: 10, scarTissue: 0 })
    expect(atrion.getState('genome')).toMatchObject({ mode: 'OPERATIONAL', resistance: 10, scarTissue: 0 })
    expect(atrion.getState('api/users')).toMatchObject({ mode: 'CIRCUIT_BREAKER' })
    // What is normal for an API is slow for a ping.
    atrion.setRouteProfile('ping', 'LIGHT')
    hold(under, 'ping', { ...good, latencyMs: 45 }, 2)
    expect(atrion.getState('ping')?.scarTissue).toBeGreaterThan(50)
  })

  it('scar by their multipliers', () => {
    const under = bench(settled)
    const { atrion, clock } = under
    const scars = ['LIGHT', 'STANDARD', 'HEAVY', 'EXTREME'].map((profile) => {
      atrion.setRouteProfile(profile, profile)
      atrion.route(profile, { latencyMs: 1, errorRate: 1 })
      return profile
    })
    clock.advanceBy(400)
    const [light, standard, heavy, extreme] = scars.map((route) => atrion.getState(route)?.scarTissue as number)
    expect(light).toBeCloseTo(2 * (standard as number), 4)
    expect(heavy).toBeCloseTo(0.5 * (standard as number), 4)
    expect(extreme).toBeCloseTo(0.2 * (standard as number), 4)
  })

  it('come with a call, and leave the route as it is', () => {
    const { atrion, clock } = bench(settled)
    const slow = { latencyMs: 4000 }
    expect(atrion.route('ml', slow, { profile: 'HEAVY' })).toMatchObject({ allow: true, resistance: 10 })
    clock.advanceBy(500)
    expect(atrion.getState('ml')?.scarTissue).toBe(0)
    atrion.route('ml', slow)
    clock.advanceBy(500)
    expect(atrion.getState('ml')?.scarTissue).toBeGreaterThan(20)
  })

  it('can be made, from the four or from others', () => {
    const { atrion } = bench(settled)
    atrion.defineProfile('BATCH', { extends: 'HEAVY', baselineLatencyMs: 20_000 })
    atrion.defineProfile('NIGHT', { extends: 'BATCH', scarMultiplier: 0.1 })
    expect(atrion.route('a', { latencyMs: 20_000 }, { profile: 'BATCH' }).resistance).toBe(10)
    atrion.setRouteProfile('b', { extends: 'NIGHT', targetErrorRate: 0.5 })
    expect(atrion.route('b', { latencyMs: 20_000, errorRate: 0.5 }).resistance).toBe(10)
    expect(atrion.getState('b')?.scarFactor).toBeCloseTo(0.5, 6)
  })

  it('outlive the route they were given to, and can be taken back', () => {
    const { atrion } = bench({ ...settled, maxRoutes: 2 })
    atrion.setRouteProfile('rare', { baselineLatencyMs: 900 })
    atrion.route('rare', good)
    for (const route of ['a', 'b', 'c']) atrion.route(route, good)
    expect(atrion.getState('rare')).toBeUndefined()
    expect(atrion.route('rare', { latencyMs: 900 }).resistance).toBe(10)
    atrion.setRouteProfile('rare', 'STANDARD')
    expect(atrion.route('rare', { latencyMs: 900 }).resistance).toBeGreaterThan(11)
  })

  it('let one route go on where another sheds, under the same stress', () => {
    // The seed's words: the lower factor is the more important route.
    const under = bench(settled)
    const { atrion, clock } = under
    atrion.setRouteProfile('api/checkout', { scarFactor: 2 })
    atrion.setRouteProfile('api/search', { scarFactor: 20 })
    const answers = { 'api/checkout': 0, 'api/search': 0 }
    for (let report = 0; report < 100; report++) {
      // One second of failures in five.
      const telemetry = report % 50 < 10 ? { latencyMs: 300, errorRate: 0.3, saturation: 0.8 } : good
      for (const route of ['api/checkout', 'api/search'] as const) {
        if (atrion.route(route, telemetry).allow) answers[route]++
      }
      clock.advanceBy(100)
    }
    expect(answers['api/checkout']).toBe(100)
    expect(answers['api/search']).toBeLessThan(85)
  })

  it('tell a gate how deep failures scar, and how long work may take', async () => {
    const { atrion, clock } = bench({ admission: { minCalls: 1 } })
    const fail = async (route: string) => {
      for (let call = 0; call < 20; call++) {
        const ticket = atrion.tryAdmit(route, { priority: 1000 })
        clock.advanceBy(30)
        if (ticket.allow) ticket.done({ ok: false })
      }
      return atrion.getState(route)?.scarTissue as number
    }
    atrion.setRouteProfile('deep', { scarFactor: 10 })
    const [deep, plain] = [await fail('deep'), await fail('plain')]
    expect(deep / plain).toBeCloseTo(2, 1)
    // Resetting a route leaves its profile.
    await atrion.resetRoute('deep')
    expect((await fail('deep')) / plain).toBeCloseTo(2, 1)
    atrion.setRouteProfile('quick', { maxDurationMs: 50 })
    const run = atrion.run('quick', () => new Promise(() => {}))
    const other = atrion.run('other', () => new Promise(() => {}), { profile: 'LIGHT' })
    const outcomes = Promise.allSettled([run, other])
    await clock.advance(1000)
    expect(await outcomes).toMatchObject([
      { reason: { code: 'KEELSON_TIMEOUT', timeoutMs: 50 } },
      { reason: { code: 'KEELSON_TIMEOUT', timeoutMs: 1000 } },
    ])
  })
})

describe('what is learned', () => {
  it('is what is normal, and an incident of a minute hardly changes it', () => {
    const under = bench()
    hold(under, 'a', { latencyMs: 30, errorRate: 0.02, saturation: 0.2 }, 60)
    const learned = () => {
      const { learnedLatencyMs, learnedErrorRate, learnedSaturation } = under.atrion.getState('a')!
      return [learnedLatencyMs, learnedErrorRate, learnedSaturation] as [number, number, number]
    }
    expect(learned()[0]).toBeCloseTo(30, 1)
    hold(under, 'a', bad, 60)
    expect(learned()[0]).toBeLessThan(33)
    expect(learned()[1]).toBeLessThan(0.03)
    expect(learned()[2]).toBeLessThan(0.22)
    expect(bench().atrion.getState('a')).toBeUndefined()
  })

  it('is nothing where a number was given', () => {
    const under = bench({ slo: given })
    hold(under, 'a', good, 10)
    expect(under.atrion.getState('a')).toMatchObject({
      learnedLatencyMs: undefined,
      learnedErrorRate: undefined,
      learnedSaturation: undefined,
    })
  })

  it('is nothing of a silence, which closes a route where that is asked for', () => {
    const under = bench({ config: { stalenessRate: 0.5, bootstrapTicks: 1 } })
    const { atrion, clock } = under
    hold(under, 'a', good, 1)
    clock.advanceBy(10_500)
    expect(atrion.getState('a')).toMatchObject({ mode: 'OPERATIONAL' })
    clock.advanceBy(600)
    expect(atrion.getState('a')).toMatchObject({ mode: 'CIRCUIT_BREAKER' })
    expect(atrion.getState('a')?.staleness).toBeGreaterThanOrEqual(5)
    // One report is enough to be heard of again.
    expect(atrion.route('a', good)).toMatchObject({ allow: true, mode: 'OPERATIONAL' })
  })

  it('takes old telemetry for old', () => {
    const under = bench(settled)
    const { atrion, clock } = under
    for (let report = 0; report < 50; report++) {
      atrion.route('a', { latencyMs: 100 + 2 * report })
      clock.advanceBy(100)
    }
    const fresh = atrion.getState('a')?.pressure as number
    atrion.route('a', { latencyMs: 198, ageMs: 50 })
    expect(atrion.getState('a')?.pressure).toBeGreaterThan(fresh)
    const before = atrion.getState('a')?.pressure
    atrion.route('a', { latencyMs: 5, ageMs: 5000 })
    expect(atrion.getState('a')?.pressure).toBe(before)
  })
})

describe('neighbours', () => {
  it('feel that a route opens, and do not open by that', () => {
    const under = bench({ ...settled, config: { bootstrapTicks: 0, cascadeBump: 30 } })
    const { atrion, events } = under
    for (const route of ['db', 'api', 'web']) atrion.route(route, good)
    atrion.setNeighbours('db', ['api', 'not-known'])
    hold(under, 'db', bad, 5)
    expect(events.filter(({ type }) => type === 'cascade')).toEqual([{ type: 'cascade', route: 'db', neighbours: 1 }])
    expect(atrion.getState('api')?.scarTissue).toBeGreaterThan(10)
    expect(atrion.getState('api')).toMatchObject({ mode: 'OPERATIONAL' })
    expect(atrion.getState('web')?.scarTissue).toBe(0)
    atrion.setNeighbours('db', [])
  })
})

describe('bad input', () => {
  const atrion = new Atrion({ system: createTestSystem() })

  it.each([
    ['NONE', 'profile'],
    [undefined, 'profile'],
    [5, 'profile'],
    [{ extends: 'NONE' }, 'profile.extends'],
    [{ scarFactor: -1 }, 'profile.scarFactor'],
    [{ scarFactor: NaN }, 'profile.scarFactor'],
    [{ scarMultiplier: -1 }, 'profile.scarMultiplier'],
    [{ baselineLatencyMs: 0 }, 'profile.baselineLatencyMs'],
    [{ targetErrorRate: 2 }, 'profile.targetErrorRate'],
    [{ saturationBaseline: 0 }, 'profile.saturationBaseline'],
    [{ baseResistance: 0 }, 'profile.baseResistance'],
    [{ breakMultiplier: 1 }, 'profile.breakMultiplier'],
    [{ maxDurationMs: 0 }, 'profile.maxDurationMs'],
    [{ heartbeatMs: -1 }, 'profile.heartbeatMs'],
    [{ requireAbort: 1 }, 'profile.requireAbort'],
    [{ learnedBaseline: 'yes' }, 'profile.learnedBaseline'],
    [{ scarfactor: 1 }, 'profile.scarfactor'],
  ])('refuses the profile %j', (profile, field) => {
    expect(() => atrion.setRouteProfile('a', profile as never)).toThrow(refused(field))
    expect(() => atrion.defineProfile('MINE', profile as never)).toThrow(
      typeof profile === 'string' || profile === 5 ? undefined : refused(field),
    )
  })

  it.each([
    [() => atrion.setRouteProfile('', 'HEAVY'), 'id'],
    [() => atrion.setRouteProfile('x'.repeat(513), 'HEAVY'), 'id'],
    [() => atrion.defineProfile('HEAVY', {}), 'name'],
    [() => atrion.defineProfile('', {}), 'name'],
    [() => atrion.route('a', good, { profile: 'NONE' }), 'options.profile'],
    [() => atrion.route('a', good, { profil: 'HEAVY' } as never), 'options.profil'],
    [() => atrion.route('a', { latencyMs: 5, ageMs: -1 }), 'telemetry.ageMs'],
    [() => atrion.route('a', { latencyMs: 5, ageMs: NaN }), 'telemetry.ageMs'],
    [() => atrion.setNeighbours('a', 'b' as never), 'neighbours'],
    [() => atrion.setNeighbours('a', ['a']), 'neighbours[0]'],
    [() => atrion.setNeighbours('a', ['b', '']), 'neighbours[1]'],
    [
      () =>
        atrion.setNeighbours(
          'a',
          Array.from({ length: 65 }, (_, index) => `r${index}`),
        ),
      'neighbours',
    ],
    [() => void atrion.tryAdmit('a', { profile: 'NONE' }), 'options.profile'],
    [() => new Atrion({ config: { stalenessRate: -1 } }), 'options.config.stalenessRate'],
    [() => new Atrion({ config: { stalenessLimit: 0 } }), 'options.config.stalenessLimit'],
    [() => new Atrion({ config: { cascadeBump: -1 } }), 'options.config.cascadeBump'],
    [() => new Atrion({ config: { sharedFadeMs: 0 } }), 'options.config.sharedFadeMs'],
    [() => new Atrion({ slo: { learnedBaseline: 1 as never } }), 'options.slo.learnedBaseline'],
    [() => new Atrion({ autoTuner: { recoverySensitivity: -1 } }), 'options.autoTuner.recoverySensitivity'],
    [() => new Atrion({ maxTasks: 0 }), 'options.maxTasks'],
    [() => new Atrion({ observer: 5 as never }), 'options.observer'],
  ])('refuses call %#', (call, field) => {
    expect(call).toThrow(refused(field))
  })

  it('keeps a bounded number of profiles and settings', () => {
    const full = bench({ maxRoutes: 2 }).atrion
    for (let index = 0; index < 252; index++) full.defineProfile(`P${index}`, {})
    expect(() => full.defineProfile('more', {})).toThrow(refused('profile'))
    for (const id of ['a', 'b']) full.setRouteProfile(id, 'HEAVY')
    expect(() => full.setRouteProfile('c', 'HEAVY')).toThrow(refused('profile'))
    for (const id of ['a', 'b']) full.setNeighbours(id, ['c'])
    expect(() => full.setNeighbours('c', ['a'])).toThrow(refused('neighbours'))
  })
})
