/** Several limiters as one. */
import { ClosedError } from '../errors/errors.ts'
import { integer } from '../internal/validate.ts'
import { hot } from '../native.ts'
import type { System } from '../system/system.ts'
import { answersOf, combined } from './answer.ts'
import { waitSettings } from './options.ts'
import type { LimiterUnionResult, LimiterWaitOptions, RateLimitResult } from './types.ts'
import { type AwaitedLimiter, waitListOf, writePlaces } from './wait-list.ts'

/** The most limiters of a union. */
export const MAX_UNION = 16

/** A limiter, as far as a union uses it. */
export interface UnionMember extends AwaitedLimiter {
  readonly maxRequests: number
  readonly windowMs: number
  readonly system: System
  readonly closed: boolean
  /** Returns the slot of a key, or -1 for an unknown key. Checks the key. */
  knownSlot(key: string): number
  /** Returns the slot of a key, which is added if it is new. */
  slotFor(key: string): number
  knows(key: string): boolean
  reward(key: string, points?: number): RateLimitResult
  reset(key: string): boolean
}

/**
 * Several limiters as one: all of them must admit a cost, or nothing is taken from any. Created by `Limiter.union`. The
 * limiters keep working by themselves, and are closed by themselves.
 *
 * @example
 * ```ts
 * const second = new Limiter({ maxRequests: 5, windowMs: 1000 })
 * const hour = new Limiter({ maxRequests: 1000, windowMs: 3_600_000 })
 * const { allowed, refusedBy } = Limiter.union([second, hour]).take('user:123')
 * ```
 */
export class LimiterUnion {
  /** The most that a key can take at once: the least `limit` of its limiters. */
  readonly limit: number
  /** The system of its limiters. */
  readonly system: System
  /** @internal */
  readonly members: readonly UnionMember[]

  /** @internal */
  constructor(members: readonly UnionMember[]) {
    this.members = members
    this.limit = Math.min(...members.map(({ limit }) => limit))
    this.system = (members[0] as UnionMember).system
  }

  /** True once one of its limiters was closed. */
  get closed(): boolean {
    return this.members.some(({ closed }) => closed)
  }

  /**
   * Takes a cost from the key's quota in every limiter, or from none. `refusedBy` names the limiters that refused, by
   * their place in the union.
   *
   * @param cost - An integer from 1 to `limit`. Default 1.
   * @throws InvalidArgumentError for an invalid key or cost.
   * @throws ClosedError when one of the limiters is closed.
   */
  take(key: string, cost: number = 1): LimiterUnionResult {
    this.#prepare(cost)
    return this.#takeAll(this.#slotsFor(key), cost)
  }

  /** Returns the answer that {@link take} would give, without taking anything or remembering the key. */
  check(key: string, cost: number = 1): LimiterUnionResult {
    this.#prepare(cost)
    return this.#checkAll(
      this.members.map((member) => member.knownSlot(key)),
      cost,
    )
  }

  /**
   * Resolves once every limiter admits a cost. Calls for one key of one limiter are served in order of arrival, whether
   * they wait for the limiter or for a union.
   *
   * @throws RateLimitExceededError (rejecting) at once, when the wait would be longer than `maxWaitMs`; nothing was taken.
   * @throws RateLimitQueueFullError (rejecting) when as many calls wait for the key as one of the limiters allows.
   * @throws InvalidArgumentError (rejecting) for an invalid key or option.
   * @throws ClosedError (rejecting) when one of the limiters is closed, also while the call waits.
   */
  async wait(key: string, options?: LimiterWaitOptions): Promise<LimiterUnionResult> {
    const { cost, maxWaitMs, signal } = waitSettings(options, this.limit)
    this.#prepare(cost)
    signal?.throwIfAborted()
    const slots = this.#slotsFor(key)
    if (this.#checkAll(slots, cost).allowed) return this.#takeAll(slots, cost)
    const limiters = this.members
    return combined(await waitListOf(this.system).wait({ limiters, slots, key, cost, maxWaitMs, signal }))
  }

  /** Returns points to the key in every limiter, up to the whole quota. Default 1. */
  reward(key: string, points: number = 1): LimiterUnionResult {
    waitListOf(this.system).together(() => {
      for (const member of this.members) member.reward(key, points)
    })
    return this.check(key)
  }

  /** Forgets a key in every limiter, with its quota and its block. Returns whether one of them remembered it. */
  reset(key: string): boolean {
    let wasKnown = false
    waitListOf(this.system).together(() => {
      for (const member of this.members) wasKnown = member.reset(key) || wasKnown
    })
    return wasKnown
  }

  /** Returns whether one of the limiters remembers a key. */
  knows(key: string): boolean {
    return this.members.some((member) => member.knows(key))
  }

  #prepare(cost: number): void {
    if (this.closed) throw new ClosedError('the rate limiter')
    integer('cost', 1, this.limit, cost)
    if (this.members.some(({ waiters }) => waiters.size > 0)) waitListOf(this.system).serve()
  }

  #slotsFor(key: string): number[] {
    return this.members.map((member) => member.slotFor(key))
  }

  #takeAll(slots: readonly number[], cost: number): LimiterUnionResult {
    writePlaces(this.members, slots)
    return this.#answer(hot.rateTakeAll(slots.length, cost, this.system.clock.monoMs()))
  }

  #checkAll(slots: readonly number[], cost: number): LimiterUnionResult {
    writePlaces(this.members, slots)
    return this.#answer(hot.rateCheckAll(slots.length, cost, this.system.clock.monoMs()))
  }

  #answer(code: number): LimiterUnionResult {
    if (code < 0) throw new ClosedError('the rate limiter')
    return combined(answersOf(this.members))
  }
}
