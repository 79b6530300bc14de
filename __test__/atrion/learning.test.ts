import { type Atrion, PRIORITY_VOLTAGES } from 'keelson'
import { describe, expect, it } from 'vitest'

import { printRuns, programs, timeLimit } from '../support/programs.ts'
import { type Bench, bench, given } from '../support/atrion.ts'

// route() with its defaults, told of services of any kind by a clock that the test moves. How many services are tried can be set.
const tried = programs(40)

interface Level {
  readonly latencyMs: number
  readonly errorRate: number
  readonly saturation: number
}

/** Random numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const VOLTAGES = Object.values(PRIORITY_VOLTAGES)
const TURNS = ['latency', 'errors', 'saturation'] as const
type Turn = (typeof TURNS)[number]

const turned = (turn: Turn, { latencyMs, errorRate, saturation }: Level, part = 1): Level => ({
  latencyMs: turn === 'latency' ? latencyMs * 5 ** part : latencyMs,
  errorRate: turn === 'errors' ? errorRate + 0.2 * part : errorRate,
  saturation: turn === 'saturation' ? saturation + (1 - saturation) * part : saturation,
})

/** A route that is told of a service. */
class Told {
  readonly under: Bench
  readonly route: string
  readonly random: () => number
  readonly rate: number
  #told = 0

  constructor(under: Bench, seed: number, rate: number) {
    this.under = under
    this.route = `service ${seed}`
    this.random = randomOf(seed)
    this.rate = rate
  }

  get atrion(): Atrion {
    return this.under.atrion
  }

