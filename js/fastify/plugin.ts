import type { FastifyInstance, FastifyPluginCallback, onRequestHookHandler } from 'fastify'

import { options as checkOptions } from '../internal/validate.ts'

/** What `register` itself understands of a plugin's options. */
const OF_REGISTER = new Set(['prefix', 'logLevel', 'logSerializers'])

/** The options of a plugin without those. */
function own<Options extends object>(given: Options | undefined): Options {
  const entries = Object.entries(checkOptions('options', given)).filter(([name]) => !OF_REGISTER.has(name))
  return Object.fromEntries(entries) as Options
}

/**
 * Makes a plugin whose hooks count for the instance it is registered in, and not only for what the plugin itself adds:
 * what `fastify-plugin` does, by the symbols that Fastify documents for it.
 */
export function plugin<Options extends object>(
  name: string,
  install: (instance: FastifyInstance, options: Options) => void,
): FastifyPluginCallback<Options> {
  const callback: FastifyPluginCallback<Options> = (instance, options, done) => {
    // Thrown in here it would be an uncaught exception; `done` hands it to whoever waits for `ready()`.
    try {
      install(instance, own(options))
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
 * Adds a hook for all requests of an instance. Those under its prefix that no route answers are the affair of the
 * instances around it, so that these get the hook for them.
 */
export function onRequest(app: FastifyInstance, hook: onRequestHookHandler): void {
  if (app.prefix === '') return void app.addHook('onRequest', hook)
  const isBelow = below(app.prefix)
  // What an instance gets, those inside it get as well: a request that several of them see is seen once.
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
  for (let outer = outside(app); outer !== undefined; outer = outside(outer)) outer.addHook('onRequest', forUnknown)
}

/** The instance in which another is encapsulated: Fastify makes it its prototype. */
function outside(app: FastifyInstance): FastifyInstance | undefined {
  const outer = Object.getPrototypeOf(app) as Partial<FastifyInstance> | null
  return typeof outer?.addHook === 'function' ? (outer as FastifyInstance) : undefined
}

const segmentsOf = (path: string): string[] => path.split('/').filter((segment) => segment !== '')

/** Whether a URL is below a prefix, whose parameters stand for any segment. */
function below(prefix: string): (url: string) => boolean {
  const wanted = segmentsOf(prefix)
  return (url) => {
    const given = segmentsOf(url.split(/[?#;]/, 1)[0] as string)
    return wanted.every((segment, index) => (/[:*]/.test(segment) ? index < given.length : segment === given[index]))
  }
}
