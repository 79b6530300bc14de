import type { IncomingMessage, ServerResponse } from 'node:http'

import type { RequestHandler } from 'express'

import { Door } from './door.ts'
import { type AdmissionOptions, settingsOf } from './options.ts'

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
  const door = new Door(settings, middleware)
  return middleware as AdmissionMiddleware
}
