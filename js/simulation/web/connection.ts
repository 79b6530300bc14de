import type { SimulatedNetwork } from '../network/network.ts'
import type { Endpoint } from '../network/transport.ts'
import { SimulatedSocket, type SocketAddress } from './socket.ts'

/** A connection that is wanted. */
export interface ConnectionRequest {
  readonly network: SimulatedNetwork
  readonly from: Endpoint | undefined
  readonly to: Endpoint
  readonly addresses: { readonly client: SocketAddress; readonly server: SocketAddress }
  readonly isEncrypted: boolean
  /** Learns of each end. */
  readonly opened: (socket: SimulatedSocket) => void
  /** Takes the server's end when the first packet arrives. */
  readonly accept: (socket: SimulatedSocket) => void
}

/** A connection of a client to a server. What arrives at the server twice comes over a second one. */
export class SimulatedConnection {
  readonly from: Endpoint | undefined
  readonly to: Endpoint
  readonly client: SimulatedSocket
  /** The server's end, first, and those of repeated requests. */
  readonly #servers: SimulatedSocket[] = []
  readonly #request: ConnectionRequest

  constructor(request: ConnectionRequest) {
    const { network, from, to, addresses, isEncrypted } = request
    this.#request = request
    this.from = from
    this.to = to
    this.client = new SimulatedSocket(network, from, [addresses.client, addresses.server], isEncrypted)
    request.opened(this.client)
    const server = this.#addServer()
    server.routes.push({ channel: network.connect(to, from), to: this.client })
    if (network.isRepeated(from, to)) this.#addServer()
  }

  /** The wall time of the server when it began to answer, in ms. */
  get answeredAtWallMs(): number | undefined {
    return this.#servers[0]?.firstWriteWallMs
  }

  /** Ends it at both ends without a packet: the client has the whole response. */
  close(): void {
    // A repeated request goes on.
    const [server] = this.#servers
    for (const end of [this.client, server]) {
      if (end === undefined) continue
      end.isQuiet = true
      end.destroy()
    }
  }

  /** Tells the client that the server has gone, with an error if it never was there. */
  reset(error?: Error): void {
    this.#tell(this.from, this.to, this.client, error)
  }

  /** Tells the server that the client has gone. */
  resetServers(): void {
    for (const server of this.#servers) this.#tell(this.to, this.from, server)
  }

  /** Tells one end that the other has gone: a machine does so for a process that has ended, so that meets no faults. */
  #tell(at: Endpoint | undefined, gone: Endpoint | undefined, end: SimulatedSocket, error?: Error): void {
    const { network } = this.#request
    const describe = (): string => error?.message ?? 'the connection closes'
    const deliver = (): void => {
      end.destroy(error)
    }
    if (network.isCut(gone, at)) return
    network.send(
      undefined,
      at,
      { describe, mayRepeat: false, mayBeOvertaken: false, deliver },
      network.connect(gone, at),
    )
  }

  #addServer(): SimulatedSocket {
    const { network, from, to, addresses, isEncrypted, accept, opened } = this.#request
    const server = new SimulatedSocket(network, to, [addresses.server, addresses.client], isEncrypted)
    this.#servers.push(server)
    this.client.routes.push({ channel: network.connect(from, to), to: server })
    server.onOpen = () => accept(server)
    opened(server)
    return server
  }
}
