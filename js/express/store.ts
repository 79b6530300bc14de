import { known, object, options as checkOptions } from '../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { shortKey } from '../http/key-digest.ts'
import { Limiter } from '../rate/limiter.ts'
import type { LimiterOptions, RateLimitResult } from '../rate/types.ts'

/** Options of a {@link RateLimitStore}; the limit and the window are express-rate-limit's. */
export type RateLimitStoreOptions = Pick<LimiterOptions, 'algorithm' | 'maxKeys' | 'blockDurationMs' | 'system'>

const OPTIONS: readonly string[] = ['algorithm', 'maxKeys', 'blockDurationMs', 'system']

/** What express-rate-limit tells its store, as far as it counts here. */
interface StoreSetup {
  readonly windowMs: number
  readonly limit: unknown
  readonly skipFailedRequests?: boolean
}

/** What it wants to know of a client. */
interface StoreAnswer {
  totalHits: number
  resetTime: Date
}

/** Refused requests that may be given back; of more, the oldest are given up. */
const MOST_REFUSED = 10_000

/**
 * A store for express-rate-limit itself: its middleware, with the algorithms, the bounded memory and the clock of a
 * {@link Limiter}. Its limit has to be a number; a refused request takes nothing, and `Retry-After` is exact.
 *
 * @example
 * ```ts
 * import { rateLimit } from 'express-rate-limit'
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store: new RateLimitStore() }))
 * ```
 */
export class RateLimitStore {
  /** Keys here are nobody else's. */
  readonly localKeys: boolean = true
  readonly #options: RateLimitStoreOptions
  #limiter: Limiter | undefined
  #refusesAll = false
  #givesBackRefused = false
  /** How many requests of a key were refused and may be given back, though they took nothing. */
  readonly #refused = new Map<string, number>()

  constructor(options: RateLimitStoreOptions = {}) {
    this.#options = options
    // Refused here and not at the first request; the rest of what a limiter needs comes with `init`.
    known('options', checkOptions('options', options), OPTIONS)
    new Limiter({ ...options, maxRequests: 1, windowMs: 1 }).close()
  }

  /** The limiter behind it, once express-rate-limit has said what its limit is. */
  get limiter(): Limiter | undefined {
    return this.#limiter
  }

  /** @throws InvalidArgumentError for a limit that is a function: it is told to nobody but express-rate-limit. */
  init(setup: StoreSetup): void {
    const { windowMs, limit, skipFailedRequests } = object<StoreSetup>('options', setup)
    this.#limiter?.close()
    this.#limiter = undefined
    this.#refused.clear()
    this.#refusesAll = limit === 0
    this.#givesBackRefused = skipFailedRequests === true
    if (typeof limit !== 'number') {
      throw new InvalidArgumentError('options.limit', 'a number beside a RateLimitStore', limit)
    }
    const maxRequests = this.#refusesAll ? 1 : limit
    this.#limiter = new Limiter({ ...this.#options, maxRequests, windowMs })
  }

  get(key: string): StoreAnswer | undefined {
    const limiter = this.#open()
    const own = shortKey(key)
    return limiter.knows(own) ? this.#answer(limiter, limiter.check(own), 0) : undefined
  }

  increment(key: string): StoreAnswer {
    const limiter = this.#open()
    if (this.#refusesAll) return { totalHits: 1, resetTime: this.#at(limiter, limiter.windowMs) }
    const own = shortKey(key)
    const result = limiter.take(own)
    if (!result.allowed && this.#givesBackRefused) this.#remember(own)
    return this.#answer(limiter, result, 1)
  }

  decrement(key: string): void {
    const own = shortKey(key)
    const refused = this.#refused.get(own)
    if (refused === undefined) this.#open().reward(own)
    else if (refused === 1) this.#refused.delete(own)
    else this.#refused.set(own, refused - 1)
  }

  resetKey(key: string): void {
    const own = shortKey(key)
    this.#refused.delete(own)
    this.#open().reset(own)
  }

  resetAll(): void {
    this.#refused.clear()
    const limiter = this.#open()
    for (const key of limiter.keys()) limiter.reset(key)
  }

  shutdown(): void {
    this.#limiter?.close()
  }

  #open(): Limiter {
    if (this.#limiter === undefined) throw new ClosedError('the store: express-rate-limit has not opened it, so it')
    return this.#limiter
  }

  /** A refused request is one beyond the limit, and comes back when there is room for it. */
  #answer(limiter: Limiter, result: RateLimitResult, asked: number): StoreAnswer {
    const isRefused = asked === 1 && !result.allowed
    return {
      totalHits: isRefused ? limiter.limit + 1 : limiter.limit - result.remaining,
      resetTime: this.#at(limiter, isRefused ? result.retryAfterMs : result.resetMs),
    }
  }

  #at(limiter: Limiter, afterMs: number): Date {
    return new Date(limiter.system.clock.now().wallMs + afterMs)
  }

  #remember(key: string): void {
    this.#refused.set(key, (this.#refused.get(key) ?? 0) + 1)
    if (this.#refused.size <= MOST_REFUSED) return
    const [oldest] = this.#refused.keys()
    this.#refused.delete(oldest as string)
  }
}
