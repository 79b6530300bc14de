import type {
  Http2SecureServer,
  Http2Server,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'

import { withoutQuery } from './request-url.ts'
import type { BrokenOff } from './shutdown.ts'

/** A server of HTTP/2, which may allow HTTP/1 as well. */
export type SessionServer = Http2Server | Http2SecureServer

/** Returns whether a server speaks HTTP/2. */
export const isSessionServer = (server: object): server is SessionServer =>
  typeof (server as Partial<SessionServer>).updateSettings === 'function'

/** An open stream, as a report names it. */
interface OpenStream {
  readonly method: string
  readonly path: string
}

/**
 * Drains the sessions of an HTTP/2 server: each is told to open no more streams (GOAWAY), and is closed once the streams
 * that are open have ended. A session without a stream is closed at once.
 */
export class SessionDrain {
  readonly #server: SessionServer
  readonly #sessions = new Map<ServerHttp2Session, Map<ServerHttp2Stream, OpenStream>>()
  readonly #onEmpty: () => void
  #isDraining = false

  /** @param onEmpty Called whenever no session is left. */
  constructor(server: SessionServer, onEmpty: () => void) {
    this.#server = server
    this.#onEmpty = onEmpty
    server.on('session', this.#onSession)
  }

  /** Returns whether no session is left. */
  get isEmpty(): boolean {
    return this.#sessions.size === 0
  }

  begin(): void {
    this.#isDraining = true
    for (const session of this.#sessions.keys()) session.close()
  }

  /** Breaks off all sessions, and returns the streams that were open. */
  abort(): BrokenOff[] {
    const broken = [...this.#sessions.values()].flatMap((streams) =>
      [...streams].map(([stream, { method, path }]): BrokenOff => {
        return { what: stream.headersSent ? 'an answer that had begun' : 'a request', method, path }
      }),
    )
    for (const session of this.#sessions.keys()) session.destroy()
    return broken
  }

  dispose(): void {
    this.#server.off('session', this.#onSession)
    this.#sessions.clear()
  }

  readonly #onSession = (session: ServerHttp2Session): void => {
    const streams = new Map<ServerHttp2Stream, OpenStream>()
    this.#sessions.set(session, streams)
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      streams.set(stream, { method: headers[':method'] ?? '', path: withoutQuery(headers[':path'] ?? '') })
      stream.once('close', () => streams.delete(stream))
    })
    session.once('close', () => {
      this.#sessions.delete(session)
      if (this.isEmpty) this.#onEmpty()
    })
    // The connection was accepted before the end began.
    if (this.#isDraining) session.close()
  }
}
