import type { Context, Middleware, Next } from 'koa'

import type { Shed } from '../atrion/types.ts'
import { HttpAdmissionMiddleware } from '../http/admission/middleware.ts'
import { admissionSettings, type HttpAdmissionOptions, MAX_GATE_NAME } from '../http/admission/options.ts'
import { KoaAdapter } from './adapter.ts'

/**
 * Answers a request that was refused. It is a middleware like any other: what it throws or rejects with goes to Koa, and
 * calling `next()` lets the request through unprotected.
 */
export type ShedHandler = (ctx: Context, next: Next, shed: Shed) => unknown

/**
 * Options of {@link admission}. Functions of yours get the context. One that throws is reported, and counts as if it were
 * not given.
 */
export type AdmissionOptions = HttpAdmissionOptions<Context, Context, ShedHandler>

/**
 * Returns a gate in front of an app, a router or a route. It admits the requests that the work behind it can answer in
 * time, the more important first, and refuses the rest at once with a 503 and `Retry-After`. Works in Koa 2 and 3.
 *
 * The gate's name is the pattern that a router has matched, where the gate stands behind one, or else `'app'`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.use(admission({ priority: (ctx) => (ctx.path.startsWith('/pay') ? 'critical' : 'normal') }))
 * ```
 */
export function admission(options?: AdmissionOptions): Middleware {
  const settings = admissionSettings(options)
  const adapter = new KoaAdapter()
  const gate = new HttpAdmissionMiddleware<Context, Context, ShedHandler>(settings, {
    ...adapter,
    nameOf,
    handle: (handler, ctx, _, __, shed) => adapter.answer(ctx, (next) => handler(ctx, next, shed)),
  })
  return (ctx, next) => adapter.run(ctx, next, (req, res, then) => gate.receive(req, res, then))
}

/** Returns the pattern behind which a middleware stands: that of a route of a router, or that of a mounted app. */
function nameOf(ctx: Context): string {
  const { _matchedRoute: route, mountPath } = ctx as { readonly _matchedRoute?: unknown; readonly mountPath?: unknown }
  if (typeof route === 'string' || route instanceof RegExp) return String(route).slice(0, MAX_GATE_NAME) || '/'
  return typeof mountPath === 'string' && mountPath !== '' ? mountPath.slice(0, MAX_GATE_NAME) : 'app'
}
