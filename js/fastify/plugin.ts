import type { FastifyInstance, FastifyPluginCallback } from 'fastify'

import { options as checkOptions } from '../arguments.ts'

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
