/** The public types of rate limiters. */
import type { System } from '../system/system.ts'

/** The rule by which quotas are counted. */
export type RateLimitAlgorithm =
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
  /** The rule by which quotas are counted. Default `'gcra'`. */
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
   * The system whose clock the limiter uses, and with which it is closed. Default: the default system of this
   * environment.
   */
  readonly system?: System
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

/** The content of a limiter. */
export interface LimiterStats {
  /** The number of keys that are remembered. */
  readonly keys: number
  /** Keys that were forgotten before they had their whole quota back, because there were more than `maxKeys`. */
  readonly displaced: number
  /** The bytes that the core holds for the keys. The names of the keys lie in JavaScript's heap. */
  readonly nativeBytes: number
}
