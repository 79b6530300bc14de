import * as fc from 'fast-check'
import { circuitBreaker, type CircuitBreakerOptions } from 'keelson/effect'
import { describe, expect, it } from 'vitest'

import { boom, useWorld } from '../../support/policies.ts'

const world = useWorld()

/** A circuit breaker as one would write it down: all outcomes kept, everything counted anew each time. */
class Model {
  state: 'closed' | 'open' | 'halfOpen' = 'closed'
  readonly outcomes: { at: number; ok: boolean }[] = []
  until = 0
  opens = 0
  probes = new Map<number, number>()
  good = 0
  bad = 0
  epoch = 0
  readonly trips: (outcomes: { at: number; ok: boolean }[], now: number) => boolean
  readonly terms: {
    openForMs: number
    maxMs: number
    probes: number
    successes: number
    failures: number
    timeoutMs: number
  }

  constructor(trips: Model['trips'], terms: Model['terms']) {
    this.trips = trips
    this.terms = terms
  }

  move(state: Model['state']): void {
    this.state = state
    this.epoch++
    this.probes.clear()
    this.good = 0
    this.bad = 0
    this.outcomes.length = 0
    if (state === 'closed') this.opens = 0
  }

  open(at: number): void {
    this.opens++
    this.until = at + Math.min(this.terms.openForMs * 2 ** (this.opens - 1), this.terms.maxMs)
    this.move('open')
  }

  /** Brings what time alone does up to date, for somebody who asks. */
  ask(now: number): void {
    for (;;) {
      const due = [...this.probes].filter(([, deadline]) => deadline <= now).toSorted((a, b) => a[1] - b[1])[0]
      if (this.state === 'open' && now >= this.until) this.move('halfOpen')
      else if (due === undefined) return
      else {
        this.probes.delete(due[0])
        if (++this.bad >= this.terms.failures) this.open(due[1])
      }
    }
  }

  enter(id: number, now: number): boolean {
    this.ask(now)
    if (this.state === 'open') return false
    if (this.state === 'closed') return true
    if (this.probes.size >= this.terms.probes) return false
    this.probes.set(id, now + this.terms.timeoutMs)
    return true
  }

  settle(id: number, epoch: number, ok: boolean, now: number): void {
    if (epoch !== this.epoch) return
    if (this.state === 'closed') {
      this.outcomes.push({ at: now, ok })
      if (!ok && this.trips(this.outcomes, now)) this.open(now)
    } else if (this.probes.delete(id)) {
      if (ok && ++this.good >= this.terms.successes) this.move('closed')
      else if (!ok && ++this.bad >= this.terms.failures) this.open(now)
    }
  }
}

type Outcomes = { at: number; ok: boolean }[]
const share = (outcomes: Outcomes, ratio: number, minimum: number): boolean =>
  outcomes.length >= minimum && outcomes.filter(({ ok }) => !ok).length >= outcomes.length * ratio

const kinds: [string, CircuitBreakerOptions, Model['trips']][] = [
  ['failures in a row', { consecutive: 3 }, (all) => all.length >= 3 && all.slice(-3).every(({ ok }) => !ok)],
  [
    'a share of the last calls',
    { failureRatio: 0.5, calls: 8, minimumCalls: 4 },
    (all) => share(all.slice(-8), 0.5, 4),
  ],
  [
    'a share of a while',
    { failureRatio: 0.4, windowMs: 100, minimumCalls: 3 },
    // Ten slices of 10 ms, of which the newest is the one of now.
    (all, now) =>
      share(
        all.filter(({ at }) => Math.floor(at / 10) > Math.floor(now / 10) - 10),
        0.4,
        3,
      ),
  ],
]

type Step =
  | { readonly do: 'begin' }
  | { readonly do: 'end'; readonly which: number; readonly ok: boolean }
  | { readonly do: 'wait'; readonly ms: number }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.constant({ do: 'begin' as const }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(5), ok: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(60) }) },
  ),
  { maxLength: 150, size: 'max' },
)
const halfOpen = fc.record({
  probes: fc.integer({ min: 1, max: 3 }),
  successes: fc.integer({ min: 1, max: 3 }),
  failures: fc.integer({ min: 1, max: 2 }),
  timeoutMs: fc.integer({ min: 5, max: 80 }),
})

describe('a circuit breaker does what its model does', () => {
  it.each(kinds)('with %s', async (_name, options, trips) => {
    await fc.assert(
      fc.asyncProperty(steps, halfOpen, async (all, half) => {
        const { system, clock } = world
        const breaker = circuitBreaker({ system, ...options, halfOpen: half, openForMs: { initialMs: 20, maxMs: 70 } })
        const model = new Model(trips, { openForMs: 20, maxMs: 70, ...half })
        const running: { id: number; epoch: number; end: (ok: boolean) => void }[] = []
        for (const [id, one] of all.entries()) {
          const now = clock.monoMs()
          if (one.do === 'begin') {
            const admitted = model.enter(id, now)
            let begun = false
            const call = breaker.execute(() => {
              begun = true
              return new Promise<void>((resolve, reject) => {
                running.push({ id, epoch: model.epoch, end: (ok) => (ok ? resolve() : reject(boom)) })
              })
            })
            call.catch(() => undefined)
            expect(begun).toBe(admitted)
          } else if (one.do === 'end') {
            const [call] = running.splice(one.which % (running.length || 1), 1)
            if (call === undefined) continue
            model.settle(call.id, call.epoch, one.ok, now)
            call.end(one.ok)
            await clock.flush()
          } else clock.advanceBy(one.ms)
          const seen = model.state === 'open' && clock.monoMs() >= model.until ? 'halfOpen' : model.state
          expect([breaker.state, breaker.stats.opens]).toEqual([seen, model.opens])
        }
      }),
      { numRuns: 150 },
    )
  })

  it('and always half opens in the end, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(steps, halfOpen, async (all, half) => {
        const { system, clock } = world
        const breaker = circuitBreaker({ system, consecutive: 1, halfOpen: half, openForMs: 20 })
        const ends: ((ok: boolean) => void)[] = []
        for (const one of all) {
          if (one.do === 'begin') {
            const task = (): Promise<void> =>
              new Promise((resolve, reject) => {
                ends.push((ok) => (ok ? resolve() : reject(boom)))
              })
            breaker.execute(task).catch(() => undefined)
          } else if (one.do === 'end') {
            ends.splice(one.which % (ends.length || 1), 1)[0]?.(one.ok)
            await clock.flush()
          } else clock.advanceBy(one.ms)
        }
        // Everything that is still out never comes back: after a probe's time and an open time, a call passes.
        clock.advanceBy(half.timeoutMs)
        breaker.execute(() => 1).catch(() => undefined)
        clock.advanceBy(20)
        let passed = false
        const probe = breaker.execute(() => {
          passed = true
        })
        await probe.catch(() => undefined)
        expect(passed).toBe(true)
      }),
      { numRuns: 150 },
    )
  })
})
