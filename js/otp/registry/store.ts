import type { Registrable } from '../gen-server/registrable.ts'
import type { SerializedRef } from '../gen-server/types.ts'
import type { RegistryEntry } from './types.ts'

/** A process that is registered under a key. */
export interface Registration<Meta, Ref extends SerializedRef> {
  readonly key: string
  readonly process: Registrable
  entry: RegistryEntry<Meta, Ref>
}

/** A process that has keys. */
interface KeyedProcess {
  readonly keys: Set<string>
  /** Removes the listener that frees the keys when the process ends. */
  readonly removeExitListener: () => void
}

/**
 * Stores registrations. Keys are listed in the order in which they were first taken, the processes of a key in the
 * order in which they took it. The end of a process costs time by the number of its own keys alone.
 */
export class KeyStore<Meta, Ref extends SerializedRef> {
  /** By key, then by the id of the process. */
  readonly #keys = new Map<string, Map<string, Registration<Meta, Ref>>>()
  /** By the id of the process. */
  readonly #byProcess = new Map<string, KeyedProcess>()
  #size = 0

  /** The number of registrations. */
  get size(): number {
    return this.#size
  }

  keys(): string[] {
    return [...this.#keys.keys()]
  }

  /** Returns the registrations of a key, by the id of the process. */
  at(key: string): ReadonlyMap<string, Registration<Meta, Ref>> | undefined {
    return this.#keys.get(key)
  }

  /** Returns a snapshot of all registrations. */
  all(): Registration<Meta, Ref>[] {
    const all: Registration<Meta, Ref>[] = []
    for (const registrations of this.#keys.values()) all.push(...registrations.values())
    return all
  }

  /** Returns the first of a process's keys. */
  keyOf(id: string): string | undefined {
    return this.#byProcess.get(id)?.keys.values().next().value
  }

  /** Adds a registration. The process must not have the key. */
  add(registration: Registration<Meta, Ref>): void {
    const { key, process } = registration
    let registrations = this.#keys.get(key)
    if (registrations === undefined) this.#keys.set(key, (registrations = new Map()))
    registrations.set(process.id, registration)
    this.#size++
    let keyed = this.#byProcess.get(process.id)
    if (keyed === undefined) {
      keyed = { keys: new Set(), removeExitListener: process.whenEnded(() => this.#drop(process.id)) }
      this.#byProcess.set(process.id, keyed)
    }
    keyed.keys.add(key)
  }

  /** Removes a registration. Returns whether there was one. */
  remove(key: string, id: string): boolean {
    if (this.#keys.get(key)?.has(id) !== true) return false
    this.#take(key, id)
    const keyed = this.#byProcess.get(id) as KeyedProcess
    keyed.keys.delete(key)
    if (keyed.keys.size === 0) {
      this.#byProcess.delete(id)
      keyed.removeExitListener()
    }
    return true
  }

  clear(): void {
    for (const { removeExitListener } of this.#byProcess.values()) removeExitListener()
    this.#byProcess.clear()
    this.#keys.clear()
    this.#size = 0
  }

  #take(key: string, id: string): void {
    const registrations = this.#keys.get(key) as Map<string, Registration<Meta, Ref>>
    registrations.delete(id)
    this.#size--
    if (registrations.size === 0) this.#keys.delete(key)
  }

  #drop(id: string): void {
    const keyed = this.#byProcess.get(id)
    this.#byProcess.delete(id)
    for (const key of keyed?.keys ?? []) this.#take(key, id)
  }
}
