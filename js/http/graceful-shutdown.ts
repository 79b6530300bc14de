import { Server } from 'node:http'

import { InvalidArgumentError } from '../errors/errors.ts'
import { ConnectionDrain } from './connection-drain.ts'
import { Shutdown, type ShutdownOptions } from './shutdown.ts'

/**
 * Shuts a server down on SIGTERM and SIGINT: it stops accepting, waits for requests in flight, runs `cleanup`, closes
 * the system, and exits. The exit code is 0 when all of it was done in time, and 1 when it was not. A second signal
 * ends the process at once.
 *
 * @param server The server that `app.listen()` or `http.createServer()` returned.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const shutdown = gracefulShutdown(app.listen(3000), { timeout: 10_000, cleanup: () => pool.end() })
 * app.get('/ready', (req, res) => res.status(shutdown.ready ? 200 : 503).end())
 * ```
 */
export function gracefulShutdown(server: Server, options?: ShutdownOptions): Shutdown {
  const candidate = server as Partial<Server> | undefined
  if (!(server instanceof Server) && typeof candidate?.closeIdleConnections !== 'function') {
    throw new InvalidArgumentError('server', 'a server of Node, as app.listen() gives', server)
  }
  return new Shutdown(() => new ConnectionDrain(server), options)
}
