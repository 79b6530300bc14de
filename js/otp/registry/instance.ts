import { ENDING, RUNNING } from '../../actor/process.ts'
import { callable, isA, optionalCallable, text } from '../../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { castTo } from '../gen-server/calls.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { processOf, serverIn } from '../gen-server/ref.ts'
import { Registrar, type Registrable } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'
import {
  AlreadyRegisteredKeyError,
  DispatchNotSupportedError,
  DuplicateKeyLookupError,
  DuplicateRegistrationError,
  KeyNotFoundError,
} from './errors.ts'
import { globTest } from './glob.ts'
import { KeyStore, type Registration } from './store.ts'
import type { CastOf, DispatchFn, RegistryEntry, RegistryKeys, RegistryMatch, RegistryPredicate } from './types.ts'

/**
 * Processes by key, with metadata; made by `Registry.create`. A process may have any number of keys, and loses all of
 * them as it ends, before anybody is told of its end. A key is a non-empty string; listings follow the order in which
 * keys were taken. What is returned is as it was at the call. A closed registry is empty and takes no registration.
 *
 * @example
 * ```ts
 * const rooms = Registry.create<{ since: number }>({ name: 'rooms', keys: 'duplicate' })
 * rooms.register('lobby', ref, { since: 5 })
 * rooms.dispatch('lobby', { type: 'hello' })
 * ```
 */
export class RegistryInstance<Meta = unknown, Ref extends SerializedRef = GenServerRef> extends Registrar {
  /** What it is called in errors. */
  readonly name: string
  /** Whether a key stands for one process, or for any number. */
  readonly keyMode: RegistryKeys
  /** The system whose processes it takes. */
  readonly system: System
  readonly #store = new KeyStore<Meta, Ref>()
  /** Keys of processes that have not begun, where keys are unique: taken, and not there. */
  readonly #reserved = new Map<string, Registrable>()
  /** Ends the system's hold; undefined while closed. */
  #disown: (() => void) | undefined

  /** @internal Use `Registry.create`. */
  constructor(name: string, keyMode: RegistryKeys, system: System) {
    super()
    if (!isA(system, System)) {
      throw new InvalidArgumentError('system', 'a System: registries are made by Registry.create', system)
    }
    this.name = name
    this.keyMode = keyMode
    this.system = system
    this.#open()
  }

  /**
   * Opens a registry that was closed; one that was just made is open. Idempotent.
   *
   * @throws ClosedError when its system is closed (as a rejection).
   */
  async start(): Promise<void> {
    this.#open()
  }

  /** Forgets all keys and takes no more; the processes live on. Idempotent. */
  async close(): Promise<void> {
    this.#store.clear()
    this.#reserved.clear()
    this.#disown?.()
    this.#disown = undefined
  }

  /**
   * Gives a process a key.
   *
   * @throws AlreadyRegisteredKeyError when keys are unique and a living process has it.
   * @throws DuplicateRegistrationError when keys are not unique and this process has it.
   * @throws ServerNotRunningError when the process ends or has ended.
   * @throws ClosedError when the registry is closed.
   * @throws InvalidArgumentError for an empty key, and for what is no ref of the registry's system.
   */
  register(key: string, ref: Ref, ...metadata: undefined extends Meta ? [metadata?: Meta] : [metadata: Meta]): void {
    this.enter(key, processOf('ref', ref), metadata[0])
  }

