/** A rate limiter over the core's tables: checks arguments, names keys, and forgets idle ones. */
import type { Clock, TimerHandle } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { integer } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import * as protocol from '../protocol/rate.ts'
import type { System } from '../system/system.ts'
import { KeyTable } from './keys.ts'
import { blockTime, limiterSettings, openLimiter } from './options.ts'
import type { LimiterOptions, LimiterStats, RateLimitResult } from './types.ts'

const MAX_KEY_LENGTH = 1024
const MAX_POINTS = 1e9
/** The shortest time between two sweeps of idle keys. */
const MIN_SWEEP_MS = 1000
const MAX_SWEEP_MS = 86_400_000
/** The most keys that one sweep forgets before the event loop turns. */
const SWEEP_KEYS = 10_000

const handles = new NativeHandles((handle) => hot.rateClose(handle))

/** The answer of the core, read from the scratch memory. */
class CoreAnswer implements RateLimitResult {
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
keepOptimized(new CoreAnswer(1))

/**
 * Quotas of keys, without a process: each call answers at once. Time is the system's monotonic clock, in whole
 * microseconds. A key is a string of at most 1024 characters. A cost is an integer from 1 to {@link limit}.
 *
 * At most `maxKeys` keys are remembered. A timer, which does not keep the process alive, forgets keys that have their
 * whole quota.
 *
 * @example
 * ```ts
 * const limiter = new Limiter({ maxRequests: 100, windowMs: 60_000, blockDurationMs: 300_000 })
 * const { allowed, retryAfterMs } = limiter.take('user:123')
 * ```
 */
export class Limiter {
  /** The most that a key can take at once: the `burst`. */
  readonly limit: number
  /** The most that a key can take in each window for ever. Differs from `limit` only with a `burst`. */
  readonly maxRequests: number
  /** The window, in milliseconds. */
  readonly windowMs: number
  /** The system it belongs to. */
  readonly system: System
  readonly #core: number
  readonly #clock: Clock
  readonly #keys: KeyTable
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
    this.#keys = new KeyTable(this.#core)
    this.#disown = settings.system.own(this)
    handles.own(this, this.#core)
  }

  /** True once it, or its system, was closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** The number of keys that it remembers. */
  get size(): number {
    return this.#keys.size
  }

