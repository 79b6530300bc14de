import type { RateLimitResult } from '../../rate/types.ts'
import type { System } from '../../system/system.ts'

/** The quota that a request was counted against, as it stood then. A request has it as `req.rateLimit`. */
export class RateLimitInfo {
  /** The whole quota, in requests. */
  readonly limit: number
  /** The number of requests of the quota that are used, this one included. */
  readonly used: number
  /** The number of requests that are left. */
  readonly remaining: number
  /** The key whose quota it is, such as the client's address. */
  readonly key: string
  /** Time until the whole quota is there again, in milliseconds from when the request was counted. */
  readonly resetMs: number
  /** For a refused request: time until one would be let in, in milliseconds; otherwise 0. */
  readonly retryAfterMs: number
  readonly #system: System
  readonly #countedAt: number

  /** @internal */
  constructor(key: string, result: RateLimitResult, system: System, countedAt: number) {
    this.limit = result.limit
    this.remaining = result.remaining
    this.used = result.limit - result.remaining
    this.key = key
    this.resetMs = result.resetMs
    this.retryAfterMs = result.retryAfterMs
    this.#system = system
    this.#countedAt = countedAt
  }

  /** The time at which the whole quota is there again, by the system's wall clock. */
  get resetTime(): Date {
    const { wallMs, monoMs } = this.#system.clock.now()
    return new Date(wallMs + this.resetMs - (monoMs - this.#countedAt))
  }
}
