/** Clients of the server of `observe()`. */
import { connect, type Socket } from 'node:net'
import { request } from 'node:http'
import type { Atrion, Ticket } from 'keelson/atrion'

// oxlint-disable-next-line typescript/no-explicit-any -- each test states the shape that it expects of JSON
export type Loose = any

export type Frame = Record<string, Loose> & { readonly type: string }

/** Returns bytes as the socket frames them. */
export function framed(value: unknown): Buffer {
  const json = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  const head = Buffer.alloc(4)
  head.writeUInt32BE(json.length)
  return Buffer.concat([head, json])
}

/** A client on the socket: what it got, in order, and whether the server closed. */
export class SocketClient {
  readonly frames: Frame[] = []
  isClosed = false
  readonly socket: Socket
  #bytes = Buffer.alloc(0)
  #waiters: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => this.#take(chunk as Buffer))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static open(path: string): Promise<SocketClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new SocketClient(socket)))
      socket.once('error', reject)
    })
  }

  /** Opens a client that has said hello. */
  static async greet(path: string): Promise<SocketClient> {
    const client = await SocketClient.open(path)
    client.send({ type: 'hello', v: 1 })
    await client.until(({ type }) => type === 'hello')
    return client
  }

  send(value: unknown): void {
    this.socket.write(framed(value))
  }

  /** Resolves with the first frame, from the last one asked for on, that a test accepts. */
  async until(accept: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const index = this.frames.findIndex(accept)
      if (index >= 0) return this.frames.splice(0, index + 1).at(-1) as Frame
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.frames)}`)
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    while (!this.isClosed) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readUInt32BE()
      if (this.#bytes.length < end) break
      this.frames.push(JSON.parse(this.#bytes.subarray(4, end).toString()) as Frame)
      this.#bytes = this.#bytes.subarray(end)
    }
    this.#wake()
  }

  #wake(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

/** A response over HTTP. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: string
}

/** Asks over HTTP, with the headers as they stand. */
export function ask(url: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Returns the header with the token. */
export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** Admits a request and ends it. */
export function work(gate: Atrion, route: string, ok = true): void {
  ;(gate.tryAdmit(route) as Ticket).done({ ok })
}
