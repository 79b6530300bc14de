/** Errors of rate limiters. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'

/** A key's quota does not cover the cost, or the key is blocked. Nothing was taken. */
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
