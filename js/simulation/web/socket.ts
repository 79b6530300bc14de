import { Duplex } from 'node:stream'

import type { Channel, Endpoint, Transport } from '../network/transport.ts'

/** The way from one end of a connection to another. */
export interface Route {
  readonly channel: Channel
  readonly to: SimulatedSocket
}

/** The address of an end of a connection, as sockets have it. */
export interface SocketAddress {
  readonly address: string
  readonly port: number
}

/** The longest first line of a packet in reports. */
const LONGEST_LINE = 60

type Done = (error?: Error | null) => void

/**
 * One end of a connection between nodes. Each write is a packet of the network, and the next one waits until it has
 * been read at the other end. Node's HTTP takes it for a socket.
 */
export class SimulatedSocket extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly remoteFamily = 'IPv4'
  readonly localAddress: string
  readonly localPort: number
  readonly encrypted: boolean
  readonly #transport: Transport
  readonly #endpoint: Endpoint | undefined
  /** The other end; more than one if what is written arrives repeatedly. Without one, writes go nowhere. */
  readonly routes: Route[] = []
  /** The wall time of its node at the first write, in ms. */
  firstWriteWallMs: number | undefined
  /** Called once, before the first packet is read. */
  onOpen: (() => void) | undefined
  /** True once the connection ends without a word to the other end. */
  isQuiet = false
  /** Called once what was pushed has been read. */
  #onRead: (() => void) | undefined

  constructor(
    transport: Transport,
    endpoint: Endpoint | undefined,
    [local, remote]: readonly [SocketAddress, SocketAddress],
    isEncrypted: boolean,
  ) {
    super({ allowHalfOpen: true })
    this.#transport = transport
    this.#endpoint = endpoint
    this.localAddress = local.address
    this.localPort = local.port
    this.remoteAddress = remote.address
    this.remotePort = remote.port
    this.encrypted = isEncrypted
  }

  override _read(): void {
    const onRead = this.#onRead
    this.#onRead = undefined
    onRead?.()
  }

  override _write(chunk: Buffer, _encoding: unknown, done: Done): void {
    this.#write(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    this.#write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  /**
   * Frees the parser that Node's HTTP has put on it, which no garbage collection does. Nobody is told: whatever waits for
   * the connection waits for ever.
   */
  release(): void {
    ;(this as { readonly parser?: { close?(): void } | null }).parser?.close?.()
  }

  #write(chunk: Buffer, done: Done): void {
    this.firstWriteWallMs ??= this.#endpoint?.clock.now().wallMs
    let isFirst = true
    for (const { channel, to } of this.routes) {
      // The writer waits for the first of the ends that read it.
      const onRead = isFirst ? (): void => done() : undefined
      isFirst = false
      this.#send(
        channel,
        () => describeChunk(chunk),
        () => to.#take(chunk, onRead),
      )
    }
    if (isFirst) done()
  }

  override _final(done: Done): void {
    for (const { channel, to } of this.routes)
      this.#send(
        channel,
        () => 'the end',
        () => to.push(null),
      )
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.isQuiet) {
      for (const { channel, to } of this.routes)
        this.#send(
          channel,
          () => 'the connection closes',
          () => to.destroy(),
        )
    }
    done(error)
  }

  #send(channel: Channel, describe: () => string, deliver: () => void): void {
    const packet = { describe, mayRepeat: false, mayBeOvertaken: false, deliver }
    this.#transport.send(channel.from, channel.to, packet, channel)
  }

  #take(chunk: Buffer, onRead: (() => void) | undefined): void {
    if (this.destroyed) return
    const { onOpen } = this
    this.onOpen = undefined
    onOpen?.()
    if (this.push(chunk)) onRead?.()
    else this.#onRead = onRead
  }

  // Node's HTTP calls these of sockets. A simulated one has no time limits of its own, and no `setTimeout`.
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
  destroySoon(): void {
    this.end(() => this.destroy())
  }
}

/** Returns the first line of an HTTP message, or the size of anything else. */
function describeChunk(chunk: Buffer): string {
  const [line = ''] = chunk.toString('latin1', 0, LONGEST_LINE).split('\r\n', 1)
  return /HTTP\/1\.\d(?: |$)/.test(line) ? line : `${chunk.length} bytes`
}
