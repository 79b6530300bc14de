import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { storedKey } from '../http/key-digest.ts'
import { known, object, options as checkOptions } from '../internal/validate.ts'
import { Limiter } from '../rate/limiter.ts'
import type { LimiterOptions, RateLimitResult } from '../rate/types.ts'

/** Options of a {@link RateLimitStore}. The limit and the window are options of express-rate-limit. */
export type RateLimitStoreOptions = Pick<LimiterOptions, 'algorithm' | 'maxKeys' | 'blockDurationMs' | 'system'>

const OPTIONS: readonly string[] = ['algorithm', 'maxKeys', 'blockDurationMs', 'system']

/** The options of express-rate-limit that its store uses. */
interface StoreSetup {
  readonly windowMs: number
  readonly limit: unknown
  readonly skipFailedRequests?: boolean
}

/** The counts that express-rate-limit expects of a store. */
interface StoreAnswer {
  totalHits: number
  resetTime: Date
}

/** Keys with refused requests that may be given back. Beyond that the oldest is forgotten. */
const MAX_REFUSED = 10_000

/**
 * A store for the middleware of express-rate-limit, with the algorithms, the bounded memory and the clock of a
 * {@link Limiter}. A refused request takes nothing, and `Retry-After` is exact. The middleware's `limit` must be a
 * number.
 *
 * express-rate-limit calls `init`, then the other methods; you only construct the store. Before `init` they throw
 * ClosedError.
 *
 * @example
 * ```ts
 * import { rateLimit } from 'express-rate-limit'
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store: new RateLimitStore() }))
 * ```
 */
export class RateLimitStore {
  /** True: no other store counts these keys. */
  readonly localKeys: boolean = true
  readonly #options: RateLimitStoreOptions
  #limiter: Limiter | undefined
  #refusesAll = false
  #givesBackRefused = false
  /**
   * The number of refused requests of a key that express-rate-limit may give back. They took nothing, so nothing is
   * returned.
   */
  readonly #refused = new Map<string, number>()

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options: RateLimitStoreOptions = {}) {
    this.#options = options
    // Checked here and not at the first request; the limit and the window come with `init`.
    known('options', checkOptions('options', options), OPTIONS)
    new Limiter({ ...options, maxRequests: 1, windowMs: 1 }).close()
  }

  /** The limiter behind the store; `undefined` before {@link init}. */
  get limiter(): Limiter | undefined {
    return this.#limiter
  }

  /**
   * Opens the limiter, with the limit and the window of express-rate-limit.
   *
   * @throws InvalidArgumentError for a limit that is a function.
   */
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

  /** Returns the counts of a key; `undefined` for a key that is not known. */
  get(key: string): StoreAnswer | undefined {
    const limiter = this.#open()
    const stored = storedKey(key)
    return limiter.knows(stored) ? this.#answer(limiter, limiter.check(stored), 0) : undefined
  }

  /** Counts a request of a key. */
  increment(key: string): StoreAnswer {
    const limiter = this.#open()
    if (this.#refusesAll) return { totalHits: 1, resetTime: this.#at(limiter, limiter.windowMs) }
    const stored = storedKey(key)
    const result = limiter.take(stored)
    if (!result.allowed && this.#givesBackRefused) this.#remember(stored)
    return this.#answer(limiter, result, 1)
  }

  /** Gives back a request of a key, which express-rate-limit does not count after all. */
  decrement(key: string): void {
    const stored = storedKey(key)
    const refused = this.#refused.get(stored)
    if (refused === undefined) this.#open().reward(stored)
    else if (refused === 1) this.#refused.delete(stored)
    else this.#refused.set(stored, refused - 1)
  }

  /** Forgets a key, so that its quota is whole again. */
  resetKey(key: string): void {
    const stored = storedKey(key)
    this.#refused.delete(stored)
    this.#open().reset(stored)
  }

  /** Forgets all keys. */
  resetAll(): void {
    this.#refused.clear()
    const limiter = this.#open()
    for (const key of limiter.keys()) limiter.reset(key)
  }

  /** Closes the limiter. */
  shutdown(): void {
    this.#limiter?.close()
  }

  #open(): Limiter {
    if (this.#limiter === undefined) throw new ClosedError('the store: express-rate-limit has not opened it, so it')
    return this.#limiter
  }

  /**
   * Returns the counts after a decision. A refused request counts as one beyond the limit, until there is room for it.
   */
  #answer(limiter: Limiter, result: RateLimitResult, taken: number): StoreAnswer {
    const isRefused = taken === 1 && !result.allowed
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
    if (this.#refused.size <= MAX_REFUSED) return
    const [oldest] = this.#refused.keys()
    this.#refused.delete(oldest as string)
  }
}
