import { integer } from '../internal/validate.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { hot, scratch } from '../native.ts'
import type { System } from '../system/system.ts'
import { NONE } from '../protocol/lane.ts'
import * as protocol from '../protocol/rate.ts'
import { Keys } from './keys.ts'
import { blockTime, limiterSettings, openLimiter } from './options.ts'
import type { LimiterOptions, LimiterStats, RateLimitResult } from './types.ts'

const LONGEST_KEY = 1024
const MOST_POINTS = 1e9
/** Idle keys are looked for no more often than this. */
const SWEEP_MS = 1000
const LONGEST_SWEEP_MS = 86_400_000
/** What one sweep forgets at most before the event loop turns. */
const SWEEP_KEYS = 10_000

const release = new FinalizationRegistry<number>((handle) => hot.rateClose(handle))

/** Where a verdict of the core lies in the scratch memory. */
class Verdict implements RateLimitResult {
  readonly allowed: boolean
  readonly current: number
  readonly limit: number
  readonly remaining: number
  readonly resetMs: number
  readonly retryAfterMs: number

  constructor(limit: number) {
    this.allowed = scratch[protocol.VERDICT_ALLOWED] === 1
    this.current = scratch[protocol.VERDICT_USED] as number
    this.limit = limit
    this.remaining = scratch[protocol.VERDICT_REMAINING] as number
    this.resetMs = Math.ceil((scratch[protocol.VERDICT_RESET] as number) / 1000)
    this.retryAfterMs = Math.ceil((scratch[protocol.VERDICT_RETRY] as number) / 1000)
  }
}
keepOptimized(new Verdict(1))

/**
 * Quotas of keys, without a process: each call answers at once. Time is the system's monotonic clock, counted in whole
 * microseconds. A key is a string of at most 1024 characters; a cost an integer from 1 to what a key can take at once.
 *
 * What is remembered of keys is bounded by `maxKeys`, and keys that are as good as new are forgotten in time, by one
 * timer that does not keep the program alive.
 *
 * @example
 * ```ts
 * const limiter = new Limiter({ maxRequests: 100, windowMs: 60_000, blockDurationMs: 300_000 })
 * const { allowed, retryAfterMs } = limiter.take('user:123')
 * ```
 */
export class Limiter {
  /** What a key can take at once. */
  readonly limit: number
  /** What a key can take in each window for as long as it likes; another number than `limit` only with a `burst`. */
  readonly maxRequests: number
  /** The window, in milliseconds. */
  readonly windowMs: number
  /** The system it belongs to. */
  readonly system: System
  readonly #core: number
  readonly #clock: Clock
  readonly #keys: Keys
  readonly #disown: () => void
  #sweeper: TimerHandle | undefined
  #closed = false

