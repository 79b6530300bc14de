/** Helpers for Fastify plugins and their hooks. */
import type { FastifyInstance, FastifyPluginCallback, onRequestHookHandler } from 'fastify'

import { options as checkOptions } from '../internal/validate.ts'

/** Options of `register` itself, which it passes to the plugin too. */
const REGISTER_OPTIONS = new Set(['prefix', 'logLevel', 'logSerializers'])

/** Returns the options of a plugin without those of `register`. */
function pluginOptions<Options extends object>(options: Options | undefined): Options {
  const entries = Object.entries(checkOptions('options', options)).filter(([name]) => !REGISTER_OPTIONS.has(name))
  return Object.fromEntries(entries) as Options
}

/**
 * Returns a plugin whose hooks apply to the instance it is registered in, and not only to what the plugin itself adds.
 * It does so as `fastify-plugin` does, by the symbols that Fastify documents.
 */
export function plugin<Options extends object>(
  name: string,
  install: (instance: FastifyInstance, options: Options) => void,
): FastifyPluginCallback<Options> {
  const callback: FastifyPluginCallback<Options> = (instance, options, done) => {
    // An error thrown here would be an uncaught exception; `done` rejects `ready()` with it.
    try {
      install(instance, pluginOptions(options))
    } catch (error) {
      return done(error as Error)
    }
    return done()
  }
  return Object.assign(callback, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: name,
    [Symbol.for('plugin-meta')]: { name, fastify: '5.x' },
  })
}

/**
 * Adds a hook for all requests of an instance. Requests under its prefix that no route answers belong to the instances
 * around it, so the hook is added to those too, for these requests alone.
 */
export function onRequest(app: FastifyInstance, hook: onRequestHookHandler): void {
  if (app.prefix === '') return void app.addHook('onRequest', hook)
  const isBelow = prefixMatcher(app.prefix)
  // An instance passes its hooks to those inside it. A request that several of them see runs the hook once.
  const seen = new WeakSet<object>()
  app.addHook('onRequest', function counted(request, reply, done) {
    if (request.is404) seen.add(request)
    Reflect.apply(hook, this, [request, reply, done])
  })
  const forUnknown: onRequestHookHandler = function forUnknown(request, reply, done) {
    if (!request.is404 || seen.has(request) || !isBelow(request.raw.url ?? '')) return done()
    seen.add(request)
    return Reflect.apply(hook, this, [request, reply, done])
  }
  for (let outer = parentOf(app); outer !== undefined; outer = parentOf(outer)) outer.addHook('onRequest', forUnknown)
}

/** Returns the instance in which another is encapsulated, which Fastify makes its prototype. */
function parentOf(app: FastifyInstance): FastifyInstance | undefined {
  const outer = Object.getPrototypeOf(app) as Partial<FastifyInstance> | null
  return typeof outer?.addHook === 'function' ? (outer as FastifyInstance) : undefined
}

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '')

/** Returns a function that tells whether a URL is below a prefix. A parameter of the prefix stands for any segment. */
function prefixMatcher(prefix: string): (url: string) => boolean {
  const wanted = segmentsOf(prefix)
  return (url) => {
    const segments = segmentsOf(url.split(/[?#;]/, 1)[0] as string)
    return wanted.every((segment, index) =>
      /[:*]/.test(segment) ? index < segments.length : segment === segments[index],
    )
  }
}
