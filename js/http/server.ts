import type { IncomingMessage, Server, ServerResponse } from 'node:http'

import type { Stoppable } from './shutdown.ts'

/**
 * Drains a server of Node's. A connection that is kept alive is closed once it is idle: its last answer says so, or,
 * where that was begun before, it is closed after it.
 */
export class Drain implements Stoppable {
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()
  #isDraining = false

  constructor(server: Server) {
    this.#server = server
    // Before the app, whose answer is to say that it is the last.
    server.prependListener('request', this.#onRequest)
  }

  /** From now on connections end with the answers that are under way. */
  begin(): void {
    this.#isDraining = true
    for (const response of this.#open) isLast(response)
  }

  drain(): Promise<void> {
    this.begin()
    return new Promise((resolve, reject) => {
      this.#server.close((error) => {
        const isClosed = (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_SERVER_NOT_RUNNING'
        if (error === undefined || isClosed) resolve()
        else reject(error)
      })
      this.#server.closeIdleConnections()
    })
  }

  abort(): void {
    this.#server.closeAllConnections()
  }

  dispose(): void {
    this.#server.off('request', this.#onRequest)
    this.#open.clear()
  }

  readonly #onRequest = (_: IncomingMessage, response: ServerResponse): void => {
    this.#open.add(response)
    if (this.#isDraining) isLast(response)
    response.once('close', () => {
      this.#open.delete(response)
      if (this.#isDraining) this.#server.closeIdleConnections()
    })
  }
}

function isLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close')
}
