/** A rate limiter over the core's tables: checks arguments, names keys, and forgets idle ones. */
import type { Clock, TimerHandle } from '../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { integer, isA, isList } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import * as protocol from '../protocol/rate.ts'
import type { System } from '../system/system.ts'
import { Members } from '../tables/members.ts'
import { offerMembers } from '../tables/offers.ts'
import { CoreAnswer } from './answer.ts'
import { KeyTable } from './keys.ts'
import { blockTime, capacityOf, limiterSettings, openLimiter, waitSettings } from './options.ts'
import type { LimiterOptions, LimiterStats, LimiterWaitOptions, RateLimitResult } from './types.ts'
import { LimiterUnion, MAX_UNION } from './union.ts'
import { type LimiterWaiter, waitListOf } from './wait-list.ts'

const MAX_KEY_LENGTH = 1024
const MAX_POINTS = 1e9
/** The shortest time between two sweeps of idle keys. */
const MIN_SWEEP_MS = 1000
const MAX_SWEEP_MS = 86_400_000
/** The most keys that one sweep forgets before the event loop turns. */
const SWEEP_KEYS = 10_000

const handles = new NativeHandles((handle) => hot.rateClose(handle))

const listed = new Members<Limiter>(({ closed }) => closed)

offerMembers('limiter', listed, {
  name: ({ number }) => `limiter_${number}`,
  keys: ({ item }) => Math.max(hot.rateStats(item.core), 0),
  admitted: ({ item }) => (hot.rateStats(item.core) < 0 ? 0 : (scratch[protocol.STATS_ADMITTED] as number)),
  refused: ({ item }) => (hot.rateStats(item.core) < 0 ? 0 : (scratch[protocol.STATS_REFUSED] as number)),
  waiting: ({ item }) => item.waiters.size,
})

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
  /** The most that a key can take at once: the `burst`, or the `refreshAmount` of a smaller reservoir. */
  readonly limit: number
  /** The most that a key can take in each window for ever. */
  readonly maxRequests: number
  /** The window, in milliseconds. */
  readonly windowMs: number
  /** The system it belongs to. */
  readonly system: System
  /** @internal The handle of the limiter in the core. */
  readonly core: number
  /** @internal The calls that wait for one of its keys. */
  readonly waiters: Set<LimiterWaiter> = new Set()
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
    this.limit = capacityOf(settings)
    this.maxRequests = settings.maxRequests
    this.windowMs = settings.windowMs
    this.system = settings.system
    this.#clock = settings.system.clock
    this.core = openLimiter(settings)
    this.#keys = new KeyTable(this.core)
    this.#disown = settings.system.own(this)
    handles.own(this, this.core)
    listed.add(settings.system, this, undefined)
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
    if (this.waiters.size > 0) waitListOf(this.system).serve()
    const now = this.#clock.monoMs()
    if (slot !== undefined) {
      if (hot.rateTake(this.core, slot, cost, now) < 0) this.#throwClosed()
      return new CoreAnswer(this.limit)
    }
    const entered = hot.rateEnter(this.core, cost, now)
    if (entered < 0) this.#throwClosed()
    const answer = new CoreAnswer(this.limit)
    this.#add(key, entered)
    return answer
  }

  /** Returns the answer that {@link take} would give, without taking anything or remembering the key. */
  check(key: string, cost: number = 1): RateLimitResult {
    const slot = this.#slotOf(key) ?? NONE
    if (cost !== 1) this.#assertCost(cost)
    if (this.waiters.size > 0) waitListOf(this.system).serve()
    if (hot.rateCheck(this.core, slot, cost, this.#clock.monoMs()) < 0) this.#throwClosed()
    return new CoreAnswer(this.limit)
  }

  /**
   * Resolves once a cost was taken from a key's quota. Calls for one key are served in order of arrival: while one waits,
   * {@link take} is refused, and a later call waits behind it.
   *
   * @throws RateLimitExceededError (rejecting) at once, when the wait would be longer than `maxWaitMs`; nothing was taken.
   * Later, when a penalty or a block makes the wait too long.
   * @throws RateLimitQueueFullError (rejecting) when `maxWaiters` calls wait for the key.
   * @throws InvalidArgumentError (rejecting) for an invalid key or option.
   * @throws ClosedError (rejecting) when the limiter is closed, also while the call waits.
   * @example
   * ```ts
   * const limiter = new Limiter({ maxRequests: 10, windowMs: 1000 })
   * await limiter.wait('api.example.com', { maxWaitMs: 5000 })
   * ```
   */
  async wait(key: string, options?: LimiterWaitOptions): Promise<RateLimitResult> {
    const { cost, maxWaitMs, signal } = waitSettings(options, this.limit)
    signal?.throwIfAborted()
    // A check first: a refused take may block the key.
    if (this.check(key, cost).allowed) return this.take(key, cost)
    const slots = [this.#slotFor(key)]
    const list = waitListOf(this.system)
    const [result] = await list.wait({ limiters: [this], slots, key, cost, maxWaitMs, signal })
    return result as RateLimitResult
  }

  /**
   * Returns several limiters as one: all of them must admit a cost, or nothing is taken from any. Use it for several
   * windows at once.
   *
   * @param limiters - From 1 to 16 different limiters of one system.
   * @throws InvalidArgumentError when the list is not that.
   * @example
   * ```ts
   * const second = new Limiter({ maxRequests: 5, windowMs: 1000 })
   * const hour = new Limiter({ maxRequests: 1000, windowMs: 3_600_000 })
   * const both = Limiter.union([second, hour])
   * ```
   */
  static union(limiters: readonly Limiter[]): LimiterUnion {
    if (!isList<Limiter>(limiters) || limiters.length === 0 || limiters.length > MAX_UNION) {
      throw new InvalidArgumentError('limiters', `a list of 1 to ${MAX_UNION} limiters`, limiters)
    }
    for (const [index, limiter] of limiters.entries()) {
      const field = `limiters[${index}]`
      if (!isA(limiter, Limiter)) throw new InvalidArgumentError(field, 'a Limiter', limiter)
      if (limiters.indexOf(limiter) !== index)
        throw new InvalidArgumentError(field, 'different from the others', limiter)
      if (limiter.system !== (limiters[0] as Limiter).system) {
        throw new InvalidArgumentError(field, 'of the same system as the others', limiter)
      }
    }
    return new LimiterUnion([...limiters])
  }

  /**
   * Takes points even if the quota does not cover them. A debt must be refilled before anything is allowed again.
   *
   * @param points - An integer from 1 to 10^9. Default 1.
   */
  penalty(key: string, points: number = 1): RateLimitResult {
    integer('points', 1, MAX_POINTS, points)
    const slot = this.#slotFor(key)
    hot.ratePenalty(this.core, slot, points, this.#clock.monoMs())
    this.#recheck(slot)
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
    if (slot !== undefined) {
      hot.rateReward(this.core, slot, points, this.#clock.monoMs())
      this.#recheck(slot)
    }
    return this.check(key)
  }

  /** Refuses a key for a time in milliseconds from now, whatever its quota. The block ends by itself. */
  block(key: string, durationMs: number): RateLimitResult {
    blockTime('durationMs', durationMs)
    const slot = this.#slotFor(key)
    hot.rateBlock(this.core, slot, durationMs, this.#clock.monoMs())
    this.#recheck(slot)
    return this.check(key)
  }

  /** Ends a block. Returns whether there was one. */
  unblock(key: string): boolean {
    const slot = this.#slotOf(key)
    if (this.#closed) this.#throwClosed()
    if (slot === undefined) return false
    const now = this.#clock.monoMs()
    hot.rateCheck(this.core, slot, 1, now)
    if (scratch[protocol.VERDICT_BLOCKED] === 0) return false
    hot.rateBlock(this.core, slot, 0, now)
    this.#recheck(slot)
    return true
  }

  /**
   * Forgets a key with its quota and its block. Returns whether it was remembered. Calls that wait for it go on to wait,
   * for a quota that is whole.
   */
  reset(key: string): boolean {
    const slot = this.#slotOf(key)
    if (this.#closed) this.#throwClosed()
    if (slot === undefined || this.waiters.size === 0 || hot.rateIsAwaited(this.core, slot) !== 1) {
      return this.#keys.forget(key)
    }
    hot.rateForget(this.core, slot)
    this.#recheck(slot)
    return true
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
    const keys = hot.rateStats(this.core)
    if (keys < 0) this.#throwClosed()
    const displaced = scratch[protocol.STATS_DISPLACED] as number
    return { keys, displaced, nativeBytes: scratch[protocol.STATS_BYTES] as number }
  }

  /** Forgets all keys; calls that wait reject with `ClosedError`. Later calls throw it, but `close` does nothing. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    waitListOf(this.system).close(this)
    this.#sweeper?.cancel()
    handles.close(this, this.core)
    this.#keys.clear()
    this.#disown()
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal Checks a key and returns its slot, or -1 for an unknown key. */
  knownSlot(key: string): number {
    return this.#slotOf(key) ?? NONE
  }

  /** @internal Checks a key and returns its slot, which is added if it is new. */
  slotFor(key: string): number {
    return this.#slotFor(key)
  }

  /** Lets those who wait for a key know that its quota was changed. */
  #recheck(slot: number): void {
    if (this.waiters.size > 0) waitListOf(this.system).recheck(this, slot)
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
