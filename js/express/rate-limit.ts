import type { IncomingMessage, ServerResponse } from 'node:http'

import type { NextFunction, Request, RequestHandler, Response } from 'express'

import type { RateLimitInfo } from '../http/rate/info.ts'
import { HttpRateLimitMiddleware } from '../http/rate/middleware.ts'
import { type HttpRateLimitOptions, rateLimitSettings } from '../http/rate/options.ts'
import { expressAdapter } from './adapter.ts'

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- Express lets what a request has be declared here alone
  namespace Express {
    interface Request {
      /** The quota that the request was counted against, once {@link rateLimit} has counted it. */
      rateLimit?: RateLimitInfo
    }
  }
}

/**
 * Answers a request that is over its quota. It is a request handler like any other: what it throws or rejects with goes
 * to `next(error)`.
 */
export type RateLimitHandler = (req: Request, res: Response, next: NextFunction, info: RateLimitInfo) => unknown

/** Options of {@link rateLimit}: the names of express-rate-limit, and those of a `Limiter`. */
export type RateLimitOptions = HttpRateLimitOptions<Request, Response, RateLimitHandler>

/**
 * The middleware of {@link rateLimit}. Its type is without Express's, so that it does not widen what a route infers.
 */
export interface RateLimitMiddleware {
  /** Counts a request, and refuses it when its key has no quota left. */
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void
  /** Forgets a key, so that its quota is whole again. */
  resetKey(key: string): void
  /** Returns the quota of a key; `undefined` for a key that is not known. */
  getKey(key: string): RateLimitInfo | undefined
}

/**
 * Returns a middleware that limits how often each client may ask. It answers a client that is over its quota with a 429
 * and `Retry-After`. Works in Express 4 and 5, and wherever `(req, res, next)` does.
 *
 * A client is identified by its address, as Express's `trust proxy` defines it; this middleware reads no header of a
 * proxy.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(rateLimit({ windowMs: 15 * 60_000, limit: 100, blockDurationMs: 300_000 }))
 * ```
 */
export function rateLimit(options?: RateLimitOptions): RateLimitMiddleware {
  const limit = new HttpRateLimitMiddleware(rateLimitSettings(options), {
    ...expressAdapter,
    handle: (handler: RateLimitHandler, req, res, next, info) => handler(req, res, next, info),
  })
  const middleware: RequestHandler = (req, res, next) => limit.receive(req, res, next)
  return Object.assign(middleware, {
    resetKey: (key: string) => limit.resetKey(key),
    getKey: (key: string) => limit.getKey(key),
  }) as RateLimitMiddleware
}
