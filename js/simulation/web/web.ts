/** The servers of a run, and the requests to them. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { Clock } from '../../clock/types.ts'
import type { Holds } from '../../clock/holds.ts'
import { text } from '../../internal/validate.ts'
import type { SimulatedNetwork } from '../network/network.ts'
import type { Endpoint } from '../network/transport.ts'
import { SimulatedConnection } from './connection.ts'
import { WebServer } from './server.ts'
import type { SimulatedSocket, SocketAddress } from './socket.ts'
import { connectionRefused, hostNotFound } from './web-errors.ts'

/** The parts of a run that its servers and requests use. */
export interface WebWorld {
  readonly network: SimulatedNetwork
  readonly nodes: readonly Endpoint[]
  readonly holds: Holds
  /** The clock of the program. */
  readonly clock: Clock
  fail(error: unknown, place?: Endpoint): void
}

const CLIENT_PORT = 49_152
const HTTP_PORT = 80
const HTTPS_PORT = 443
const BYTE = 256

/** The servers of a run by their names, and its connections. */
export class SimulatedWeb {
  readonly world: WebWorld
  readonly #servers = new Map<string, WebServer>()
  /** The connections whose clients have not ended them. */
  readonly #connections = new Set<SimulatedConnection>()
  /** The ends that have not closed. */
  readonly #sockets = new Set<SimulatedSocket>()
  #ports = CLIENT_PORT

  constructor(world: WebWorld) {
    this.world = world
  }

  /** @throws InvalidArgumentError for a name that is no host or is taken, and for anything that is no app. */
  listen(name: string, app: unknown, endpoint: Endpoint): WebServer {
    if (hostOf(text('name', name)) !== name) {
      throw new InvalidArgumentError('name', 'a host in small letters, such as `api` or `api:8080`', name)
    }
    if (this.#servers.get(name)?.isListening === true) {
      throw new InvalidArgumentError('name', 'a name under which no server listens', name)
    }
    const server = new WebServer(name, app, endpoint, (error) => this.world.fail(error, endpoint))
    this.#servers.get(name)?.end()
    this.#servers.set(name, server)
    return server
  }

  /** Opens a connection to the server of a URL. What becomes of it, the client's end tells. */
  connect(url: URL, from: Endpoint | undefined): SimulatedConnection | Error {
    const isEncrypted = url.protocol === 'https:'
    const server = this.#servers.get(url.host)
    const known = server ?? [...this.#servers.values()].find(({ name }) => hostnameOf(name) === url.hostname)
    if (known === undefined) return hostNotFound(url.hostname)
    const { endpoint: to } = known
    const { network } = this.world
    const port = url.port === '' ? (isEncrypted ? HTTPS_PORT : HTTP_PORT) : Number(url.port)
    const addresses = {
      client: { address: this.#addressOf(from), port: this.#ports++ },
      server: { address: this.#addressOf(to), port },
    }
    const refuse = (): void => connection.reset(connectionRefused(addresses.server.address, port))
    const connection: SimulatedConnection = new SimulatedConnection({
      network,
      from,
      to,
      addresses,
      isEncrypted,
      opened: (socket) => {
        this.#sockets.add(socket)
        socket.once('close', () => this.#sockets.delete(socket))
      },
      accept: (socket) => {
        if (server?.isListening === true) server.accept(socket)
        else refuse()
      },
    })
    this.#connections.add(connection)
    connection.client.once('close', () => this.#connections.delete(connection))
    // The machine of a node that has crashed refuses, where it can be reached.
    if (to.isCrashed && !network.isCut(from, to)) refuse()
    return connection
  }

  /** Ends the connections of a node that has crashed. */
  nodeCrashed(node: Endpoint): void {
    for (const connection of this.#connections) {
      if (connection.to === node) connection.reset()
      if (connection.from === node) connection.resetServers()
    }
  }

  /** Leaves apps that outlive the run as they were, and nothing that goes on. */
  end(): void {
    for (const socket of this.#sockets) socket.release()
    for (const server of this.#servers.values()) server.end()
  }

  /** Returns the address of a machine: the same one over restarts. */
  #addressOf(endpoint: Endpoint | undefined): SocketAddress['address'] {
    if (endpoint === undefined) return '127.0.0.1'
    const number = 1 + this.world.nodes.findIndex(({ name }) => name === endpoint.name)
    return `10.0.${Math.floor(number / BYTE)}.${number % BYTE}`
  }
}

/** Returns the host of a URL with this name; `undefined` if there is none. */
function hostOf(name: string): string | undefined {
  try {
    const { host, pathname, username, search, hash } = new URL(`http://${name}`)
    return pathname === '/' && username === '' && search === '' && hash === '' ? host : undefined
  } catch {
    return undefined
  }
}

const hostnameOf = (name: string): string => new URL(`http://${name}`).hostname
