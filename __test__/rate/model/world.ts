/** Runs a program of limiters beside lists of what they admitted, and compares: who is admitted when, and who is not. */
import { Limiter, type LimiterOptions, type LimiterUnion, type RateLimitResult } from 'keelson'
import { expect } from 'vitest'

import { type Reach, same } from '../../support/programs.ts'
import type { Stage } from '../../support/system.ts'
import type { Op, Program } from './program.ts'

type Settings = Omit<LimiterOptions, 'system'>

const SETTINGS: readonly Settings[] = [
  { maxRequests: 3, windowMs: 40 },
  { maxRequests: 4, windowMs: 90, minTimeMs: 6 },
  {
    maxRequests: 5,
    windowMs: 100,
    minTimeMs: 9,
    reservoir: { amount: 8, refreshAmount: 4, refreshIntervalMs: 150 },
    maxWaiters: 3,
  },
]
const MAX_WAITERS = [1000, 1000, 3]
/** No wait of a program is longer. */
const HORIZON = 100_000

/** The admissions of a key of a limiter: times and points, one entry a point. */
class Quota {
  taken: number[] = []
  /** The time of the last admission, for the least time between two. */
  last = -Infinity
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  copy(): Quota {
    const copy = new Quota(this.#settings)
    copy.taken = [...this.taken]
    copy.last = this.last
    return copy
  }

  fits(now: number, cost: number): boolean {
    const { maxRequests, windowMs, minTimeMs = 0, reservoir } = this.#settings
    if (this.taken.filter((at) => at > now - windowMs).length + cost > maxRequests) return false
    if (now - this.last < minTimeMs) return false
    if (reservoir === undefined) return true
    const refill = Math.floor(now / reservoir.refreshIntervalMs)
    const held = refill === 0 ? reservoir.amount : reservoir.refreshAmount
    return this.taken.filter((at) => at >= refill * reservoir.refreshIntervalMs).length + cost <= held
  }

  /** Returns the next time at which more may fit. */
  next(now: number): number {
    const { windowMs, minTimeMs = 0, reservoir } = this.#settings
    let next = Infinity
    const see = (at: number): void => {
      if (at > now && at < next) next = at
    }
    for (const at of this.taken) see(at + windowMs)
    see(this.last + minTimeMs)
    if (reservoir !== undefined) see((Math.floor(now / reservoir.refreshIntervalMs) + 1) * reservoir.refreshIntervalMs)
    return next
  }

  take(now: number, cost: number): void {
    for (let point = 0; point < cost; point++) this.taken.push(now)
    this.last = now
  }

  give(now: number, points: number): void {
    // What left the window is not given back to it.
    const { windowMs, reservoir } = this.#settings
    const since = reservoir === undefined ? now - windowMs : -Infinity
    for (let point = 0; point < points; point++) if ((this.taken.at(-1) ?? -Infinity) > since) this.taken.pop()
  }

  reset(): void {
    this.taken = []
    this.last = -Infinity
  }
}

interface Waiting {
  readonly name: number
  readonly places: readonly string[]
  readonly cost: number
}

/** Quotas and those who wait, searched from one moment to the next. */
class Naive {
  quotas = new Map<string, Quota>()
  waiting: Waiting[] = []

  copy(): Naive {
    const copy = new Naive()
    for (const [place, quota] of this.quotas) copy.quotas.set(place, quota.copy())
    copy.waiting = [...this.waiting]
    return copy
  }

  quota(place: string): Quota {
    let quota = this.quotas.get(place)
    if (quota === undefined) {
      quota = new Quota(SETTINGS[Number(place[0])] as Settings)
      this.quotas.set(place, quota)
    }
    return quota
  }

  isAwaited(place: string): boolean {
    return this.waiting.some(({ places }) => places.includes(place))
  }

  fits(places: readonly string[], now: number, cost: number): boolean {
    return places.every((place) => this.quota(place).fits(now, cost))
  }

  take(places: readonly string[], now: number, cost: number): void {
    for (const place of places) this.quota(place).take(now, cost)
  }

  /** Admits whom it can. Returns their names. */
  serve(now: number): number[] {
    const before = new Set<string>()
    const served: Waiting[] = []
    for (const waiting of this.waiting) {
      const { places, cost } = waiting
      if (places.some((place) => before.has(place)) || !this.fits(places, now, cost)) {
        for (const place of places) before.add(place)
        continue
      }
      this.take(places, now, cost)
      served.push(waiting)
    }
    this.waiting = this.waiting.filter((waiting) => !served.includes(waiting))
    return served.map(({ name }) => name)
  }

  /** Returns the next time at which somebody may be admitted. */
  next(now: number): number {
    return Math.min(...this.waiting.flatMap(({ places }) => places.map((place) => this.quota(place).next(now))))
  }

