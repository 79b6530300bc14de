import type { IncomingMessage, ServerResponse } from 'node:http'

import type { NextFunction, Request, RequestHandler, Response } from 'express'

import type { Shed } from '../atrion/types.ts'
import { HttpAdmissionMiddleware } from '../http/admission/middleware.ts'
import { admissionSettings, type HttpAdmissionOptions } from '../http/admission/options.ts'
import { expressAdapter } from './adapter.ts'
import { GateNames } from './gate-names.ts'

/**
 * Answers a request that was refused. It is a request handler like any other: what it throws or rejects with goes to
 * `next(error)`, and calling `next()` lets the request through unprotected.
 */
export type ShedHandler = (req: Request, res: Response, next: NextFunction, shed: Shed) => unknown

/** Options of {@link admission}. A function of yours that throws is reported, and counts as if it were not given. */
export type AdmissionOptions = HttpAdmissionOptions<Request, Response, ShedHandler>

/**
 * The middleware of {@link admission}. Its type is without Express's, so that it does not widen what a route infers.
 */
export type AdmissionMiddleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * Returns a gate in front of an app, a router or a route. It admits the requests that the work behind it can answer in
 * time, the more important first, and refuses the rest at once with a 503 and `Retry-After`.
 *
 * Works in Express 4 and 5, and wherever `(req, res, next)` does.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(admission({ priority: (req) => (req.path.startsWith('/pay') ? 'critical' : 'normal') }))
 * ```
 */
export function admission(options?: AdmissionOptions): AdmissionMiddleware {
  const settings = admissionSettings(options)
  const middleware: RequestHandler = (req, res, next) => gate.receive(req, res, next)
  const names = new GateNames(middleware)
  const gate = new HttpAdmissionMiddleware(settings, {
    ...expressAdapter,
    nameOf: (req) => names.of(req),
    handle: (handler: ShedHandler, req, res, next, shed) => handler(req, res, next, shed),
  })
  return middleware as AdmissionMiddleware
}
