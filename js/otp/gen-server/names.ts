import { ENDING } from '../../actor/process.ts'
import { text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { AlreadyRegisteredError } from '../errors.ts'
import type { Registrable } from './registrable.ts'

/** A process that has names. */
interface NamedProcess {
  readonly names: Set<string>
  /** Removes the listener that frees the names when the process ends. */
  readonly removeExitListener: () => void
}

/** Keeps the names of a system's processes. A process may have several names. All are free again once it has ended. */
export class ProcessNames {
  readonly #system: System
  readonly #processes = new Map<string, Registrable>()
  readonly #namedProcesses = new Map<Registrable, NamedProcess>()
  /** Names reserved for processes that start: nobody else takes them, and nobody finds them. */
  readonly #reserved = new Map<string, Registrable>()
  /** Called when a name is registered. */
  readonly #waiters = new Map<string, Set<() => void>>()

  constructor(system: System) {
    this.#system = system
  }

  /**
   * @throws AlreadyRegisteredError when a living process has the name.
   * @throws ServerNotRunningError when the process ends or has ended.
   */
  register(name: string, process: Registrable): void {
    this.#checkFree(name, process)
    this.#reserved.delete(name)
    this.#processes.set(name, process)
    this.#entryOf(process).names.add(name)
    process.name ??= name
    for (const waiter of this.#waiters.get(name) ?? []) waiter()
  }

  /** Calls a listener when a name is registered. The returned function removes it. */
  whenRegistered(name: string, listener: () => void): () => void {
    let waiters = this.#waiters.get(name)
    if (waiters === undefined) this.#waiters.set(name, (waiters = new Set()))
    waiters.add(listener)
    return () => {
      waiters.delete(listener)
      if (waiters.size === 0 && this.#waiters.get(name) === waiters) this.#waiters.delete(name)
    }
  }

  /** Reserves a name for a process that starts, until it registers or ends. Throws as {@link register} does. */
  reserve(name: string, process: Registrable): void {
    this.#checkFree(name, process)
    this.#reserved.set(name, process)
    process.whenEnded(() => {
      if (this.#reserved.get(name) === process) this.#reserved.delete(name)
    })
  }

  #checkFree(name: string, process: Registrable): void {
    text('name', name)
    this.#system.assertOpen()
    if (process.system !== this.#system) {
      throw new InvalidArgumentError('ref', `a ref of the system ${this.#system.name}`, process.ref)
    }
    if (process.status >= ENDING) throw new ServerNotRunningError(process.id, process)
    const holder = this.#processes.get(name) ?? this.#reserved.get(name)
    const isItsOwn = holder === process && !this.#processes.has(name)
    if (holder !== undefined && !isItsOwn) throw new AlreadyRegisteredError(name)
  }

  whereis(name: string): Registrable | undefined {
    return this.#processes.get(text('name', name))
  }

  /** Returns the process that starts with a name, and does not have it yet. */
  starting(name: string): Registrable | undefined {
    return this.#reserved.get(name)
  }

  /** Frees a name. Returns whether a process had it. */
  unregister(name: string): boolean {
    const process = this.whereis(name)
    if (process === undefined) return false
    this.#processes.delete(name)
    const { names, removeExitListener } = this.#namedProcesses.get(process) as NamedProcess
    names.delete(name)
    if (process.name === name) [process.name] = names
    if (names.size === 0) {
      this.#namedProcesses.delete(process)
      removeExitListener()
    }
    return true
  }

  /** Returns all names, in the order in which they were registered. */
  list(): string[] {
    return [...this.#processes.keys()]
  }

  get size(): number {
    return this.#processes.size
  }

  close(): void {
    for (const { removeExitListener } of this.#namedProcesses.values()) removeExitListener()
    this.#namedProcesses.clear()
    this.#reserved.clear()
    this.#processes.clear()
  }

  #entryOf(process: Registrable): NamedProcess {
    const existing = this.#namedProcesses.get(process)
    if (existing !== undefined) return existing
    const removeExitListener = process.whenEnded(() => {
      const ended = this.#namedProcesses.get(process)
      this.#namedProcesses.delete(process)
      for (const name of ended?.names ?? []) this.#processes.delete(name)
    })
    const added: NamedProcess = { names: new Set(), removeExitListener }
    this.#namedProcesses.set(process, added)
    return added
  }
}

const names = new WeakMap<System, ProcessNames>()

/** Returns the names of a system. A closed system has none. */
export function namesOf(system: System): ProcessNames {
  let own = names.get(system)
  if (own === undefined) {
    own = new ProcessNames(system)
    if (!system.closed) {
      names.set(system, own)
      system.own(own)
    }
  }
  return own
}
