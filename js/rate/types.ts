/** The public types of rate limiters. */
import type { System } from '../system/system.ts'

/** The rule by which quotas are counted. */
export type RateLimitAlgorithm =
  /**
   * In any window, a key gets at most `maxRequests`. Exact for up to 128 admissions of a key in a window. A busier key is
   * counted in 64 parts of the window: an admission may come at most 1/64 of the window later than the exact log allows,
   * and never earlier. Takes at most 3 KiB for each key.
   */
  | 'sliding-window'
  /**
   * Generic cell rate algorithm (ITU-T I.371): refills steadily, with one number for each key. In any time `t`, a key
   * gets at most its burst, and what the rate gives in `t`.
   */
  | 'gcra'
  /** Records every admission, at 16 bytes each. In any window, a key gets at most `maxRequests`. */
  | 'sliding-log'
  /** Approximates the sliding log with two counters for each key. */
  | 'sliding-counter'

/** Options of a {@link Limiter}. Times are milliseconds. */
export interface LimiterOptions {
  /** The most that a key may take in a window: an integer from 1 to 10^9, with `'sliding-log'` to 100 000. */
  readonly maxRequests: number
  /** The window, in milliseconds from 0.001 to 10^12. */
  readonly windowMs: number
  /** The rule by which quotas are counted. Default `'sliding-window'`. */
  readonly algorithm?: RateLimitAlgorithm | undefined
  /** The most that a key may take at once: an integer from 1 to 10^9; only with `'gcra'`. Default: `maxRequests`. */
  readonly burst?: number | undefined
  /**
   * The most keys that are remembered: an integer from 1 to 2^24. For one key more, a key with its whole quota is
   * forgotten; if there is none, the key that would have it soonest, which so gets its whole quota back early. Default
   * 100 000.
   */
  readonly maxKeys?: number | undefined
  /**
   * The time for which a key is blocked when it asks for more than its quota, in milliseconds. Default: it is not
   * blocked.
   */
  readonly blockDurationMs?: number | undefined
  /**
   * The least time between two admissions of a key, in milliseconds from 0.001 to 10^12. An admission counts once,
   * whatever its cost. Default: none.
   */
  readonly minTimeMs?: number | undefined
  /** A reservoir of points for each key, beside the quota. Default: none. */
  readonly reservoir?: LimiterReservoir | undefined
  /** The most calls of `wait` that wait for one key: an integer from 1 to 2^24. Default 1000. */
  readonly maxWaiters?: number | undefined
  /**
   * The system whose clock the limiter uses, and with which it is closed. Default: the default system of this
   * environment.
   */
  readonly system?: System
}

/**
 * Points of a key that each admission takes from, and that a refill sets anew. The refills come at whole intervals after
 * the limiter was made, for all keys at once. What is left of a reservoir is not added to the next.
 */
export interface LimiterReservoir {
  /** The points of a key before the first refill: an integer from 0 to 10^9. */
  readonly amount: number
  /** The points of a key after each refill: an integer from 1 to 10^9. No cost can be higher. */
  readonly refreshAmount: number
  /** The time between two refills, in milliseconds from 0.001 to 10^12. */
  readonly refreshIntervalMs: number
}

/** Options of `Limiter.wait`. */
export interface LimiterWaitOptions {
  /** The points to take: an integer from 1 to the limiter's `limit`. Default 1. */
  readonly cost?: number | undefined
  /** The longest wait in milliseconds, from 0. A call that would wait longer rejects at once. Default: no bound. */
  readonly maxWaitMs?: number | undefined
  /** Ends the wait: the promise rejects with `signal.reason`, and nothing is taken. */
  readonly signal?: AbortSignal | undefined
}

/** The answer for a key. Times are whole milliseconds. */
export interface RateLimitResult {
  /** True if the quota covered the cost. */
  readonly allowed: boolean
  /** The part of the quota that was taken before. */
  readonly current: number
  /** The whole quota: the most that a key can take at once. */
  readonly limit: number
  /** The part of the quota that is left now. */
  readonly remaining: number
  /** Milliseconds until the whole quota is back, if nothing is taken meanwhile; 0 if it is. */
  readonly resetMs: number
  /** Milliseconds until the quota covers the cost, if nothing is taken meanwhile; 0 if it does. */
  readonly retryAfterMs: number
}

/** The answer of several limiters for a key: the least of what they have left, and the longest of their times. */
export interface LimiterUnionResult extends RateLimitResult {
  /** The answer of each limiter, in the order of the union. */
  readonly results: readonly RateLimitResult[]
  /** The places in the union of the limiters that refused; empty when the cost was allowed. */
  readonly refusedBy: readonly number[]
}

/** The content of a limiter. */
export interface LimiterStats {
  /** The number of keys that are remembered. */
  readonly keys: number
  /** Keys that were forgotten before they had their whole quota back, because there were more than `maxKeys`. */
  readonly displaced: number
  /** The bytes that the core holds for the keys. The names of the keys lie in JavaScript's heap. */
  readonly nativeBytes: number
}
