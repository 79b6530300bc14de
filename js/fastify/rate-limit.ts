import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

import type { RateLimitInfo } from '../http/rate/info.ts'
import { Meter } from '../http/rate/middleware.ts'
import { type RateOptions, rateSettings } from '../http/rate/options.ts'
import { fastifyFace } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/** Answers a request that is over its quota, with `reply`. What it throws or rejects with becomes the request's error. */
export type RateLimitHandler = (request: FastifyRequest, reply: FastifyReply, info: RateLimitInfo) => unknown

/** Options of {@link rateLimit}: the names of express-rate-limit, and what a `Limiter` can do beside. */
export type RateLimitOptions = RateOptions<FastifyRequest, FastifyReply, RateLimitHandler>

declare module 'fastify' {
  interface FastifyRequest {
    /** What a request was told of its quota, once {@link rateLimit} has counted it. */
    rateLimit?: RateLimitInfo | null
  }
}

/**
 * The limit as a hook, for a route of its own: `app.post('/login', { onRequest: rateLimitHook({ limit: 5 }) }, handler)`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 */
export function rateLimitHook(options?: RateLimitOptions): onRequestHookHandler {
  const meter = new Meter(rateSettings(options), {
    ...fastifyFace,
    handle: (handler: RateLimitHandler, request, reply, _, info) => handler(request, reply, info),
  })
  return (request, reply, done) => meter.receive(request, reply, done as (error?: unknown) => void)
}

/**
 * A limit on how often each client may ask, for all routes of an instance. A client is its address, as far as Fastify's
 * `trustProxy` says; no proxy's header is read here.
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
