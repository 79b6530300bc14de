import { connect, type Socket } from 'node:net'

import { Answers, type Client, type Received } from './wire.ts'

/** A client over loopback. */
export class NetWire implements Client {
  readonly #socket: Socket
  readonly #answers = new Answers()
  #isEnded = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#answers.take(chunk))
  }

  static connect(port: number): Promise<NetWire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false })
      const wire = new NetWire(socket)
      socket.once('connect', () => resolve(wire)).once('error', reject)
    })
  }

  get received(): ReadonlyMap<number, Received> {
    return this.#answers.received
  }

  get openEnded(): ReadonlySet<number> {
    return this.#answers.openEnded
  }

  get canSend(): boolean {
    return !this.#isEnded && this.#socket.writable
  }

  send(text: string): void {
    if (this.canSend) this.#socket.write(text, 'latin1')
  }

  expect(id: number, method: string): void {
    this.#answers.expect(id, method)
  }

  halfClose(): void {
    this.#isEnded = true
    this.#socket.end()
  }

  leave(): void {
    this.#socket.resetAndDestroy()
  }

  stop(): void {
    this.#socket.pause()
  }

  read(): void {
    this.#socket.resume()
  }
}
