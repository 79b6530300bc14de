/** Stores of requests, with the interface of express-rate-limit's. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import { callbacks, fieldOf, isA, object } from '../../internal/validate.ts'
import type { RateLimitResult } from '../../rate/types.ts'

/** The options of a middleware that its store uses. */
export interface RateLimitStoreSetup {
  /** The window, in milliseconds. */
  readonly windowMs: number
  /** The number of requests that a key may make in a window. */
  readonly limit: unknown
}

/** The counts that a middleware expects of a store. */
export interface RateLimitCount {
  /** The requests of the key in the window; more than the limit for a request that is refused. */
  readonly totalHits: number
  /** The time at which the quota is whole again, or for a refused request, at which one would be let in. */
  readonly resetTime: Date | undefined
}

/**
 * Counts requests by key, such as {@link redisRateLimitStore} or a store of express-rate-limit. A method may return a
 * promise. When one fails, the error is reported and the request passes uncounted.
 */
export interface HttpRateLimitStore {
  /** Takes the limit and the window. Called once, by the middleware. */
  init?(setup: never): unknown
  /** Counts a request of a key. */
  increment(key: string): RateLimitCount | PromiseLike<RateLimitCount>
  /** Gives back a request of a key. */
  decrement(key: string): unknown
  /** Forgets a key. */
  resetKey(key: string): unknown
}

const METHODS = ['increment', 'decrement', 'resetKey'] as const

/** Returns a store that has what a middleware needs. */
export function checkedStore(store: unknown): HttpRateLimitStore {
  object('options.store', store, 'a store')
  callbacks('options.store', store, ['init', ...METHODS])
  for (const method of METHODS) {
    if (typeof fieldOf(store, method) === 'function') continue
    throw new InvalidArgumentError(`options.store.${method}`, 'a function', fieldOf(store, method))
  }
  return store as HttpRateLimitStore
}

/** Opens a store. Throws what it throws: for options that it does not take. */
export function openStore(store: HttpRateLimitStore, windowMs: number, limit: number): void {
  const init = fieldOf(store, 'init')
  if (typeof init === 'function') (init as (setup: RateLimitStoreSetup) => unknown).call(store, { windowMs, limit })
}

/** Returns the answer of a store as the answer of a limiter. */
export function resultOf(answer: unknown, limit: number, windowMs: number, wallMs: number): RateLimitResult {
  const [totalHits, resetTime] = [fieldOf(answer, 'totalHits'), fieldOf(answer, 'resetTime')]
  if (typeof totalHits !== 'number' || !(totalHits >= 0)) {
    throw new InvalidArgumentError('store.increment(key).totalHits', 'a number from 0', totalHits)
  }
  const resetAt = isA(resetTime, Date) ? resetTime.getTime() : NaN
  const resetMs = Number.isNaN(resetAt) ? windowMs : Math.max(Math.ceil(resetAt - wallMs), 0)
  const allowed = totalHits <= limit
  const remaining = Math.max(limit - totalHits, 0)
  const current = allowed ? Math.max(totalHits - 1, 0) : limit
  return { allowed, current, limit, remaining, resetMs, retryAfterMs: allowed ? 0 : Math.max(resetMs, 1) }
}
