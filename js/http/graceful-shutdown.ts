import { EventEmitter } from 'node:events'
import type { Server } from 'node:http'

import { builtin } from '../internal/builtin.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { ConnectionDrain, type NodeServer } from './connection-drain.ts'
import { isSessionServer } from './session-drain.ts'
import { Shutdown, type ShutdownOptions } from './shutdown.ts'

/**
 * Shuts a server down on SIGTERM and SIGINT: it stops accepting, waits for requests in flight, runs `cleanup`, closes
 * the system, and exits. The exit code is 0 when all of it was done in time, and 1 when it was not. A second signal
 * ends the process at once.
 *
 * A WebSocket gets a Close frame (1001) once it is idle; see `webSocketIdleMs`. Over HTTP/2, sessions open no more
 * streams, and end with the last one. What is not over after `timeout` is broken off.
 *
 * @param server The server that `app.listen()`, `http.createServer()` or its kin of `https` and `http2` returned.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * const shutdown = gracefulShutdown(app.listen(3000), { timeout: 10_000, cleanup: () => pool.end() })
 * app.get('/ready', (req, res) => res.status(shutdown.ready ? 200 : 503).end())
 * ```
 */
export function gracefulShutdown(server: NodeServer, options?: ShutdownOptions): Shutdown {
  const candidate = server as Partial<Server> | null | undefined
  const isServer =
    server instanceof builtin('node:http').Server || typeof candidate?.closeIdleConnections === 'function'
  if (!isServer && !(candidate instanceof EventEmitter && isSessionServer(candidate))) {
    throw new InvalidArgumentError('server', 'a server of Node, as app.listen() gives', server)
  }
  return new Shutdown((pace) => new ConnectionDrain(server, pace), options)
}
