import { InvalidArgumentError } from '../errors/errors.ts'
import { Limiter } from '../rate/limiter.ts'
import { LimiterUnion } from '../rate/union.ts'
import { callable, integer, isA, options as checkOptions, timeout } from '../internal/validate.ts'
import type { AbortScope } from './pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from './pipeline/base-policy.ts'
import type { PolicyCall, Sink } from './pipeline/call.ts'
import type { PolicyOptions } from './pipeline/types.ts'

/** Options of {@link rateLimitPolicy}. */
export interface RateLimitPolicyOptions extends PolicyOptions {
  /** The key whose quota a call takes from: a string, or a function that returns it. Default: the policy's name. */
  readonly key?: string | (() => string) | undefined
  /** The points that a call takes: an integer from 1 to the limiter's `limit`. Default 1. */
  readonly cost?: number | undefined
  /**
   * The longest wait for the quota in milliseconds, from 0; `Infinity` for no bound. Default 0: a call that finds no quota
   * is rejected.
   */
  readonly maxWaitMs?: number | undefined
}

/** Events of a {@link RateLimitPolicy}, by name. */
export interface RateLimitPolicyEvents {
  /** A call has to wait for the quota of a key. */
  readonly wait: { readonly key: string }
  /** A call was admitted, and its task succeeded. */
  readonly success: { readonly value: unknown }
  /** A call was admitted, and its task failed. */
  readonly failure: { readonly error: unknown }
  /** A call was rejected; its task was not run. */
  readonly reject: { readonly key: string; readonly error: unknown }
}

/** Counters of a {@link RateLimitPolicy} since its creation. */
export interface RateLimitPolicyStats extends MeasuredStats {
  /** Calls that wait for a quota. */
  readonly waiting: number
  /** Calls that were admitted. */
  readonly admitted: number
  /** Calls that were rejected. */
  readonly rejected: number
}

const EVENTS: readonly (keyof RateLimitPolicyEvents)[] = ['wait', 'success', 'failure', 'reject']

/** Takes from a limiter before each call. Created by {@link rateLimitPolicy}. */
export class RateLimitPolicy extends BasePolicy<RateLimitPolicyEvents> {
  readonly #limiter: Limiter | LimiterUnion
  readonly #key: string | (() => string)
  readonly #cost: number
  readonly #maxWaitMs: number
  #waiting = 0
  #admitted = 0
  #rejected = 0

  /** @internal */
  constructor(limiter: Limiter | LimiterUnion, options: RateLimitPolicyOptions) {
    super('rate limit', EVENTS, { ...options, system: options.system ?? limiter.system })
    const { key, cost, maxWaitMs } = options
    this.#limiter = limiter
    if (key !== undefined && typeof key !== 'string') callable('options.key', key)
    this.#key = key ?? this.name
    this.#cost = cost === undefined ? 1 : integer('options.cost', 1, limiter.limit, cost)
    this.#maxWaitMs = timeout('options.maxWaitMs', 0, maxWaitMs)
  }

  /** A snapshot of the counters. */
  get stats(): RateLimitPolicyStats {
    return { waiting: this.#waiting, admitted: this.#admitted, rejected: this.#rejected, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    const [queued, rejected] = [this.#waiting, this.#rejected]
    return { queued, calls: this.#admitted + rejected, rejected }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    const limiter = this.#limiter
    const [cost, maxWaitMs] = [this.#cost, this.#maxWaitMs]
    const start = (): void => {
      this.#admitted++
      call.start(next, scope, attempt, this.isObserved ? this.#observed(sink) : sink)
    }
    let key = this.name
    let isThere = false
    try {
      key = typeof this.#key === 'function' ? this.#key() : this.#key
      isThere = limiter.check(key, cost).allowed
      if (isThere) limiter.take(key, cost)
    } catch (error) {
      sink.failed(error)
      return
    }
    if (isThere) {
      start()
      return
    }
    if (maxWaitMs > 0 && this.isObserved) this.emit('wait', { key })
    const signal = scope.canAbort ? scope.signal : undefined
    this.#waiting++
    limiter.wait(key, { cost, maxWaitMs, signal }).then(
      () => {
        this.#waiting--
        if (!scope.isAborted) {
          start()
          return
        }
        if (!limiter.closed) limiter.reward(key, cost)
        sink.failed(scope.reason)
      },
      (error: unknown) => {
        this.#waiting--
        if (!scope.isAborted) this.#reject(key, error)
        sink.failed(error)
      },
    )
  }

  #reject(key: string, error: unknown): void {
    this.#rejected++
    if (this.isObserved) this.emit('reject', { key, error })
  }

  #observed(sink: Sink): Sink {
    return {
      succeeded: (value) => {
        this.emit('success', { value })
        sink.succeeded(value)
      },
      failed: (error) => {
        this.emit('failure', { error })
        sink.failed(error)
      },
    }
  }
}

/**
 * Creates a policy that takes from a limiter before each call. A call that finds no quota waits up to `maxWaitMs`, in
 * order of arrival for its key. A call that would wait longer rejects at once with `RateLimitExceededError`, whose
 * `retryAfterMs` says when to come back; its task is not run. Inside `retry` each attempt takes again.
 *
 * @param limiter - A `Limiter`, or a union of limiters. Several policies may share one.
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const limiter = new Limiter({ maxRequests: 10, windowMs: 1000 })
 * const policy = wrap(timeout(2000), rateLimitPolicy(limiter, { key: 'api.example.com', maxWaitMs: 1000 }))
 * ```
 */
export function rateLimitPolicy(limiter: Limiter | LimiterUnion, options?: RateLimitPolicyOptions): RateLimitPolicy {
  if (!isA(limiter, Limiter) && !isA(limiter, LimiterUnion)) {
    throw new InvalidArgumentError('limiter', 'a Limiter or a union of them', limiter)
  }
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['key', 'cost', 'maxWaitMs'])
  return new RateLimitPolicy(limiter, settings)
}
