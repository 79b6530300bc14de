import type { System } from '../system/system.ts'
import { AlreadyRegisteredError } from './errors.ts'
import type { Server } from './server.ts'

/** The names of a system's processes. A process may have several; all are free again once it has ended. */
export class ProcessNames {
  readonly #servers = new Map<string, Server>()

  /** @throws AlreadyRegisteredError when a living process has the name. */
  register(name: string, server: Server): void {
    if (this.#servers.has(name)) throw new AlreadyRegisteredError(name)
    this.#servers.set(name, server)
    server.name ??= name
    ;(server.onEnd ??= []).push(() => {
      if (this.#servers.get(name) === server) this.#servers.delete(name)
    })
  }

  whereis(name: string): Server | undefined {
    return this.#servers.get(name)
  }

  unregister(name: string): void {
    const server = this.#servers.get(name)
    if (server?.name === name) server.name = undefined
    this.#servers.delete(name)
  }

  /** In order of registration. */
  list(): string[] {
    return [...this.#servers.keys()]
  }

  get size(): number {
    return this.#servers.size
  }
}

const names = new WeakMap<System, ProcessNames>()

export function namesOf(system: System): ProcessNames {
  let own = names.get(system)
  if (own === undefined) names.set(system, (own = new ProcessNames()))
  return own
}
