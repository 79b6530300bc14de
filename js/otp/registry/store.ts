import type { Registrable } from '../gen-server/registrable.ts'
import type { SerializedRef } from '../gen-server/types.ts'
import type { RegistryEntry } from './types.ts'

/** A process under a key. */
export interface Registration<Meta, Ref extends SerializedRef> {
  readonly key: string
  readonly process: Registrable
  entry: RegistryEntry<Meta, Ref>
}

/** What is kept for a process that has keys. */
interface Held {
  readonly keys: Set<string>
  readonly forget: () => void
}

/**
 * Which processes have which keys. Keys come in the order in which they were first taken, the processes of a key in
 * the order in which they took it. The end of a process costs what its own keys cost, however many there are.
 */
export class KeyStore<Meta, Ref extends SerializedRef> {
  /** By key, then by the id of the process. */
  readonly #keys = new Map<string, Map<string, Registration<Meta, Ref>>>()
  /** By the id of the process. */
  readonly #held = new Map<string, Held>()
  #size = 0

  /** How many registrations there are. */
  get size(): number {
    return this.#size
  }

  keys(): string[] {
    return [...this.#keys.keys()]
  }

  /** Who has the key. */
  at(key: string): ReadonlyMap<string, Registration<Meta, Ref>> | undefined {
    return this.#keys.get(key)
  }

  /** All registrations, as they are now. */
  all(): Registration<Meta, Ref>[] {
    const all: Registration<Meta, Ref>[] = []
    for (const registrations of this.#keys.values()) all.push(...registrations.values())
    return all
  }

  /** The first of a process's keys that it still has. */
  keyOf(id: string): string | undefined {
    return this.#held.get(id)?.keys.values().next().value
  }

  /** The process must not have the key. */
  add(registration: Registration<Meta, Ref>): void {
    const { key, process } = registration
    let registrations = this.#keys.get(key)
    if (registrations === undefined) this.#keys.set(key, (registrations = new Map()))
    registrations.set(process.id, registration)
    this.#size++
    let held = this.#held.get(process.id)
    if (held === undefined) {
      held = { keys: new Set(), forget: process.whenEnded(() => this.#drop(process.id)) }
      this.#held.set(process.id, held)
    }
    held.keys.add(key)
  }

  /** Whether the process had the key. */
  remove(key: string, id: string): boolean {
    if (this.#keys.get(key)?.has(id) !== true) return false
    this.#take(key, id)
    const held = this.#held.get(id) as Held
    held.keys.delete(key)
    if (held.keys.size === 0) {
      this.#held.delete(id)
      held.forget()
    }
    return true
  }

  clear(): void {
    for (const { forget } of this.#held.values()) forget()
    this.#held.clear()
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
    const held = this.#held.get(id)
    this.#held.delete(id)
    for (const key of held?.keys ?? []) this.#take(key, id)
  }
}
