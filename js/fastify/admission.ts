import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

import type { Shed } from '../atrion/types.ts'
import { HttpAdmissionMiddleware } from '../http/admission/middleware.ts'
import { admissionSettings, type HttpAdmissionOptions } from '../http/admission/options.ts'
import { fastifyAdapter } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/** Answers a request that was refused, with `reply`. What it throws or rejects with becomes the request's error. */
export type ShedHandler = (request: FastifyRequest, reply: FastifyReply, shed: Shed) => unknown

/** Options of {@link admission}. A function of yours that throws is reported, and counts as if it were not given. */
export type AdmissionOptions = HttpAdmissionOptions<FastifyRequest, FastifyReply, ShedHandler>

/**
 * Returns the gate of {@link admission} as a hook, for one route. The gate's name is then the pattern of the route.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * app.get('/search', { onRequest: admissionHook({ priority: 'low' }) }, handler)
 * ```
 */
export function admissionHook(options?: AdmissionOptions): onRequestHookHandler {
  return hook(options, (request) => request.routeOptions.url ?? 'app')
}

function hook(options: AdmissionOptions | undefined, nameOf: (req: FastifyRequest) => string): onRequestHookHandler {
  const settings = admissionSettings(options)
  const gate = new HttpAdmissionMiddleware(settings, {
    ...fastifyAdapter,
    nameOf,
    handle: (handler: ShedHandler, request, reply, _, shed) => handler(request, reply, shed),
  })
  return (request, reply, done) => gate.receive(request, reply, done as (error?: unknown) => void)
}

/**
 * A plugin that puts a gate in front of all routes of an instance. It admits the requests that the work behind it can
 * answer in time, the more important first, and refuses the rest at once with a 503 and `Retry-After`.
 *
 * The gate's name is `'app'`, or the prefix of the instance. A refused option rejects `app.ready()` with
 * InvalidArgumentError.
 *
 * @example
 * ```ts
 * app.register(admission, { priority: (request) => (request.url.startsWith('/pay') ? 'critical' : 'normal') })
 * ```
 */
export const admission: FastifyPluginCallback<AdmissionOptions> = plugin('keelson-admission', (app, options) => {
  const name = app.prefix === '' ? 'app' : app.prefix
  onRequest(
    app,
    hook(options, () => name),
  )
})
