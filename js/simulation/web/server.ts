import type { RequestListener, Server } from 'node:http'

import { InvalidArgumentError } from '../../errors/errors.ts'
import { builtin } from '../../internal/builtin.ts'
import { fieldOf, isA } from '../../internal/validate.ts'
import type { Endpoint } from '../network/transport.ts'
import { type InformedHandler, listenerOf } from './fetch-style.ts'
import type { SimulatedSocket } from './socket.ts'

type Fail = (error: unknown) => void

/** A server that listens under a name, on a node. */
export class WebServer {
  readonly name: string
  readonly endpoint: Endpoint
  isClosed = false
  readonly #server: Server
  /** Resolves once the app takes requests, if it must be waited for. */
  #ready: Promise<unknown> | undefined
  readonly #fail: Fail

  /** @throws InvalidArgumentError for anything that is no app. */
  constructor(name: string, app: unknown, endpoint: Endpoint, fail: Fail) {
    this.name = name
    this.endpoint = endpoint
    this.#fail = fail
    this.#server = this.#serverOf(app)
    this.#server.prependListener('request', withoutDate)
  }

  /** True while it takes connections. */
  get isListening(): boolean {
    return !this.isClosed && !this.endpoint.isCrashed
  }

  /** Takes the end of a connection. */
  accept(socket: SimulatedSocket): void {
    if (this.#ready === undefined) {
      this.#server.emit('connection', socket)
      return
    }
    this.#ready.then(
      () => this.#server.emit('connection', socket),
      (error: unknown) => {
        socket.destroy()
        this.#fail(error)
      },
    )
  }

  /** Leaves an app that outlives the run as it was. */
  end(): void {
    this.#server.off('request', withoutDate)
  }

  #serverOf(app: unknown): Server {
    const { Server: HttpServer, createServer } = builtin('node:http')
    if (typeof app === 'function') {
      const isFetchStyle = app.length < 2
      const listener = isFetchStyle ? listenerOf(app as InformedHandler, this.#fail) : (app as RequestListener)
      return createServer(listener)
    }
    if (isA(app, HttpServer)) return app
    const [server, ready, fetch] = ['server', 'ready', 'fetch'].map((field) => fieldOf(app, field))
    if (typeof fetch === 'function') {
      return createServer(listenerOf((request, info) => Reflect.apply(fetch, app, [request, info]), this.#fail))
    }
    if (isA(server, HttpServer) && typeof ready === 'function') {
      this.#ready = Promise.resolve(Reflect.apply(ready, app, []))
      // Told when a request comes.
      this.#ready.catch(() => undefined)
      return server
    }
    const expected = 'an app of Express or Fastify, a server or handler of node:http, or a fetch-style handler'
    throw new InvalidArgumentError('app', expected, app)
  }
}

/** The host keeps the text of a date for a second of real time, so the client adds it. */
const withoutDate: RequestListener = (_, response) => {
  response.sendDate = false
}
