import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

import { urlOf, withoutQuery } from './request-url.ts'
import { onResponseEnd } from './response-end.ts'
import { isSessionServer, SessionDrain, type SessionServer } from './session-drain.ts'
import type { BrokenOff, DrainableServer } from './shutdown.ts'
import { type DrainPace, isWebSocketRequest, WebSocketDrain } from './web-socket-drain.ts'

/** A connection and its requests, in the order in which they came. Their responses go out in that order. */
interface Connection {
  readonly socket: Duplex
  readonly requests: Map<ServerResponse, IncomingMessage>
  /** The request that made the connection a WebSocket. */
  webSocket: IncomingMessage | undefined
}

/** A server of Node, over HTTP/1, HTTP/2 or both. */
export type NodeServer = Server | SessionServer

/** The parser that Node keeps at a socket; `null` once an upgrade has taken the connection over. */
interface ParsedSocket {
  readonly parser?: unknown
}

/**
 * Drains a Node server: it accepts no new connection, and closes each one once its requests are answered.
 *
 * - A connection that is idle, or that never sent anything, is closed at once.
 * - The last response of a connection says `Connection: close`. Those before it do not, because Node sends nothing
 *   after a response that does.
 * - The drain waits for half a request, a response that is being sent, and an upgraded connection. {@link abort}
 *   returns those that it breaks off.
 * - A WebSocket gets a Close frame once it is idle.
 * - A session of HTTP/2 ends with its last stream.
 */
export class ConnectionDrain implements DrainableServer {
  readonly #server: NodeServer
  readonly #pace: DrainPace
  readonly #sessions: SessionDrain | undefined
  #webSockets: WebSocketDrain | undefined
  readonly #connections = new Map<Duplex, Connection>()
  /** Connections whose TLS is being negotiated, by their addresses. */
  readonly #handshakes = new Map<string, Duplex>()
  readonly #isSecure: boolean
  #isDraining = false
  #isSweepPending = false
  #nodeCloseIdle: () => void = () => {}
  readonly #whenEmpty: (() => void)[] = []

