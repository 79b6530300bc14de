// HTTP over a connection in memory: nothing depends on the machine, so tests can hold the clock.
import { type IncomingHttpHeaders, request as httpRequest, type Server } from 'node:http'
import { Duplex } from 'node:stream'

import type { ControlledClock } from 'keelson/clock'

/** One end of a connection. What is written to it can be read at the other end. */
class End extends Duplex {
  peer!: End
  readonly remoteAddress: string

  constructor(remoteAddress: string) {
    super({ allowHalfOpen: true })
    this.remoteAddress = remoteAddress
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: unknown, done: () => void): void {
    this.peer.push(chunk)
    done()
  }

  override _final(done: () => void): void {
    this.peer.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // A client that goes away is noticed by the server, and the other way round.
    if (!this.peer.destroyed) process.nextTick(() => this.peer.destroy())
    done(error)
  }

  // Node's HTTP calls these of sockets.
  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface AskOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** The client's address. */
  readonly address?: string
  /** Never ends the request, as a client does whose upload stalls. */
  readonly endless?: boolean
  /** Makes the client go away. */
  readonly signal?: AbortSignal
}

/** Sends one request to a server that need not listen. Resolves with the whole answer. */
export function ask(server: Server, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, address = '192.0.2.1', signal, endless = false } = options
  const [client, socket] = [new End('server'), new End(address)]
  client.peer = socket
  socket.peer = client
  server.emit('connection', socket)
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        createConnection: () => client as never,
        host: 'in-memory',
        path,
        method,
        headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
        ...(signal && { signal }),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        })
      },
    )
    request.on('error', reject)
    if (endless) request.flushHeaders()
    else request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Turns of the event loop in which a request or an answer arrives. */
const TURNS = 4

/** Moves the clock from timer to timer until a promise settles. Returns its outcome. */
export async function settle<T>(clock: ControlledClock, promise: Promise<T>): Promise<T> {
  const wait = { isOver: false }
  const end = (): void => void (wait.isOver = true)
  promise.then(end, end)
  for (;;) {
    for (let turn = 0; turn < TURNS; turn++) {
      await clock.flush()
      if (wait.isOver) return promise
    }
    // An append to a journal on disk may be under way: then time stands.
    await clock.advance(0)
    clock.tick()
  }
}