  /** @internal */
  reserve(key: string, process: Registrable): void {
    this.#checkFree(key, process)
    if (this.keyMode !== 'unique') return
    this.#reserved.set(key, process)
    process.whenEnded(() => this.#free(key, process))
  }

  /** @internal */
  enter(key: string, process: Registrable, metadata: unknown): void {
    this.#checkFree(key, process)
    this.#free(key, process)
    const registeredAt = this.system.clock.now().wallMs
    const entry = { ref: process.ref as unknown as Ref, metadata: metadata as Meta, registeredAt }
    this.#store.add({ key, process, entry })
  }

  #free(key: string, process: Registrable): void {
    if (this.#reserved.get(key) === process) this.#reserved.delete(key)
  }

  #checkFree(key: string, process: Registrable): void {
    text('key', key)
    if (this.#disown === undefined) throw new ClosedError(`the registry ${this.name}`)
    if (process.system !== this.system) {
      throw new InvalidArgumentError('ref', `a ref of the system of the registry ${this.name}`, process.ref)
    }
    if (process.status >= ENDING) throw new ServerNotRunningError(process.id, process)
    const reserved = this.#reserved.get(key)
    if (reserved !== undefined && reserved !== process) throw new AlreadyRegisteredKeyError(this.name, key)
    const taken = this.#store.at(key)
    if (taken !== undefined) {
      if (this.keyMode === 'unique') throw new AlreadyRegisteredKeyError(this.name, key)
      if (taken.has(process.id)) throw new DuplicateRegistrationError(this.name, key, process.id)
    }
  }

  /** Frees a key, from all who have it. Whether anybody had it. */
  unregister(key: string): boolean {
    const ids = [...(this.#at(key)?.keys() ?? [])]
    for (const id of ids) this.#store.remove(key, id)
    return ids.length > 0
  }

  /** Frees a key from one process. Whether that process had it. */
  unregisterMatch(key: string, ref: Ref): boolean {
    return this.#store.remove(text('key', key), processOf('ref', ref).id)
  }

  /**
   * Who has a key, where keys are unique.
   *
   * @throws KeyNotFoundError when nobody has it.
   * @throws DuplicateKeyLookupError where keys are not unique.
   */
  lookup(key: string): RegistryEntry<Meta, Ref> {
    const found = this.#one(key, 'lookup', 'Use lookupAll() instead.')
    if (found === undefined) throw new KeyNotFoundError(this.name, key)
    return found.entry
  }

  /**
   * Who has a key, if anybody, where keys are unique.
   *
   * @throws DuplicateKeyLookupError where keys are not unique.
   */
  whereis(key: string): RegistryEntry<Meta, Ref> | undefined {
    return this.#one(key, 'whereis', 'Use lookupAll() instead.')?.entry
  }

  /** All who have a key, in the order in which they took it. */
  lookupAll(key: string): RegistryEntry<Meta, Ref>[] {
    return Array.from(this.#at(key)?.values() ?? [], ({ entry }) => entry)
  }

  /** The registrations that pass a test: by key, then by registration. What the test throws is the caller's. */
  select(predicate: RegistryPredicate<Meta, Ref>): RegistryMatch<Meta, Ref>[] {
    callable('predicate', predicate)
    const found = this.#store.all().filter(({ key, entry }) => predicate(key, entry))
    return found.map(({ key, entry: { ref, metadata } }) => ({ key, ref, metadata }))
  }

  /**
   * The registrations whose key fits a glob, and whose metadata passes a test if there is one: by key, then by
   * registration. `*` stands for any characters but `/`, `**` for any characters, `?` for one.
   */
  match(pattern: string, predicate?: (metadata: Meta) => boolean): RegistryMatch<Meta, Ref>[] {
    const fits = globTest(text('pattern', pattern))
    optionalCallable('predicate', predicate)
    return this.select((key, { metadata }) => fits(key) && (predicate === undefined || predicate(metadata)))
  }

  /**
   * Casts a message to all who have a key, in the order in which they took it, or hands them to `deliver`, which is not
   * called when there are none. How many took it, or were handed over; a full mailbox and a process that ends take none.
   *
   * @throws DispatchNotSupportedError where keys are unique.
   */
  dispatch<Message = CastOf<Ref>>(key: string, message: Message, deliver?: DispatchFn<Meta, Message, Ref>): number {
    text('key', key)
    optionalCallable('deliver', deliver)
    if (this.keyMode === 'unique') throw new DispatchNotSupportedError(this.name)
    const entries = this.lookupAll(key)
    if (deliver === undefined) return entries.filter(({ ref }) => castIfRunning(ref, message)).length
    if (entries.length > 0) this.#follow(deliver(entries, message), key)
    return entries.length
  }

  /**
   * The metadata of a key, or `undefined` when nobody has it.
   *
   * @param ref Whose; needed where keys are not unique.
   * @throws DuplicateKeyLookupError where keys are not unique and no `ref` is given.
   */
  getMetadata(key: string, ref?: Ref): Meta | undefined {
    return this.#of(key, ref, 'getMetadata')?.entry.metadata
  }

  /**
   * Replaces the metadata of a key by what a function makes of it. False when nobody has the key, or when the function
   * itself changed the registration: then nothing was replaced. What the function throws is the caller's.
   *
   * @param ref Whose; needed where keys are not unique.
   * @throws DuplicateKeyLookupError where keys are not unique and no `ref` is given.
   */
  updateMetadata(key: string, updater: (metadata: Meta) => Meta, ref?: Ref): boolean {
    callable('updater', updater)
    const found = this.#of(key, ref, 'updateMetadata')
    if (found === undefined) return false
    const { entry } = found
    const metadata = updater(entry.metadata)
    if (found.entry !== entry || this.#store.at(key)?.get(found.process.id) !== found) return false
    found.entry = { ...entry, metadata }
    return true
  }

  /** Whether anybody has the key. */
  isRegistered(key: string): boolean {
    return this.#at(key) !== undefined
  }

  /** The keys that somebody has, each once. */
  getKeys(): string[] {
    return this.#store.keys()
  }

  /** How many registrations there are. */
  count(): number {
    return this.#store.size
  }

  /** How many processes have the key. */
  countForKey(key: string): number {
    return this.#at(key)?.size ?? 0
  }

  /** The first of the keys that a process has. */
  getKeyByRefId(refId: string): string | undefined {
    return this.#store.keyOf(text('refId', refId))
  }

  #open(): void {
    this.#disown ??= this.system.own(this)
  }

  #at(key: string): ReadonlyMap<string, Registration<Meta, Ref>> | undefined {
    return this.#store.at(text('key', key))
  }

  #one(key: string, method: string, instead: string): Registration<Meta, Ref> | undefined {
    const registrations = this.#at(key)
    if (this.keyMode === 'duplicate') throw new DuplicateKeyLookupError(this.name, key, method, instead)
    return registrations?.values().next().value
  }

  #of(key: string, ref: Ref | undefined, method: string): Registration<Meta, Ref> | undefined {
    if (ref === undefined) return this.#one(key, method, 'Say whose: pass the ref.')
    return this.#at(key)?.get(processOf('ref', ref).id)
  }

  /** What an asynchronous `deliver` rejects with has no caller. */
  #follow(result: unknown, key: string): void {
    promiseOf(result)?.catch((error: unknown) => {
      this.system.report(error, `dispatch to '${key}' in registry ${this.name}`)
    })
  }
}

function castIfRunning(ref: SerializedRef, message: unknown): boolean {
  const server = serverIn(ref)
  return server !== undefined && server.status === RUNNING && castTo(server, message)
}
