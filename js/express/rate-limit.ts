import type { IncomingMessage, ServerResponse } from 'node:http'

import type { NextFunction, Request, RequestHandler, Response } from 'express'

import type { RateLimitInfo } from '../http/rate/info.ts'
import { Meter } from '../http/rate/middleware.ts'
import { type RateOptions, rateSettings } from '../http/rate/options.ts'
import { expressFace } from './adapter.ts'

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- Express lets what a request has be declared here alone
  namespace Express {
    interface Request {
      /** What a request was told of its quota, once {@link rateLimit} has counted it. */
      rateLimit?: RateLimitInfo
    }
  }
}

/** Answers a request that is over its quota: a request handler like any other. */
export type RateLimitHandler = (req: Request, res: Response, next: NextFunction, info: RateLimitInfo) => unknown

/** Options of {@link rateLimit}: the names of express-rate-limit, and what a `Limiter` can do beside. */
export type RateLimitOptions = RateOptions<Request, Response, RateLimitHandler>

/** What {@link rateLimit} gives. It is written without Express's types so that it does not widen what a route infers. */
export interface RateLimitMiddleware {
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  /** Forgets a key: its quota is whole again. */
  resetKey(key: string): void
  /** What a key has; `undefined` for one that is not known. */
  getKey(key: string): RateLimitInfo | undefined
}

/**
 * A limit on how often each client may ask, as a middleware for Express 4 and 5 and wherever `(req, res, next)` does.
 * A client is its address, as far as Express's `trust proxy` says; no proxy's header is read here.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(rateLimit({ windowMs: 15 * 60_000, limit: 100, blockDurationMs: 300_000 }))
 * ```
 */
export function rateLimit(options?: RateLimitOptions): RateLimitMiddleware {
  const meter = new Meter(rateSettings(options), {
    ...expressFace,
    handle: (handler: RateLimitHandler, req, res, next, info) => handler(req, res, next, info),
  })
  const middleware: RequestHandler = (req, res, next) => meter.receive(req, res, next)
  return Object.assign(middleware, {
    resetKey: (key: string) => meter.resetKey(key),
    getKey: (key: string) => meter.getKey(key),
  }) as RateLimitMiddleware
}
