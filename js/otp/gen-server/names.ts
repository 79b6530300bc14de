import { ENDING } from '../../actor/process.ts'
import { text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { AlreadyRegisteredError } from '../errors.ts'
import type { Registrable } from './registrable.ts'

/** What is kept for a process that has names. */
interface Held {
  readonly names: Set<string>
  readonly forget: () => void
}

/** The names of a system's processes. A process may have several; all are free again once it has ended. */
export class ProcessNames {
  readonly #system: System
  readonly #processes = new Map<string, Registrable>()
  readonly #held = new Map<Registrable, Held>()
  /** Names of processes that have not begun: taken, and not there. */
  readonly #reserved = new Map<string, Registrable>()

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
    this.#heldOf(process).names.add(name)
    process.name ??= name
  }

  /** Keeps a name for a process that starts: nobody else takes it until that has it or has ended. Refuses as {@link register} does. */
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

  /** Whether anybody had the name. */
  unregister(name: string): boolean {
    const process = this.whereis(name)
    if (process === undefined) return false
    this.#processes.delete(name)
    const { names, forget } = this.#held.get(process) as Held
    names.delete(name)
    if (process.name === name) [process.name] = names
    if (names.size === 0) {
      this.#held.delete(process)
      forget()
    }
    return true
  }

  /** In order of registration. */
  list(): string[] {
    return [...this.#processes.keys()]
  }

  get size(): number {
    return this.#processes.size
  }

  close(): void {
    for (const { forget } of this.#held.values()) forget()
    this.#held.clear()
    this.#reserved.clear()
    this.#processes.clear()
  }

  #heldOf(process: Registrable): Held {
    const known = this.#held.get(process)
    if (known !== undefined) return known
    const forget = process.whenEnded(() => {
      const held = this.#held.get(process)
      this.#held.delete(process)
      for (const name of held?.names ?? []) this.#processes.delete(name)
    })
    const held: Held = { names: new Set(), forget }
    this.#held.set(process, held)
    return held
  }
}

const names = new WeakMap<System, ProcessNames>()

/** The names of a system, made at first use; a closed system has none. */
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
