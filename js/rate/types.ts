import type { System } from '../system/system.ts'

/**
 * How quotas are counted. `'gcra'` refills steadily, in one number a key: in any time t a key gets at most its burst and
 * t at the rate. `'sliding-log'` remembers every admission: in any window a key gets at most the limit; 16 bytes each.
 * `'sliding-counter'` is close to that with two counters a key.
 */
export type RateLimitAlgorithm = 'gcra' | 'sliding-log' | 'sliding-counter'

/** Options of a {@link Limiter}. Times are milliseconds. */
export interface LimiterOptions {
  /** How much a key may take in a window: an integer from 1 to 10^9; of a log, to 100 000. */
  readonly maxRequests: number
  /** The window, from 0.001 to 10^12. */
  readonly windowMs: number
  /** How quotas are counted. Default `'gcra'`. */
  readonly algorithm?: RateLimitAlgorithm | undefined
  /** What a key can take at once, from 1 to 10^9; only with `'gcra'`. Default: `maxRequests`. */
  readonly burst?: number | undefined
  /**
   * How many keys are remembered, from 1 to 2^24. Beyond that a key that is as good as new is forgotten, and if there is
   * none, the one that would be soonest: it gets its whole quota again. Default 100 000.
   */
  readonly maxKeys?: number | undefined
  /** A key that asks for more than it has is blocked for this long. Default: it is not. */
  readonly blockDurationMs?: number | undefined
  /** Whose clock. Default: the default system of this environment. */
  readonly system?: System
}

/** What a key has. Times are whole milliseconds. */
export interface RateLimitResult {
  /** Whether the cost was there. */
  readonly allowed: boolean
  /** How much of the quota was taken before. */
  readonly current: number
  /** The whole quota: what a key can take at once. */
  readonly limit: number
  /** How much is left now. */
  readonly remaining: number
  /** After this the whole quota is there again, if nothing is taken meanwhile; 0 when it is. */
  readonly resetMs: number
  /** After this the cost would be there, if nothing is taken meanwhile; 0 when it is. */
  readonly retryAfterMs: number
}

/** What a limiter holds. */
export interface LimiterStats {
  /** Keys that are remembered. */
  readonly keys: number
  /** Keys that were forgotten before they were as good as new, because there were more than `maxKeys`. */
  readonly displaced: number
  /** What the core holds for them. The keys themselves are JavaScript's. */
  readonly nativeBytes: number
}