  /** Returns how long a newcomer would wait. */
  waitOf(places: readonly string[], now: number, cost: number): number {
    const then = this.copy()
    then.waiting.push({ name: -1, places, cost })
    for (let at = now; at < now + HORIZON; at = then.next(at)) if (then.serve(at).includes(-1)) return at - now
    throw new Error('a wait without an end')
  }
}

/** Both sides, and what they did. */
export class World {
  readonly #stage: Stage
  readonly #reach: Reach
  readonly #limiters: readonly Limiter[]
  readonly #naive = new Naive()
  readonly #log: [name: number, at: number][] = []
  readonly #wanted: [name: number, at: number][] = []
  readonly #controllers = new Map<number, AbortController>()
  #count = 0
  /** The number of admissions that were compared. */
  #compared = 0

  constructor(stage: Stage, reach: Reach) {
    this.#stage = stage
    this.#reach = reach
    this.#limiters = SETTINGS.map((settings) => new Limiter({ ...settings, system: stage.system }))
  }

  async run({ ops }: Program): Promise<void> {
    // Times count from the beginning of the limiters.
    const start = this.#stage.clock.monoMs()
    const now = (): number => this.#stage.clock.monoMs() - start
    for (const op of ops) {
      await this.#run(op, now)
      this.#compare()
    }
    while (this.#naive.waiting.length > 0) {
      await this.#advance(50, now)
      this.#compare()
    }
    await this.#stage.turn()
    this.#compare()
    for (const limiter of this.#limiters) limiter.close()
    expect(this.#stage.clock.getPendingTimerCount()).toBe(0)
  }

  /** Compares the admissions that are new. */
  #compare(): void {
    const { length } = this.#log
    same([length, this.#log.slice(this.#compared)], [this.#wanted.length, this.#wanted.slice(this.#compared)])
    this.#compared = length
  }

  async #run(op: Op, now: () => number): Promise<void> {
    const chosen = this.#limiters.filter((_, index) => (op.limiters >> index) % 2 === 1)
    const places = this.#limiters.flatMap((_, index) => ((op.limiters >> index) % 2 === 1 ? [`${index}${op.key}`] : []))
    const target: Limiter | LimiterUnion = chosen.length === 1 ? (chosen[0] as Limiter) : Limiter.union(chosen)
    const naive = this.#naive
    if (op.kind === 'wait') await this.#wait(op, target, places, now)
    else if (op.kind === 'take' || op.kind === 'check') {
      const fits = !places.some((place) => naive.isAwaited(place)) && naive.fits(places, now(), op.cost)
      const result: RateLimitResult = target[op.kind](op.key, op.cost)
      same(result.allowed, fits)
      if (!fits && chosen.length === 1) same(result.retryAfterMs, naive.waitOf(places, now(), op.cost))
      if (fits && op.kind === 'take') naive.take(places, now(), op.cost)
    } else if (op.kind === 'abort') {
      const waiting = naive.waiting[op.n % Math.max(naive.waiting.length, 1)]
      if (waiting === undefined) return
      this.#reach.fault('abort')
      naive.waiting = naive.waiting.filter((each) => each !== waiting)
      this.#controllers.get(waiting.name)?.abort(waiting.name)
      this.#serve(now())
      // The next may be served now: its timer stands at this time.
      await this.#stage.clock.advance(0)
    } else if (op.kind === 'advance') {
      await this.#advance(op.n, now)
    } else if (op.kind === 'reward') {
      for (const place of places) if (naive.quotas.has(place)) naive.quota(place).give(now(), op.cost)
      target.reward(op.key, op.cost)
      this.#serve(now())
      await this.#stage.turn()
    } else {
      for (const place of places) naive.quota(place).reset()
      target.reset(op.key)
      this.#serve(now())
      await this.#stage.turn()
    }
  }

  async #wait(op: Op, target: Limiter | LimiterUnion, places: readonly string[], now: () => number): Promise<void> {
    const naive = this.#naive
    const { key, cost, maxWaitMs } = op
    const name = ++this.#count
    const needed = naive.waitOf(places, now(), cost)
    const isFull = places.some(
      (place) =>
        naive.waiting.filter((each) => each.places.includes(place)).length >= (MAX_WAITERS[Number(place[0])] as number),
    )
    const controller = new AbortController()
    this.#controllers.set(name, controller)
    let failure: unknown
    void target.wait(key, { cost, maxWaitMs, signal: controller.signal }).then(
      (result) => {
        same(result.allowed, true)
        this.#log.push([name, now()])
      },
      (error: unknown) => (failure = error),
    )
    await this.#stage.turn()
    if (needed > (maxWaitMs ?? Infinity)) {
      this.#reach.fault('late')
      expect(failure).toMatchObject({ code: 'KEELSON_RATE_LIMITED', retryAfterMs: needed })
    } else if (isFull && needed > 0) {
      this.#reach.fault('full')
      expect(failure).toMatchObject({ code: 'KEELSON_RATE_LIMIT_QUEUE_FULL' })
    } else {
      same(failure, undefined)
      naive.waiting.push({ name, places, cost })
      this.#serve(now())
    }
  }

  /** Lets the lists admit whom they can. */
  #serve(now: number): void {
    for (const name of this.#naive.serve(now)) this.#wanted.push([name, now])
  }

  async #advance(ms: number, now: () => number): Promise<void> {
    const from = now()
    await this.#stage.clock.advance(ms)
    for (let at = this.#naive.next(from); at <= from + ms; at = this.#naive.next(at)) this.#serve(at)
  }
}
