import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

import type { RateLimitInfo } from '../http/rate/info.ts'
import { HttpRateLimitMiddleware } from '../http/rate/middleware.ts'
import { type HttpRateLimitOptions, rateLimitSettings } from '../http/rate/options.ts'
import { fastifyAdapter } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/**
 * Answers a request that is over its quota, with `reply`. What it throws or rejects with becomes the request's error.
 */
export type RateLimitHandler = (request: FastifyRequest, reply: FastifyReply, info: RateLimitInfo) => unknown

/** Options of {@link rateLimit}: the names of express-rate-limit, and those of a `Limiter`. */
export type RateLimitOptions = HttpRateLimitOptions<FastifyRequest, FastifyReply, RateLimitHandler>

declare module 'fastify' {
  interface FastifyRequest {
    /** The quota that the request was counted against, once {@link rateLimit} has counted it. */
    rateLimit?: RateLimitInfo | null
  }
}

/**
 * Returns the limit of {@link rateLimit} as a hook, for one route.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.post('/login', { onRequest: rateLimitHook({ limit: 5 }) }, handler)
 * ```
 */
export function rateLimitHook(options?: RateLimitOptions): onRequestHookHandler {
  const limit = new HttpRateLimitMiddleware(rateLimitSettings(options), {
    ...fastifyAdapter,
    handle: (handler: RateLimitHandler, request, reply, _, info) => handler(request, reply, info),
  })
  return (request, reply, done) => limit.receive(request, reply, done as (error?: unknown) => void)
}

/**
 * A plugin that limits how often each client may ask, for all routes of an instance. It answers a client that is over
 * its quota with a 429 and `Retry-After`.
 *
 * A client is identified by its address, as Fastify's `trustProxy` defines it; this plugin reads no header of a proxy.
 * A refused option rejects `app.ready()` with InvalidArgumentError.
 *
 * @example
 * ```ts
 * app.register(rateLimit, { windowMs: 15 * 60_000, limit: 100, blockDurationMs: 300_000 })
 * ```
 */
export const rateLimit: FastifyPluginCallback<RateLimitOptions> = plugin('keelson-rate-limit', (app, options) => {
  const hook = rateLimitHook(options)
  const { requestPropertyName = 'rateLimit' } = options
  if (!app.hasRequestDecorator(requestPropertyName)) app.decorateRequest(requestPropertyName, null)
  onRequest(app, hook)
})