  constructor(server: NodeServer, pace: DrainPace) {
    this.#server = server
    this.#pace = pace
    this.#isSecure = server.listenerCount('secureConnection') > 0
    this.#sessions = isSessionServer(server) ? new SessionDrain(server, () => this.#check()) : undefined
    const events = server as Server
    events.on('connection', this.#onConnection)
    events.on('secureConnection', this.#onSecure)
    // This listener must run before the app, whose response has to say that it is the last.
    events.prependListener('request', this.#onRequest)
    this.#watchUpgrades()
  }

  /** Begins to drain: from now on each connection ends with its last response. */
  begin(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    this.#sessions?.begin()
    this.#replaceCloseIdle()
    this.#webSockets = new WebSocketDrain(this.#pace)
    for (const { requests, socket, webSocket } of this.#connections.values()) {
      const [last] = [...requests.keys()].slice(-1)
      if (last !== undefined) announceClose(last)
      if (webSocket !== undefined) this.#webSockets.add(socket)
    }
    // Node reads first what has arrived already.
    setImmediate(() => this.#sweepSoon())
  }

  async drain(): Promise<void> {
    this.begin()
    await this.#closed()
    await this.settled()
  }

  /** Resolves when no connection is left. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty.push(resolve)
      this.#check()
    })
  }

  abort(): BrokenOff[] {
    const broken = [...this.#connections.values()].flatMap((connection) => brokenOffOn(connection))
    this.#webSockets?.abort()
    for (const socket of [...this.#connections.keys(), ...this.#handshakes.values()]) socket.destroy()
    broken.push(...(this.#sessions?.abort() ?? []))
    ;(this.#server as Partial<Server>).closeAllConnections?.()
    return broken
  }

  dispose(): void {
    const events = this.#server as Server
    events.off('connection', this.#onConnection)
    events.off('secureConnection', this.#onSecure)
    events.off('request', this.#onRequest)
    events.off('newListener', this.#onNewListener)
    events.off('removeListener', this.#onRemoveListener)
    events.off('upgrade', this.#onUpgrade)
    if (events.closeIdleConnections === this.#closeIdle) events.closeIdleConnections = this.#nodeCloseIdle
    this.#webSockets?.dispose()
    this.#sessions?.dispose()
    this.#handshakes.clear()
    this.#connections.clear()
    this.#check()
  }

  #closed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.close((error) => {
        const isClosed = (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_SERVER_NOT_RUNNING'
        if (error === undefined || isClosed) resolve()
        else reject(error)
      })
    })
  }

  readonly #onConnection = (socket: Socket): void => {
    if (!this.#isSecure) {
      // A connection of HTTP/2 is a session from the start.
      if (this.#sessions === undefined) this.#connectionOf(socket)
      return
    }
    const key = addressOf(socket)
    this.#handshakes.set(key, socket)
    socket.once('close', () => this.#handshakes.delete(key))
  }

  readonly #onSecure = (socket: TLSSocket): void => {
    this.#handshakes.delete(addressOf(socket))
    if (this.#sessions === undefined || socket.alpnProtocol !== 'h2') this.#connectionOf(socket)
  }

  #connectionOf(socket: Duplex): Connection {
    let connection = this.#connections.get(socket)
    if (connection === undefined) {
      connection = { socket, requests: new Map(), webSocket: undefined }
      this.#connections.set(socket, connection)
      socket.once('close', () => {
        this.#connections.delete(socket)
        this.#check()
      })
    }
    return connection
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // The streams of a session are counted there.
    if (request.httpVersionMajor !== 1) return
    const { requests } = this.#connectionOf(request.socket)
    if (this.#isDraining) {
      for (const before of requests.keys()) announceKeepAlive(before)
      announceClose(response)
    }
    requests.set(response, request)
    onResponseEnd(request, response, () => {
      requests.delete(response)
      if (this.#isDraining) this.#sweepSoon()
    })
  }

  /** Replaces Node's method, where the server has one: one over HTTP/2 alone has none. */
  #replaceCloseIdle(): void {
    const server = this.#server as Partial<Server>
    if (typeof server.closeIdleConnections !== 'function') return
    this.#nodeCloseIdle = server.closeIdleConnections
    server.closeIdleConnections = this.#closeIdle
  }

  /** Sees upgrades as long as somebody else handles them: without a listener Node takes them for plain requests. */
  #watchUpgrades(): void {
    const events = this.#server as Server
    events.on('newListener', this.#onNewListener)
    events.on('removeListener', this.#onRemoveListener)
    if (events.listenerCount('upgrade') > 0) events.prependListener('upgrade', this.#onUpgrade)
  }

  readonly #onNewListener = (event: string | symbol, listener: unknown): void => {
    const events = this.#server as Server
    if (event !== 'upgrade' || listener === this.#onUpgrade || events.listeners('upgrade').includes(this.#onUpgrade)) {
      return
    }
    events.prependListener('upgrade', this.#onUpgrade)
  }

  readonly #onRemoveListener = (event: string | symbol, listener: unknown): void => {
    if (event !== 'upgrade' || listener === this.#onUpgrade) return
    const events = this.#server as Server
    if (events.listenerCount('upgrade') === 1) events.off('upgrade', this.#onUpgrade)
  }

  readonly #onUpgrade = (request: IncomingMessage, socket: Duplex): void => {
    if (!isWebSocketRequest(request)) return
    this.#connectionOf(socket).webSocket = request
    // The program answers the handshake first.
    if (this.#isDraining) setImmediate(() => this.#webSockets?.add(socket))
  }

  /** Sweeps once a turn of the event loop, however many responses end in it. */
  #sweepSoon(): void {
    if (this.#isSweepPending) return
    this.#isSweepPending = true
    setImmediate(() => {
      this.#isSweepPending = false
      this.#sweep()
    })
  }

  /**
   * Closes idle connections. It replaces the method of Node, which a server calls as it closes: Node takes a connection
   * for idle whose response is ended and not yet sent, and would cut the response off.
   */
  readonly #closeIdle = (): void => {
    const busy = [...this.#connections.values()].filter(({ requests }) => requests.size > 0)
    for (const { socket } of busy) socket.destroy = () => socket
    try {
      Reflect.apply(this.#nodeCloseIdle, this.#server, [])
    } finally {
      for (const { socket } of busy) Reflect.deleteProperty(socket, 'destroy')
    }
  }

  /** Closes connections that have no request and no half of one. */
  #sweep(): void {
    ;(this.#server as Partial<Server>).closeIdleConnections?.()
    for (const { socket, requests } of this.#connections.values()) {
      if (requests.size === 0 && (isSilent(socket) || socket.readableEnded)) socket.destroy()
    }
    for (const socket of this.#handshakes.values()) socket.destroy()
    this.#check()
  }

  #check(): void {
    if (this.#connections.size > 0 || this.#sessions?.isEmpty === false) return
    for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }
}

/** Returns the addresses of a connection. A socket and the TLS socket above it have the same ones. */
const addressOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`

/** Returns whether a connection never received anything. */
const isSilent = (socket: Duplex): boolean => (socket as Partial<Socket>).bytesRead === 0

function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close')
}

function announceKeepAlive(response: ServerResponse): void {
  if (!response.headersSent) response.removeHeader('Connection')
}

function brokenOffOn({ socket, requests, webSocket }: Connection): BrokenOff[] {
  if (webSocket !== undefined) {
    const { method = '' } = webSocket
    return [{ what: 'an upgraded connection', method, path: withoutQuery(urlOf(webSocket)) }]
  }
  if (requests.size > 0) {
    return [...requests].map(([response, request]) => ({
      what: response.headersSent ? 'an answer that had begun' : 'a request',
      method: request.method ?? '',
      path: withoutQuery(urlOf(request)),
    }))
  }
  if (isSilent(socket)) return []
  return [{ what: (socket as ParsedSocket).parser === null ? 'an upgraded connection' : 'half a request' }]
}