  /**
   * Takes a cost from a key's quota, all of it or nothing. If nothing was taken, `retryAfterMs` says when the quota
   * covers the cost.
   *
   * @param cost - An integer from 1 to `limit`. Default 1.
   * @throws InvalidArgumentError for an invalid key or cost.
   * @throws ClosedError when the limiter is closed.
   */
  take(key: string, cost: number = 1): RateLimitResult {
    const slot = this.#slotOf(key)
    if (cost !== 1) this.#assertCost(cost)
    const now = this.#clock.monoMs()
    if (slot !== undefined) {
      if (hot.rateTake(this.#core, slot, cost, now) < 0) this.#throwClosed()
      return new CoreAnswer(this.limit)
    }
    const entered = hot.rateEnter(this.#core, cost, now)
    if (entered < 0) this.#throwClosed()
    const answer = new CoreAnswer(this.limit)
    this.#add(key, entered)
    return answer
  }

  /** Returns the answer that {@link take} would give, without taking anything or remembering the key. */
  check(key: string, cost: number = 1): RateLimitResult {
    const slot = this.#slotOf(key) ?? NONE
    if (cost !== 1) this.#assertCost(cost)
    if (hot.rateCheck(this.#core, slot, cost, this.#clock.monoMs()) < 0) this.#throwClosed()
    return new CoreAnswer(this.limit)
  }

  /**
   * Takes points even if the quota does not cover them. A debt must be refilled before anything is allowed again.
   *
   * @param points - An integer from 1 to 10^9. Default 1.
   */
  penalty(key: string, points: number = 1): RateLimitResult {
    integer('points', 1, MAX_POINTS, points)
    hot.ratePenalty(this.#core, this.#slotFor(key), points, this.#clock.monoMs())
    return this.check(key)
  }

  /**
   * Returns points to a key, the last taken first, up to the whole quota.
   *
   * @param points - An integer from 1 to 10^9. Default 1.
   */
  reward(key: string, points: number = 1): RateLimitResult {
    integer('points', 1, MAX_POINTS, points)
    const slot = this.#slotOf(key)
    if (slot !== undefined) hot.rateReward(this.#core, slot, points, this.#clock.monoMs())
    return this.check(key)
  }

  /** Refuses a key for a time in milliseconds from now, whatever its quota. The block ends by itself. */
  block(key: string, durationMs: number): RateLimitResult {
    blockTime('durationMs', durationMs)
    hot.rateBlock(this.#core, this.#slotFor(key), durationMs, this.#clock.monoMs())
    return this.check(key)
  }

  /** Ends a block. Returns whether there was one. */
  unblock(key: string): boolean {
    const slot = this.#slotOf(key)
    if (this.#closed) this.#throwClosed()
    if (slot === undefined) return false
    const now = this.#clock.monoMs()
    hot.rateCheck(this.#core, slot, 1, now)
    if (scratch[protocol.VERDICT_BLOCKED] === 0) return false
    hot.rateBlock(this.#core, slot, 0, now)
    return true
  }

  /** Forgets a key with its quota and its block. Returns whether it was remembered. */
  reset(key: string): boolean {
    this.#slotOf(key)
    if (this.#closed) this.#throwClosed()
    return this.#keys.forget(key)
  }

  /** Returns whether a key is remembered. */
  knows(key: string): boolean {
    return this.#slotOf(key) !== undefined
  }

  /** Returns the keys that are remembered, in the order in which they came. */
  keys(): string[] {
    return this.#keys.list()
  }

  /** Forgets all keys that have their whole quota, now. Returns the number of them. */
  cleanup(): number {
    if (this.#closed) this.#throwClosed()
    return this.#keys.sweep(this.#clock.monoMs(), Infinity).swept
  }

  /** Returns its content. */
  stats(): LimiterStats {
    const keys = hot.rateStats(this.#core)
    if (keys < 0) this.#throwClosed()
    const displaced = scratch[protocol.STATS_DISPLACED] as number
    return { keys, displaced, nativeBytes: scratch[protocol.STATS_BYTES] as number }
  }

  /** Forgets all keys. Later calls throw `ClosedError`, but `close` does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sweeper?.cancel()
    handles.close(this, this.#core)
    this.#keys.clear()
    this.#disown()
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** Checks a key and returns its slot, if it is remembered. */
  #slotOf(key: string): number | undefined {
    if (typeof key === 'string' && key.length <= MAX_KEY_LENGTH) return this.#keys.slotOf(key)
    throw new InvalidArgumentError('key', `a string of at most ${MAX_KEY_LENGTH} characters`, key)
  }

  /** Checks a key and returns its slot, which is added if it is new. */
  #slotFor(key: string): number {
    const known = this.#slotOf(key)
    if (known !== undefined) return known
    if (this.#closed) this.#throwClosed()
    const slot = this.#keys.slotFor(key, this.#clock.monoMs())
    this.#sweepLater(MIN_SWEEP_MS)
    return slot
  }

  #add(key: string, slot: number): void {
    this.#keys.add(key, slot)
    if (this.#sweeper === undefined) this.#sweepLater(MIN_SWEEP_MS)
  }

  #assertCost(cost: number): void {
    integer('cost', 1, this.limit, cost)
  }

  /** Throws after a refusal of the core: arguments were checked, so it refuses only when it is closed. */
  #throwClosed(): never {
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
    // Other keys are idle now, or will be.
    this.#sweepLater(idleInMs === 0 ? 0 : Math.min(Math.max(idleInMs, MIN_SWEEP_MS), MAX_SWEEP_MS))
  }
}
