import type { FastifyInstance, FastifyPluginCallback } from 'fastify'

import { InvalidArgumentError } from '../errors/errors.ts'
import { Drain } from '../http/connection-drain.ts'
import { type BrokenOff, Shutdown, type ShutdownOptions, type Stoppable } from '../http/shutdown.ts'
import { plugin } from './plugin.ts'

/** Drains what Fastify serves, the way Fastify does, and lets connections go with their last answers. */
class FastifyDrain implements Stoppable {
  readonly #app: FastifyInstance
  readonly #connections: Drain

  constructor(app: FastifyInstance) {
    this.#app = app
    this.#connections = new Drain(app.server)
  }

  async drain(): Promise<void> {
    this.#connections.begin()
    await this.#app.close()
    await this.#connections.settled()
  }

  abort(): BrokenOff[] {
    return this.#connections.abort()
  }

  dispose(): void {
    this.#connections.dispose()
  }
}

/**
 * Ends an app as it should be ended, on SIGTERM and SIGINT: `app.close()`, which stops accepting, waits for requests in
 * flight and runs `onClose` hooks; then the system is closed, and the process exits, with 0 when all of it was done in
 * time and 1 when not. A second signal ends the process at once.
 *
 * @throws InvalidArgumentError naming what is refused.
 * @example
 * ```ts
 * const shutdown = gracefulShutdown(app, { timeout: 10_000 })
 * app.get('/ready', (request, reply) => reply.code(shutdown.ready ? 200 : 503).send())
 * ```
 */
export function gracefulShutdown(app: FastifyInstance, options?: ShutdownOptions): Shutdown {
  const given = app as Partial<FastifyInstance> | undefined
  if (typeof given?.close !== 'function' || given.server === undefined) {
    throw new InvalidArgumentError('app', 'an instance of Fastify', app)
  }
  // Node does not tell which connections of HTTP/2 are idle.
  if (typeof given.server.closeIdleConnections !== 'function') {
    throw new InvalidArgumentError('app', 'an app over HTTP/1, which is not made with http2', { http2: true })
  }
  return new Shutdown(() => new FastifyDrain(app), options)
}

/**
 * {@link gracefulShutdown} as a plugin: `app.register(shutdown, { timeout: 10_000 })`. The handle is `app.shutdown`.
 */
export const shutdown: FastifyPluginCallback<ShutdownOptions> = plugin('keelson-shutdown', (app, options) => {
  app.decorate('shutdown', gracefulShutdown(app, options))
})
