import type { RateLimitInfo } from '../http/rate/info.ts'
import { HttpRateLimitMiddleware } from '../http/rate/middleware.ts'
import { type Awaitable, type HttpRateLimitOptions, rateLimitSettings } from '../http/rate/options.ts'
import { options as checkOptions } from '../internal/validate.ts'
import type { Exchange } from './exchange.ts'
import { exchangeOf, FetchAdapter, type FetchMiddleware, type PlatformContext, translated } from './middleware.ts'

/** Answers a request that is over its quota. What it throws or rejects with goes to the platform. */
export type RateLimitHandler = (request: Request, info: RateLimitInfo, context: PlatformContext) => Awaitable<Response>

/**
 * Options of {@link rateLimit}: the names of express-rate-limit, and those of a `Limiter`. A function of yours that throws
 * or rejects is reported, and counts as if it were not given.
 */
export interface RateLimitOptions extends Omit<
  HttpRateLimitOptions<never, never, RateLimitHandler>,
  'limit' | 'keyGenerator' | 'skip' | 'requestWasSuccessful' | 'identifier' | 'requestPropertyName'
> {
  /**
   * The number of requests that a key may make in a window, from 1 to 10^9, or a function that returns it. A function
   * may return at most 64 different numbers; each has keys of its own. Default 5.
   */
  readonly limit?: number | ((request: Request, context: PlatformContext) => Awaitable<number>) | undefined
  /**
   * Returns the key whose quota a request is counted against. Keys over 128 characters are stored as their SHA-256.
   * Default: the address of the connection, where the platform tells it; clients without one share a quota.
   */
  readonly keyGenerator?: ((request: Request, context: PlatformContext) => Awaitable<string>) | undefined
  /** Returns true for requests that pass without being counted. Default: none. */
  readonly skip?: ((request: Request, context: PlatformContext) => Awaitable<boolean>) | undefined
  /** Returns whether a response is a success. Default: a status below 400 is. */
  readonly requestWasSuccessful?: ((request: Request, response: Response) => Awaitable<boolean>) | undefined
  /** The policy's name in `'draft-8'`: a text or a function that returns it. Default: such as `5-in-1min`. */
  readonly identifier?: string | ((request: Request, context: PlatformContext) => string) | undefined
}

/** The middleware of {@link rateLimit}. */
export interface RateLimitMiddleware extends FetchMiddleware {
  /** Forgets a key, so that its quota is whole again. */
  resetKey(key: string): void
  /** Returns the quota of a key; `undefined` for a key that is not known. */
  getKey(key: string): RateLimitInfo | undefined
}

/**
 * Returns a middleware that limits how often each client may ask, for fetch-style handlers and Hono. It answers a client
 * that is over its quota with a 429 and `Retry-After`.
 *
 * A client is identified by the address of its connection, as Node (`@hono/node-server`), Bun and Deno tell it; headers
 * of proxies are not read. Elsewhere, and behind a proxy, give a `keyGenerator`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(rateLimit({ windowMs: 15 * 60_000, limit: 100, keyGenerator: (_, c: Context) => c.get('user') }))
 * ```
 */
export function rateLimit(options?: RateLimitOptions): RateLimitMiddleware {
  const opts = checkOptions('options', options)
  const early = ['limit', 'keyGenerator', 'skip', 'message', 'identifier'] as const
  const settings = rateLimitSettings<Exchange, Exchange, RateLimitHandler>(
    translated(opts, early, ['requestWasSuccessful']) as HttpRateLimitOptions<Exchange, Exchange, RateLimitHandler>,
    // Requests have no properties of their own: rateLimitInfo() reads what it would hold.
    'requestPropertyName',
  )
  const adapter = new FetchAdapter()
  const limit = new HttpRateLimitMiddleware<Exchange, Exchange, RateLimitHandler>(settings, {
    ...adapter,
    handle: (handler, exchange, _, __, info) =>
      adapter.answer(exchange, () => handler(exchange.request, info, exchange.context)),
  })
  return Object.assign(
    adapter.middleware((exchange, same, next) => limit.receive(exchange, same, next)),
    {
      resetKey: (key: string) => limit.resetKey(key),
      getKey: (key: string) => limit.getKey(key),
    },
  )
}

/**
 * Returns the quota that a request was counted against, once {@link rateLimit} has counted it; `undefined` before.
 *
 * @param request The request, or the context of Hono.
 * @example
 * ```ts
 * app.get('/', (c) => c.json({ left: rateLimitInfo(c)?.remaining }))
 * ```
 */
export function rateLimitInfo(request: unknown): RateLimitInfo | undefined {
  return (exchangeOf(request) as { rateLimit?: RateLimitInfo } | undefined)?.rateLimit
}
