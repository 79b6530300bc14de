import type { IncomingMessage, ServerResponse } from 'node:http'

import type { NextFunction, Request, RequestHandler, Response } from 'express'

import type { Shed } from '../atrion/types.ts'
import { Door } from '../http/admission/middleware.ts'
import { type GateOptions, settingsOf } from '../http/admission/options.ts'
import { expressFace } from './adapter.ts'
import { GateNames } from './gate-names.ts'

/**
 * Answers a request that was not admitted. It is a request handler like any other: what it throws or rejects with
 * goes to `next(error)`, and calling `next()` lets the request through unprotected.
 */
export type ShedHandler = (req: Request, res: Response, next: NextFunction, shed: Shed) => unknown

/** Options of {@link admission}. A function of yours that throws is reported, and counts as if it were not given. */
export type AdmissionOptions = GateOptions<Request, Response, ShedHandler>

/** What {@link admission} gives. It is written without Express's types so that it does not widen what a route infers. */
export type AdmissionMiddleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/**
 * A gate in front of an app, a router or a route: it lets in what the work behind can do in time, lets the more
 * important go first, and refuses the rest at once. Works in Express 4 and 5, and wherever `(req, res, next)` does.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(admission({ priority: (req) => (req.path.startsWith('/pay') ? 'critical' : 'normal') }))
 * ```
 */
export function admission(options?: AdmissionOptions): AdmissionMiddleware {
  const settings = settingsOf(options)
  const middleware: RequestHandler = (req, res, next) => door.receive(req, res, next)
  const names = new GateNames(middleware)
  const door = new Door(settings, {
    ...expressFace,
    nameOf: (req) => names.of(req),
    handle: (handler: ShedHandler, req, res, next, shed) => handler(req, res, next, shed),
  })
  return middleware as AdmissionMiddleware
}
