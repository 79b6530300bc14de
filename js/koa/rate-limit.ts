import type { Context, Middleware, Next } from 'koa'

import type { RateLimitInfo } from '../http/rate/info.ts'
import { HttpRateLimitMiddleware } from '../http/rate/middleware.ts'
import { type HttpRateLimitOptions, rateLimitSettings } from '../http/rate/options.ts'
import { KoaAdapter } from './adapter.ts'

declare module 'koa' {
  interface ExtendableContext {
    /** The quota that the request was counted against, once {@link rateLimit} has counted it. */
    rateLimit?: RateLimitInfo
  }
}

/**
 * Answers a request that is over its quota. It is a middleware like any other: what it throws or rejects with goes to
 * Koa.
 */
export type RateLimitHandler = (ctx: Context, next: Next, info: RateLimitInfo) => unknown

/** Options of {@link rateLimit}: the names of express-rate-limit, and those of a `Limiter`. Functions get the context. */
export type RateLimitOptions = HttpRateLimitOptions<Context, Context, RateLimitHandler>

/** The middleware of {@link rateLimit}. */
export interface RateLimitMiddleware extends Middleware {
  /** Forgets a key, so that its quota is whole again. */
  resetKey(key: string): void
  /** Returns the quota of a key; `undefined` for a key that is not known. */
  getKey(key: string): RateLimitInfo | undefined
}

/**
 * Returns a middleware that limits how often each client may ask. It answers a client that is over its quota with a 429
 * and `Retry-After`. Works in Koa 2 and 3.
 *
 * A client is identified by its address, as `app.proxy` defines it; this middleware reads no header of a proxy.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(rateLimit({ windowMs: 15 * 60_000, limit: 100, blockDurationMs: 300_000 }))
 * ```
 */
export function rateLimit(options?: RateLimitOptions): RateLimitMiddleware {
  const adapter = new KoaAdapter()
  const limit = new HttpRateLimitMiddleware<Context, Context, RateLimitHandler>(rateLimitSettings(options), {
    ...adapter,
    handle: (handler, ctx, _, __, info) => adapter.answer(ctx, (next) => handler(ctx, next, info)),
  })
  const middleware: Middleware = (ctx, next) =>
    adapter.run(ctx, next, (req, res, then) => limit.receive(req, res, then))
  return Object.assign(middleware, {
    resetKey: (key: string) => limit.resetKey(key),
    getKey: (key: string) => limit.getKey(key),
  })
}
