import type { RateLimitResult } from '../../rate/types.ts'
import type { System } from '../../system/system.ts'

/** What a request is told of the quota it was counted against. */
export class RateLimitInfo {
  /** The whole quota. */
  readonly limit: number
  /** How much of it is taken, this request included. */
  readonly used: number
  /** How much is left. */
  readonly remaining: number
  /** Whose quota. */
  readonly key: string
  /** After this the whole quota is there again, in milliseconds from when the request was counted. */
  readonly resetMs: number
  /** For a refused request: after this one would be let in; else 0. */
  readonly retryAfterMs: number
  readonly #system: System
  readonly #at: number

  /** @internal */
  constructor(key: string, result: RateLimitResult, system: System, at: number) {
    this.limit = result.limit
    this.remaining = result.remaining
    this.used = result.limit - result.remaining
    this.key = key
    this.resetMs = result.resetMs
    this.retryAfterMs = result.retryAfterMs
    this.#system = system
    this.#at = at
  }

  /** When the whole quota is there again, by the wall clock. */
  get resetTime(): Date {
    const { wallMs, monoMs } = this.#system.clock.now()
    return new Date(wallMs + this.resetMs - (monoMs - this.#at))
  }
}
