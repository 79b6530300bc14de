import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

import { whenOver } from './response-end.ts'
import type { BrokenOff, Stoppable } from './shutdown.ts'

/** Requests a connection has, in the order in which they came. Their responses go out in that order. */
interface Line {
  readonly socket: Duplex
  readonly requests: Map<ServerResponse, IncomingMessage>
}

/** What Node keeps at a socket while its HTTP reads it; `null` once somebody else has taken the connection over. */
interface Parsed {
  readonly parser?: unknown
}

/**
 * Drains a server of Node's: it accepts nothing more, and a connection is closed once its requests are answered.
 *
 * - A connection that is idle, or on which nothing was ever sent, is closed at once.
 * - The last response of a connection says `Connection: close`. Those before it do not, because Node answers nothing after
 *   one that does.
 * - Half a request, an answer that is being sent and a connection that was upgraded are waited for, and recorded when
 *   they are broken off.
 */
export class Drain implements Stoppable {
  readonly #server: Server
  readonly #lines = new Map<Duplex, Line>()
  /** Connections whose TLS is being negotiated, by their addresses. */
  readonly #handshakes = new Map<string, Duplex>()
  readonly #isSecure: boolean
  #isDraining = false
  #isSweeping = false
  #closeIdleOfNode: () => void = () => {}
  readonly #settled: (() => void)[] = []

  constructor(server: Server) {
    this.#server = server
    this.#isSecure = server.listenerCount('secureConnection') > 0
    server.on('connection', this.#onConnection)
    server.on('secureConnection', this.#onSecure)
    // Before the app, whose answer is to say that it is the last.
    server.prependListener('request', this.#onRequest)
  }

  /** From now on connections end with the answers that are under way. */
  begin(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    this.#closeIdleOfNode = this.#server.closeIdleConnections
    this.#server.closeIdleConnections = this.#closeIdle
    for (const { requests } of this.#lines.values()) {
      const [last] = [...requests.keys()].slice(-1)
      if (last !== undefined) isLast(last)
    }
    // What has arrived already is read first.
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
      this.#settled.push(resolve)
      this.#check()
    })
  }

  abort(): BrokenOff[] {
    const broken = [...this.#lines.values()].flatMap((line) => brokenOf(line))
    for (const socket of [...this.#lines.keys(), ...this.#handshakes.values()]) socket.destroy()
    this.#server.closeAllConnections()
    return broken
  }

  dispose(): void {
    this.#server.off('connection', this.#onConnection)
    this.#server.off('secureConnection', this.#onSecure)
    this.#server.off('request', this.#onRequest)
    if (this.#server.closeIdleConnections === this.#closeIdle) {
      this.#server.closeIdleConnections = this.#closeIdleOfNode
    }
    this.#handshakes.clear()
    this.#lines.clear()
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
    if (!this.#isSecure) return void this.#lineOf(socket)
    const key = addressOf(socket)
    this.#handshakes.set(key, socket)
    socket.once('close', () => this.#handshakes.delete(key))
  }

  readonly #onSecure = (socket: TLSSocket): void => {
    this.#handshakes.delete(addressOf(socket))
    this.#lineOf(socket)
  }

  #lineOf(socket: Duplex): Line {
    let line = this.#lines.get(socket)
    if (line === undefined) {
      line = { socket, requests: new Map() }
      this.#lines.set(socket, line)
      socket.once('close', () => {
        this.#lines.delete(socket)
        this.#check()
      })
    }
    return line
  }

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { requests } = this.#lineOf(request.socket)
    if (this.#isDraining) {
      for (const before of requests.keys()) isNotLast(before)
      isLast(response)
    }
    requests.set(response, request)
    whenOver(request, response, () => {
      requests.delete(response)
      if (this.#isDraining) this.#sweepSoon()
    })
  }

  /** Once a turn, however many responses end in it. */
  #sweepSoon(): void {
    if (this.#isSweeping) return
    this.#isSweeping = true
    setImmediate(() => {
      this.#isSweeping = false
      this.#sweep()
    })
  }

  /**
   * Closes connections that are idle. Node takes for idle what has ended its answer and not sent it, and would cut it off;
   * it asks this method when a server closes.
   */
  readonly #closeIdle = (): void => {
    const busy = [...this.#lines.values()].filter(({ requests }) => requests.size > 0)
    for (const { socket } of busy) socket.destroy = () => socket
    try {
      Reflect.apply(this.#closeIdleOfNode, this.#server, [])
    } finally {
      for (const { socket } of busy) Reflect.deleteProperty(socket, 'destroy')
    }
  }

  /** Closes connections that nothing is under way on. */
  #sweep(): void {
    this.#server.closeIdleConnections()
    for (const { socket, requests } of this.#lines.values()) {
      if (requests.size === 0 && (isSilent(socket) || socket.readableEnded)) socket.destroy()
    }
    for (const socket of this.#handshakes.values()) socket.destroy()
    this.#check()
  }

  #check(): void {
    if (this.#lines.size === 0) for (const settled of this.#settled.splice(0)) settled()
  }
}

/** The two ends of a connection: a socket and the one that speaks TLS over it have the same. */
const addressOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`

/** Returns whether nothing was ever received on a connection. */
const isSilent = (socket: Duplex): boolean => (socket as Partial<Socket>).bytesRead === 0

function isLast(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('Connection', 'close')
}

function isNotLast(response: ServerResponse): void {
  if (!response.headersSent) response.removeHeader('Connection')
}

function brokenOf({ socket, requests }: Line): BrokenOff[] {
  if (requests.size > 0) {
    return [...requests].map(([response, request]) => ({
      what: response.headersSent ? 'an answer that had begun' : 'a request',
      method: request.method ?? '',
      path: pathOf(request),
    }))
  }
  if (isSilent(socket)) return []
  return [{ what: (socket as Parsed).parser === null ? 'an upgraded connection' : 'half a request' }]
}

/** Without its query, which may hold secrets. */
function pathOf(request: IncomingMessage): string {
  const url = (request as { originalUrl?: string }).originalUrl ?? request.url ?? ''
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}
