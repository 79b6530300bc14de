import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'

/** A key has no quota left for the cost, or is blocked. Nothing was taken. */
export class RateLimitExceededError extends KeelsonError {
  static readonly code = 'KEELSON_RATE_LIMITED'
  readonly code = 'KEELSON_RATE_LIMITED'
  /** Whose quota. */
  readonly key: string
  /** After this the cost is there, if nothing else is taken meanwhile; in milliseconds. */
  readonly retryAfterMs: number
  constructor(key: string, retryAfterMs: number) {
    super(`Rate limit exceeded for '${key}'. Retry after ${retryAfterMs}ms`)
    this.key = key
    this.retryAfterMs = retryAfterMs
  }
}

/** Guard for {@link RateLimitExceededError}. */
export const isRateLimitExceededError: (error: unknown) => error is RateLimitExceededError = isCode(
  RateLimitExceededError.code,
)