  /** Reports `level` for some seconds, each signal up to 30 % off. Calls `heard` with time, voltage and refusal. */
  hold(
    seconds: number,
    level: (at: number) => Level,
    heard: (at: number, voltage: number, refused: boolean) => void,
  ): void {
    const noisy = (value: number): number => value * (0.7 + 0.6 * this.random())
    for (let report = 0; report < seconds * this.rate; report++) {
      const at = report / this.rate
      const { latencyMs, errorRate, saturation } = level(at)
      const voltage = VOLTAGES[this.#told++ % VOLTAGES.length] as number
      const telemetry = { latencyMs: noisy(latencyMs), errorRate: noisy(errorRate), saturation: noisy(saturation) }
      heard(at, voltage, !this.atrion.route(this.route, telemetry, voltage).allow)
      this.under.clock.advanceBy(1000 / this.rate)
    }
  }
}

/** A service of any level, and the rate at which it is told of. Where saturation will turn, full is not within the noise of normal. */
function anyService(seed: number, most = 4): { rate: number; level: Level; turn: Turn } {
  const random = randomOf(1000 + seed)
  const turn = TURNS[seed % 3] as Turn
  const level = {
    latencyMs: 10 ** (4 * random()),
    errorRate: 0.1 * random(),
    saturation: (most < 4 && turn === 'saturation' ? 0.5 : 0.9) * random(),
  }
  return { rate: 10 ** (most * random()), level, turn }
}

const nothing = (): void => {}

/** An engine whose events nobody keeps. */
const unheard = (): Bench => bench({ observer: nothing })

describe('what is normal is learned by route()', () => {
  it('refuses no steady telemetry of any level, at any rate, not even of the lowest priority', () => {
    const under = unheard()
    const isOver = timeLimit()
    let seed = 0
    for (; seed < tried && !isOver(); seed++) {
      const { rate, level } = anyService(seed)
      const told = new Told(under, seed, rate)
      const learned = Math.min(500 / rate, 120)
      const [early, late] = [
        [0, 0],
        [0, 0],
      ] as [[number, number], [number, number]]
      told.hold(
        learned + Math.min(Math.max(1000 / rate, 0.3), 180),
        () => level,
        (at, _voltage, refused) => {
          const part = at < learned ? early : late
          part[0] += Number(refused)
          part[1] += 1
        },
      )
      const about = JSON.stringify({ seed, rate, level })
      expect(early[0] / early[1], about).toBeLessThanOrEqual(0.05)
      expect(late[0] / late[1], about).toBeLessThanOrEqual(0.01)
    }
    printRuns('steady services of route()', seed)
  })

  it('refuses a turn for the worse from 5 s on, the lowest priorities first, and heals within 30 s', () => {
    const under = unheard()
    const isOver = timeLimit()
    let seed = 0
    for (; seed < tried && !isOver(); seed++) {
      const { level, turn } = anyService(seed, 1.5)
      // Each priority is asked for ten times a second or more.
      const rate = 50 * (1 + (seed % 4))
      const told = new Told(under, seed, rate)
      told.hold(20, () => level, nothing)
      const first = new Map<number, number>()
      let allowed = 0
      told.hold(
        12,
        () => turned(turn, level),
        (at, voltage, refused) => {
          if (refused && !first.has(voltage)) first.set(voltage, at)
          if (!refused) allowed = at
        },
      )
      const about = JSON.stringify({ seed, rate, level, turn })
      expect(allowed, about).toBeLessThan(5)
      const order = VOLTAGES.map((voltage) => first.get(voltage) as number)
      // A round of the priorities takes a moment, in which R may pass two of them.
      const round = VOLTAGES.length / rate
      expect(
        order.every((at, place) => at <= (order[place + 1] ?? Infinity) + round),
        about,
      ).toBe(true)
      expect(order[0], about).toBeLessThan(order.at(-1) as number)
      let refusedAt = 0
      told.hold(
        35,
        () => level,
        (at, _voltage, refused) => {
          if (refused) refusedAt = at
        },
      )
      expect(refusedAt, about).toBeLessThan(30)
    }
    printRuns('turns of services of route()', seed)
  })

  it.each(TURNS)('sees a turn of %s that is told of once a second', (turn) => {
    for (const voltage of VOLTAGES) {
      const { under } = new Told(unheard(), 1, 1)
      const level = { latencyMs: 300, errorRate: 0.02, saturation: 0.1 }
      const ask = (at: Level): boolean => {
        under.clock.advanceBy(1000)
        return under.atrion.route('db', at, voltage).allow
      }
      for (let report = 0; report < 150; report++) expect(ask(level)).toBe(true)
      const answers = Array.from({ length: 12 }, () => ask(turned(turn, level)))
      expect(answers.slice(4).every((allowed) => !allowed)).toBe(true)
      expect(answers[0]).toBe(true)
    }
  })

  it.each(TURNS)('follows a creep of %s over an hour, and takes one over a minute for a turn for the worse', (turn) => {
    const level = { latencyMs: 40, errorRate: 0.01, saturation: 0.3 }
    const slow = new Told(unheard(), 3, 5)
    slow.hold(300, () => level, nothing)
    let refusals = 0
    slow.hold(
      3600,
      (at) => turned(turn, level, at / 3600),
      (_at, _voltage, refused) => (refusals += Number(refused)),
    )
    expect(refusals / (3600 * slow.rate)).toBeLessThanOrEqual(0.01)
    const fast = new Told(unheard(), 3, 5)
    fast.hold(300, () => level, nothing)
    let allowedAt = 0
    fast.hold(
      80,
      (at) => turned(turn, level, Math.min(1, at / 60)),
      (at, _voltage, refused) => {
        if (!refused) allowedAt = at
      },
    )
    expect(allowedAt).toBeLessThan(65)
  })

  it.each(TURNS)('takes a new level of %s for normal once it has lasted ten minutes, and not before eight', (turn) => {
    const level = { latencyMs: 40, errorRate: 0.01, saturation: 0.3 }
    const told = new Told(unheard(), 5, 10)
    told.hold(200, () => level, nothing)
    const wrong = { soon: 0, late: 0 }
    told.hold(
      720,
      () => turned(turn, level),
      (at, _voltage, refused) => {
        if (at >= 5 && at < 470 && !refused) wrong.soon++
        if (at >= 600 && refused) wrong.late++
      },
    )
    expect(wrong).toEqual({ soon: 0, late: 0 })
  })

  it('is learned of each route by itself', () => {
    const under = bench()
    const quick = { latencyMs: 5, errorRate: 0, saturation: 0.1 }
    const slow = { latencyMs: 5000, errorRate: 0.08, saturation: 0.8 }
    for (let report = 0; report < 600; report++) {
      expect(under.atrion.route('quick', quick, 25).allow).toBe(true)
      expect(under.atrion.route('slow', slow, 25).allow).toBe(true)
      under.clock.advanceBy(100)
    }
    for (const [route, level] of Object.entries({ quick, slow })) {
      const state = under.atrion.getState(route)!
      expect(state.learnedLatencyMs).toBeCloseTo(level.latencyMs, 1)
      expect(state.learnedErrorRate).toBeCloseTo(level.errorRate, 4)
      expect(state.learnedSaturation).toBeCloseTo(level.saturation, 4)
    }
    // What is normal for one is a turn for the worse of the other.
    for (let report = 0; report < 60; report++) {
      under.atrion.route('quick', slow)
      under.atrion.route('slow', slow)
      under.clock.advanceBy(100)
    }
    expect(under.atrion.route('quick', slow).allow).toBe(false)
    expect(under.atrion.route('slow', slow, 25).allow).toBe(true)
  })

  it('is not learned of an SLO that was given, signal by signal', () => {
    const level = { latencyMs: 300, errorRate: 0.02, saturation: 0.1 }
    const allowed = (slo: object): boolean => {
      const under = bench({ slo })
      let last = true
      for (let report = 0; report < 12_000; report++) {
        last = under.atrion.route('db', level).allow
        under.clock.advanceBy(100)
      }
      return last
    }
    expect(allowed({})).toBe(true)
    expect(allowed(given)).toBe(false)
    expect(allowed({ baselineLatencyMs: 100 })).toBe(false)
    expect(allowed({ targetErrorRate: 0.01 })).toBe(false)
    expect(allowed({ targetErrorRate: 0.05 })).toBe(true)
    expect(allowed({ learnedBaseline: false })).toBe(false)
    expect(allowed({ baselineLatencyMs: 100, learnedBaseline: true })).toBe(true)
    expect(allowed({ baselineLatencyMs: 5, learnedBaseline: true })).toBe(false)
    expect(allowed({ criticality: { latency: 9 } })).toBe(true)
  })

  it('moves the break between the untuned one and what was learned, relative to the mean of R', () => {
    const breakOf = (level: Level, options: object): number => {
      const under = bench(options)
      for (let report = 0; report < 600; report++) {
        under.atrion.route('db', { ...level, latencyMs: level.latencyMs * (report % 2 ? 1.3 : 0.7) })
        under.clock.advanceBy(100)
      }
      const state = under.atrion.getState('db')!
      expect(state.mode).toBe('OPERATIONAL')
      expect(state.recoveryAt).toBeLessThan(state.breakAt)
      return state.breakAt
    }
    const level = { latencyMs: 50, errorRate: 0.001, saturation: 0.3 }
    const slo = { ...given, baselineLatencyMs: 40 }
    const plain = breakOf(level, {})
    expect(plain).toBeGreaterThan(80)
    expect(plain).toBeLessThan(90)
    // A busier, noisier R has a higher break, and so has a higher rest.
    expect(breakOf(level, { slo: { ...slo, criticality: { latency: 1e4, error: 0, saturation: 0 } } })).toBeGreaterThan(
      plain + 10,
    )
    expect(breakOf(level, { config: { baseResistance: 20 } })).toBeGreaterThan(1.8 * plain)
    expect(breakOf(level, { config: { baseResistance: 100 } })).toBe(500)
  })

  it('gives momentum no weight by default, and the weight that is asked for', () => {
    const momentumOf = (config?: object): number => {
      const under = bench({ ...(config && { config }) })
      const level = { latencyMs: 40, errorRate: 0.01, saturation: 0.3 }
      for (let report = 0; report < 100; report++) {
        under.atrion.route('db', report < 85 ? level : turned('errors', level))
        under.clock.advanceBy(100)
      }
      return under.atrion.getState('db')?.momentum as number
    }
    expect(momentumOf()).toBe(0)
    expect(momentumOf({ dampingFactor: 20 })).toBeGreaterThan(1)
  })
})