  /**
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws ClosedError when the system is closed.
   */
  constructor(options: LimiterOptions) {
    const settings = limiterSettings(options)
    this.limit = settings.burst
    this.maxRequests = settings.maxRequests
    this.windowMs = settings.windowMs
    this.system = settings.system
    this.#clock = settings.system.clock
    this.#core = openLimiter(settings)
    this.#keys = new Keys(this.#core)
    this.#disown = settings.system.own(this)
    release.register(this, this.#core, this)
  }

  /** Whether it was closed, or its system was. */
  get closed(): boolean {
    return this.#closed
  }

  /** How many keys it remembers. */
  get size(): number {
    return this.#keys.size
  }

  /**
   * Takes a cost of a key's quota if it is there; else nothing is taken, and `retryAfterMs` says when it will be.
   *
   * @throws InvalidArgumentError for a key or cost that is none, or a cost above what a key can ever take at once.
   * @throws ClosedError
   */
  take(key: string, cost: number = 1): RateLimitResult {
    const slot = this.#slotOf(key)
    if (cost !== 1) this.#assertCost(cost)
    const now = this.#clock.monoMs()
    if (slot !== undefined) {
      if (hot.rateTake(this.#core, slot, cost, now) < 0) this.#refused()
      return new Verdict(this.limit)
    }
    const entered = hot.rateEnter(this.#core, cost, now)
    if (entered < 0) this.#refused()
    const verdict = new Verdict(this.limit)
    this.#enter(key, entered)
    return verdict
  }

  /** What {@link take} would answer, without taking anything. A key that is not known stays so. */
  check(key: string, cost: number = 1): RateLimitResult {
    const slot = this.#slotOf(key) ?? NONE
    if (cost !== 1) this.#assertCost(cost)
    if (hot.rateCheck(this.#core, slot, cost, this.#clock.monoMs()) < 0) this.#refused()
    return new Verdict(this.limit)
  }

  /** Takes points whether they are there or not; what is missing has to come back before anything is allowed again. */
  penalty(key: string, points: number = 1): RateLimitResult {
    integer('points', 1, MOST_POINTS, points)
    hot.ratePenalty(this.#core, this.#made(key), points, this.#clock.monoMs())
    return this.check(key)
  }

  /** Gives points back, the last taken first, up to the whole quota. */
  reward(key: string, points: number = 1): RateLimitResult {
    integer('points', 1, MOST_POINTS, points)
    const slot = this.#slotOf(key)
    if (slot !== undefined) hot.rateReward(this.#core, slot, points, this.#clock.monoMs())
    return this.check(key)
  }

  /** Refuses a key for a time, from now on, whatever its quota. The block ends by itself. */
  block(key: string, durationMs: number): RateLimitResult {
    blockTime('durationMs', durationMs)
    hot.rateBlock(this.#core, this.#made(key), durationMs, this.#clock.monoMs())
    return this.check(key)
  }

  /** Ends a block; whether there was one. */
  unblock(key: string): boolean {
    const slot = this.#slotOf(key)
    if (this.#closed) this.#refused()
    if (slot === undefined) return false
    const now = this.#clock.monoMs()
    hot.rateCheck(this.#core, slot, 1, now)
    if (scratch[protocol.VERDICT_BLOCKED] === 0) return false
    hot.rateBlock(this.#core, slot, 0, now)
    return true
  }

  /** Forgets a key with its quota and its block; whether it was known. */
  reset(key: string): boolean {
    this.#slotOf(key)
    if (this.#closed) this.#refused()
    return this.#keys.forget(key)
  }

  /** Whether a key is remembered. */
  knows(key: string): boolean {
    return this.#slotOf(key) !== undefined
  }

  /** The keys that are remembered, in the order in which they came. */
  keys(): string[] {
    return this.#keys.list()
  }

  /** Forgets all keys that are as good as new, now; how many they were. */
  cleanup(): number {
    if (this.#closed) this.#refused()
    return this.#keys.sweep(this.#clock.monoMs(), Infinity).swept
  }

  /** What it holds. */
  stats(): LimiterStats {
    const keys = hot.rateStats(this.#core)
    if (keys < 0) this.#refused()
    const displaced = scratch[protocol.STATS_DISPLACED] as number
    return { keys, displaced, nativeBytes: scratch[protocol.STATS_BYTES] as number }
  }

  /** Forgets everything; later calls throw a `ClosedError`. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    release.unregister(this)
    this.#sweeper?.cancel()
    hot.rateClose(this.#core)
    this.#keys.clear()
    this.#disown()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** The slot of a key, if it is known. Keys are checked here. */
  #slotOf(key: string): number | undefined {
    if (typeof key === 'string' && key.length <= LONGEST_KEY) return this.#keys.slotOf(key)
    throw new InvalidArgumentError('key', `a string of at most ${LONGEST_KEY} characters`, key)
  }

  #made(key: string): number {
    const known = this.#slotOf(key)
    if (known !== undefined) return known
    if (this.#closed) this.#refused()
    const slot = this.#keys.made(key, this.#clock.monoMs())
    this.#sweepLater(SWEEP_MS)
    return slot
  }

  #enter(key: string, slot: number): void {
    this.#keys.enter(key, slot)
    if (this.#sweeper === undefined) this.#sweepLater(SWEEP_MS)
  }

  #assertCost(cost: number): void {
    integer('cost', 1, this.limit, cost)
  }

  /** The core refuses what was checked before only when it is not there any more. */
  #refused(): never {
    throw new ClosedError('the rate limiter')
  }

  #sweepLater(delayMs: number): void {
    if (this.#sweeper !== undefined) return
    this.#sweeper = this.#clock.schedule(delayMs, this.#sweep, { ref: false, label: 'a sweep of idle keys' })
  }

  readonly #sweep = (): void => {
    this.#sweeper = undefined
    const { idleInMs } = this.#keys.sweep(this.#clock.monoMs(), SWEEP_KEYS)
    if (idleInMs < 0) return
    // More are idle now, or some will be.
    this.#sweepLater(idleInMs === 0 ? 0 : Math.min(Math.max(idleInMs, SWEEP_MS), LONGEST_SWEEP_MS))
  }
}
