import type { FastifyInstance, FastifyPluginCallback } from 'fastify'

import { InvalidArgumentError } from '../errors/errors.ts'
import { ConnectionDrain } from '../http/connection-drain.ts'
import { type BrokenOff, type DrainableServer, Shutdown, type ShutdownOptions } from '../http/shutdown.ts'
import type { DrainPace } from '../http/web-socket-drain.ts'
import { plugin } from './plugin.ts'

/** Drains an app with `app.close()`, and closes each connection after its last response. */
class FastifyDrain implements DrainableServer {
  readonly #app: FastifyInstance
  readonly #connections: ConnectionDrain

  constructor(app: FastifyInstance, pace: DrainPace) {
    this.#app = app
    this.#connections = new ConnectionDrain(app.server, pace)
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
 * Shuts an app down on SIGTERM and SIGINT: it calls `app.close()`, which stops accepting, waits for requests in flight
 * and runs `onClose` hooks; then it runs `cleanup`, closes the system, and exits. The exit code is 0 when all of it was
 * done in time, and 1 when it was not. A second signal ends the process at once.
 *
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const shutdown = gracefulShutdown(app, { timeout: 10_000 })
 * app.get('/ready', (request, reply) => reply.code(shutdown.ready ? 200 : 503).send())
 * ```
 */
export function gracefulShutdown(app: FastifyInstance, options?: ShutdownOptions): Shutdown {
  const candidate = app as Partial<FastifyInstance> | undefined
  if (typeof candidate?.close !== 'function' || candidate.server === undefined) {
    throw new InvalidArgumentError('app', 'an instance of Fastify', app)
  }
  return new Shutdown((pace) => new FastifyDrain(app, pace), options)
}

/**
 * {@link gracefulShutdown} as a plugin. The {@link Shutdown} is `app.shutdown`.
 *
 * @example
 * ```ts
 * app.register(shutdown, { timeout: 10_000 })
 * ```
 */
export const shutdown: FastifyPluginCallback<ShutdownOptions> = plugin('keelson-shutdown', (app, options) => {
  app.decorate('shutdown', gracefulShutdown(app, options))
})
