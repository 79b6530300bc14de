import { HostTime } from '../clock/host.ts'
import { lazy } from '../internal/lazy.ts'
import { builtin } from '../internal/builtin.ts'
import { isA } from '../internal/validate.ts'
import { native } from '../native.ts'
import { getDefaultSystem } from '../system/default.ts'
import { observeHook } from '../system/observe-if-asked.ts'
import { assertSystem, System } from '../system/system.ts'
import { VERSION } from '../version.ts'
import { observeByVariable } from './by-variable.ts'
import { ObserveAddressError, type ObserveAddressReason } from './errors.ts'
import { showSystem } from './environment.ts'
import { checkObserve, type ObserveSettings } from './options.ts'
import { addServer, removeServer } from './servers.ts'
import { makeSocketFolder, usualSocket } from './socket-path.ts'
import type { Observation, ObserveAddress, ObserveOptions } from './types.ts'

const host = lazy(() => new HostTime())

/** The answer of `native.observeOpen`. */
interface Opened {
  readonly id: number
  readonly port: number | null
  readonly field: 'http' | 'socket' | 'thread' | null
  readonly reason: ObserveAddressReason | null
  readonly message: string
}

const hostText = (name: string): string => (name.includes(':') ? `[${name}]` : name)

const urlOf = (name: string, port: number | string): string => `http://${hostText(name)}:${port}/`

/** The servers that are open. Their sockets go when the program ends. */
const openServers = new Set<Server>()

function closeAll(): void {
  for (const server of openServers) server.closeNow()
}

class Server implements Observation {
  readonly address: ObserveAddress
  readonly token: string
  readonly #id: number
  readonly #end: () => void
  readonly #disown: (() => void) | undefined
  #isClosed = false

  constructor(id: number, address: ObserveAddress, token: string, system: System | undefined, end: () => void) {
    this.#id = id
    this.address = address
    this.token = token
    this.#end = end
    this.#disown = system?.own(this)
    if (openServers.size === 0) process.on('exit', closeAll)
    openServers.add(this)
  }

  closeNow(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    openServers.delete(this)
    if (openServers.size === 0) process.off('exit', closeAll)
    this.#disown?.()
    native.observeClose(this.#id)
    removeServer(this.#id)
    this.#end()
  }

  close(): Promise<void> {
    this.closeNow()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function refuse(opened: Opened, socket: string | undefined, settings: ObserveSettings): never {
  const field = opened.field === 'socket' ? 'options.socket' : 'options.http'
  const { http } = settings
  const address =
    opened.field === 'socket' || http === undefined ? (socket ?? '') : `${hostText(http.host)}:${http.port}`
  throw new ObserveAddressError(field, address, opened.reason ?? 'refused', opened.message)
}

/** Opens a server. It shows a system, and ends with it, if there is one. */
export function open(system: System | undefined, settings: ObserveSettings): Observation {
  system?.assertOpen()
  const { http, token } = settings
  const socket = settings.socket === true ? usualSocket(process.pid) : settings.socket || undefined
  if (settings.socket === true && process.platform !== 'win32') makeSocketFolder(socket as string)
  const opened = JSON.parse(
    native.observeOpen(
      JSON.stringify({
        introduction: {
          package: VERSION,
          pid: process.pid,
          node: process.versions.node,
          title: process.title,
          startedAt: Math.floor(host().wall() - process.uptime() * 1000),
        },
        refreshMs: settings.refreshMs,
        actions: settings.allowActions,
        token,
        hosts: [...settings.allowedHosts, ...(http === undefined ? [] : [hostText(http.host)])],
        origins: settings.allowedOrigins,
        http: http === undefined ? null : `${hostText(http.host)}:${http.port}`,
        socket: socket === undefined ? null : builtin('node:path').resolve(socket),
      }),
    ),
  ) as Opened
  if (opened.reason !== null) refuse(opened, socket, settings)
  addServer(opened.id, settings.state)
  const address = {
    ...(http !== undefined && opened.port !== null && { http: urlOf(http.host, opened.port) }),
    ...(socket !== undefined && { socket: builtin('node:path').resolve(socket) }),
  }
  const end = system === undefined ? () => {} : showSystem(system, settings)
  return new Server(opened.id, address, token, system, end)
}

/**
 * Shows what runs in a system to other programs, through a native thread that answers also while JavaScript is blocked:
 * on a unix socket, over HTTP with a page, and as metrics for Prometheus. Holds no event loop open, and ends with the
 * system. Nothing is collected before, and nothing after {@link Observation.close}.
 *
 * @param system The system. Default: the default system.
 * @throws InvalidArgumentError naming the option that is refused.
 * @throws ObserveAddressError when it cannot listen; `field` names the option.
 * @throws ClosedError when the system is closed.
 * @example
 * ```ts
 * const observation = await observe({ http: '127.0.0.1:9000' })
 * console.log(`${observation.address.http}?token=${observation.token}`)
 * ```
 */
export function observe(options?: ObserveOptions): Promise<Observation>
export function observe(system: System, options?: ObserveOptions): Promise<Observation>
export async function observe(...args: readonly unknown[]): Promise<Observation> {
  const hasSystem = args.length > 1 || isA(args[0], System)
  if (hasSystem) assertSystem('system', args[0])
  const settings = checkObserve((hasSystem ? args[1] : args[0]) as ObserveOptions | undefined)
  return open(hasSystem ? (args[0] as System) : getDefaultSystem(), settings)
}

observeHook.show = (system, value) =>
  observeByVariable(system as System, value, (settings) => open(undefined, settings))
