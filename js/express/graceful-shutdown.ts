import { Server } from 'node:http'

import { InvalidArgumentError } from '../errors/errors.ts'
import { Drain } from '../http/connection-drain.ts'
import { Shutdown, type ShutdownOptions } from '../http/shutdown.ts'

/**
 * Ends a server as it should be ended, on SIGTERM and SIGINT: it stops accepting, waits for requests in flight, closes
 * the system, and exits, with 0 when all of it was done in time and 1 when not. A second signal ends the process at once.
 *
 * @param server What `app.listen()` or `http.createServer()` gave.
 * @throws InvalidArgumentError naming what is refused.
 * @example
 * ```ts
 * const shutdown = gracefulShutdown(app.listen(3000), { timeout: 10_000, cleanup: () => pool.end() })
 * app.get('/ready', (req, res) => res.status(shutdown.ready ? 200 : 503).end())
 * ```
 */
export function gracefulShutdown(server: Server, options?: ShutdownOptions): Shutdown {
  const given = server as Partial<Server> | undefined
  if (!(server instanceof Server) && typeof given?.closeIdleConnections !== 'function') {
    throw new InvalidArgumentError('server', 'a server of Node, as app.listen() gives', server)
  }
  return new Shutdown(() => new Drain(server), options)
}
