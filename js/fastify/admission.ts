import type { FastifyPluginCallback, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'

import type { Shed } from '../atrion/types.ts'
import { Door } from '../http/admission/middleware.ts'
import { type GateOptions, settingsOf } from '../http/admission/options.ts'
import { fastifyFace } from './adapter.ts'
import { onRequest, plugin } from './plugin.ts'

/** Answers a request that was not admitted, with `reply`. What it throws or rejects with becomes the request's error. */
export type ShedHandler = (request: FastifyRequest, reply: FastifyReply, shed: Shed) => unknown

/** Options of {@link admission}. A function of yours that throws is reported, and counts as if it were not given. */
export type AdmissionOptions = GateOptions<FastifyRequest, FastifyReply, ShedHandler>

/**
 * The gate as a hook, for a route of its own: `app.get('/search', { onRequest: admissionHook() }, handler)`. Its name is
 * then the pattern of the route.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 */
export function admissionHook(options?: AdmissionOptions): onRequestHookHandler {
  return hook(options, (request) => request.routeOptions.url ?? 'app')
}

function hook(options: AdmissionOptions | undefined, nameOf: (req: FastifyRequest) => string): onRequestHookHandler {
  const settings = settingsOf(options)
  const door = new Door(settings, {
    ...fastifyFace,
    nameOf,
    handle: (handler: ShedHandler, request, reply, _, shed) => handler(request, reply, shed),
  })
  return (request, reply, done) => door.receive(request, reply, done as (error?: unknown) => void)
}

/**
 * The gate in front of all routes of an instance: it lets in what the work behind can do in time, lets the more important
 * go first, and refuses the rest at once. Its name is `'app'`, or the prefix of the instance.
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
