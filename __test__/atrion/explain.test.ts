import { type AtrionEvent, createSystem, Atrion } from 'keelson'
import { describe, expect, it } from 'vitest'

import { bad, bench, given, good, hold, refused } from '../support/atrion.ts'

describe('why', () => {
  it('explains a refusal of route(), term by term', () => {
    const under = bench({ slo: given })
    const { atrion, clock } = under
    expect(atrion.why('db')).toBeUndefined()
    hold(under, 'db', bad, 3)
    const decision = atrion.route('db', bad)
    const why = atrion.why('db')!
    expect(why).toMatchObject({
      routeId: 'db',
      decidedBy: 'route',
      answer: 'refused',
      reason: 'circuit-open',
      voltage: 100,
      mode: 'CIRCUIT_BREAKER',
      resistance: decision.resistance,
      profile: 'STANDARD',
    })
    const { base, pressure, momentum, scar, shared, staleness } = why.terms
    expect(base + pressure + momentum + scar + shared + staleness).toBeCloseTo(why.resistance, 9)
    expect(why.terms.signals.latency).toBeCloseTo(1, 5)
    expect(why.text).toContain('db: refused (circuit-open) by route(); 100.0 V is not above')
    expect(why.text).toMatch(/pressure \+\d+\.\d Ω: latency above normal, errors above normal, saturation above normal/)
    expect(why.text).toMatch(/scar \+\d+\.\d Ω/)
    // It is about the decision, however long ago.
    clock.advanceBy(600_000)
    expect(atrion.why('db')).toEqual(why)
    expect(atrion.getState('db')?.resistance).toBeLessThan(11)
  })

  it('explains that nothing is known yet, and that all is well', () => {
    const { atrion } = bench()
    atrion.route('a', good)
    expect(atrion.why('a')).toMatchObject({ answer: 'admitted', reason: undefined, mode: 'BOOTSTRAP' })
    expect(atrion.why('a')?.text).toContain('bootstrap: too few reports')
  })

  it('explains what a gate said, with its numbers', async () => {
    const { atrion } = bench({ admission: { limit: 1, maxQueue: 0, tricklePerSecond: 0.001, trickleShare: 0.0001 } })
    const tickets = [atrion.tryAdmit('db'), atrion.tryAdmit('db'), atrion.tryAdmit('db')]
    expect(tickets.at(-1)?.allow).toBe(false)
    expect(atrion.why('db')).toMatchObject({ decidedBy: 'gate', answer: 'refused', reason: 'limit', voltage: 60 })
    expect(atrion.why('db')?.text).toMatch(/gate: \d in flight of 1\.0, 0 waiting/)
    const { atrion: waiting, clock } = bench({ admission: { limit: 1 } })
    let waits: Promise<unknown> | undefined
    while (waiting.why('db')?.answer !== 'waits') waits = waiting.admit('db')
    expect(waiting.why('db')?.text).toContain('db: waits by its gate')
    await clock.advance(20_000)
    await waits
  })
})

describe('observers', () => {
  it('are told of decisions, changes of mode and what is shed, until they are ended', () => {
    const under = bench({ observer: undefined as never, config: { bootstrapTicks: 1 } })
    const events: AtrionEvent[] = []
    const end = under.atrion.observe((event) => void events.push(event))
    under.atrion.route('db', bad)
    expect(events).toEqual([
      { type: 'decision', route: 'db', allow: true, resistance: 12, voltage: 100, mode: 'BOOTSTRAP' },
    ])
    hold(under, 'db', bad, 3)
    under.clock.advanceBy(100_000)
    under.atrion.route('db', good)
    expect(events.filter(({ type }) => type === 'mode')).toMatchObject([
      { from: 'BOOTSTRAP', to: 'OPERATIONAL' },
      { from: 'OPERATIONAL', to: 'CIRCUIT_BREAKER' },
      { from: 'CIRCUIT_BREAKER', to: 'OPERATIONAL' },
    ])
    const told = events.length
    end()
    under.atrion.route('db', good)
    expect(events).toHaveLength(told)
  })

  it('may use the engine, and their errors reach the system', () => {
    const reported: unknown[] = []
    const system = createSystem({ onError: (error) => reported.push(error) })
    const atrion = new Atrion({
      system,
      admission: { limit: 1, maxQueue: 0, trickleShare: 0, tricklePerSecond: 0.001 },
    })
    atrion.observe((event) => {
      if (event.type === 'shed') atrion.route('other', good)
      throw new Error('an observer')
    })
    expect(atrion.route('a', good)).toMatchObject({ allow: true, resistance: 12 })
    const answers = [1, 2, 3, 4].map(() => atrion.tryAdmit('db'))
    const shed = answers.find((answer) => !answer.allow)
    expect(shed).toMatchObject({ reason: 'limit', resistance: 10 })
    expect((shed as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(100)
    expect(reported.length).toBeGreaterThanOrEqual(2)
    atrion.close()
  })
})

describe('selectRoute', () => {
  it('prefers less resistance, softly, from the seed', () => {
    const draws = (seed: number) => {
      const under = bench({ config: { bootstrapTicks: 0 }, autoTuner: false, slo: given }, seed)
      under.atrion.route('fast', { latencyMs: 50 })
      under.atrion.route('slow', { latencyMs: 150, saturation: 0.6 })
      return Array.from({ length: 2000 }, () => under.atrion.selectRoute(['fast', 'slow'], { beta: 10 }))
    }
    const first = draws(7)
    expect(draws(7)).toEqual(first)
    expect(draws(8)).not.toEqual(first)
    const share = first.filter((route) => route === 'fast').length / 2000
    expect(share).toBeGreaterThan(0.6)
    expect(share).toBeLessThan(0.95)
  })

  it('does not underflow, and takes open routes only to hear of them', () => {
    const under = bench({ config: { bootstrapTicks: 0, baseResistance: 1, scarCap: 900, dampingFactor: 0 } })
    hold(under, 'worse', bad, 20)
    under.clock.advanceBy(3_000)
    under.atrion.route('well', good)
    const ids = ['worse', 'well']
    const draws = Array.from({ length: 1000 }, () => under.atrion.selectRoute(ids, { explore: 0.1 }))
    const explored = draws.filter((route) => route === 'worse').length
    expect(explored).toBeGreaterThan(20)
    expect(explored).toBeLessThan(90)
    expect(new Set(Array.from({ length: 1000 }, () => under.atrion.selectRoute(ids, { explore: 0 })))).toEqual(
      new Set(['well']),
    )
    expect(under.atrion.selectRoute([])).toBeUndefined()
    expect(under.atrion.selectRoute(['never-seen'])).toBe('never-seen')
    expect(under.atrion.getState('never-seen')).toBeUndefined()
  })

  it.each([
    ['a', undefined, 'ids'],
    [['a', 5], undefined, 'ids[1]'],
    [['a'], { beta: -1 }, 'options.beta'],
    [['a'], { beta: NaN }, 'options.beta'],
    [['a'], { explore: 2 }, 'options.explore'],
    [['a'], { betta: 2 }, 'options.betta'],
  ])('refuses %j with %j', (ids, options, field) => {
    expect(() => bench().atrion.selectRoute(ids as never, options as never)).toThrow(refused(field))
  })
})

describe('voltage tiers', () => {
  it('have five names, of which bulk is background', () => {
    const { atrion } = bench({ admission: { minCalls: 1 } })
    expect(atrion.route('a', good, { priority: 'bulk' })).toMatchObject({ allow: true })
    atrion.tryAdmit('b', { priority: 'bulk' })
    expect(atrion.why('b')?.voltage).toBe(25)
  })
})
