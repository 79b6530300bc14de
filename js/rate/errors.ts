/** Errors of rate limiters. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'

/** A key's quota does not cover the cost, or not in time, or the key is blocked. Nothing was taken. */
export class RateLimitExceededError extends KeelsonError {
  static readonly code = 'KEELSON_RATE_LIMITED'
  readonly code = 'KEELSON_RATE_LIMITED'
  /** The key. */
  readonly key: string
  /** Milliseconds until the quota covers the cost, if nothing else is taken meanwhile. */
  readonly retryAfterMs: number
  constructor(key: string, retryAfterMs: number) {
    super(`Rate limit exceeded for '${key}'. Retry after ${retryAfterMs}ms`)
    this.key = key
    this.retryAfterMs = retryAfterMs
  }
}

/** Returns whether a value is a {@link RateLimitExceededError}, from whichever copy of the package. */
export const isRateLimitExceededError: (error: unknown) => error is RateLimitExceededError = isCode(
  RateLimitExceededError.code,
)

/** As many calls of `wait` wait for a key as `maxWaiters` allows. Nothing was taken. */
export class RateLimitQueueFullError extends KeelsonError {
  static readonly code = 'KEELSON_RATE_LIMIT_QUEUE_FULL'
  readonly code = 'KEELSON_RATE_LIMIT_QUEUE_FULL'
  /** The key. */
  readonly key: string
  constructor(key: string) {
    super(`As many calls wait for the rate limit of '${key}' as may`)
    this.key = key
  }
}

/** Returns whether a value is a {@link RateLimitQueueFullError}, from whichever copy of the package. */
export const isRateLimitQueueFullError: (error: unknown) => error is RateLimitQueueFullError = isCode(
  RateLimitQueueFullError.code,
)

/** A store of rate limits did not answer in time, or not as it should. Requests are counted in memory meanwhile. */
export class RateLimitStoreError extends KeelsonError {
  static readonly code = 'KEELSON_RATE_LIMIT_STORE'
  readonly code = 'KEELSON_RATE_LIMIT_STORE'
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
  }
}

/** Returns whether a value is a {@link RateLimitStoreError}, from whichever copy of the package. */
export const isRateLimitStoreError: (error: unknown) => error is RateLimitStoreError = isCode(RateLimitStoreError.code)
