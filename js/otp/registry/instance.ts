import { ENDING, RUNNING } from '../../actor/process.ts'
import { callable, known, optionalCallable, options as checkOptions, text } from '../../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { resolveSystem } from '../../system/default.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { castTo } from '../gen-server/calls.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { processOf, findProcess } from '../gen-server/ref.ts'
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
import type {
  CastOf,
  DispatchFn,
  RegistryEntry,
  RegistryKeys,
  RegistryMatch,
  RegistryOptions,
  RegistryPredicate,
} from './types.ts'

/** The number of registries that each system has made, to name those without a name. */
const counts = new WeakMap<System, number>()

/**
 * Registers processes by key, with metadata; `Registry.create` makes one, too. A process may have any number of keys, and
 * loses all of them as it ends, before its end is announced. A key is a non-empty string. Listings follow the order in
 * which keys were taken, and are snapshots. A closed registry is empty and takes no registration.
 *
 * @example
 * ```ts
 * const rooms = Registry.create<{ since: number }>({ name: 'rooms', keys: 'duplicate' })
 * rooms.register('lobby', ref, { since: 5 })
 * rooms.dispatch('lobby', { type: 'hello' })
 * ```
 */
export class RegistryInstance<Meta = unknown, Ref extends SerializedRef = GenServerRef> extends Registrar {
  /** The name of the registry in errors. */
  readonly name: string
  /** Says whether a key has one process, or any number. */
  readonly keyMode: RegistryKeys
  /** The system whose processes it takes. */
  readonly system: System
  readonly #store = new KeyStore<Meta, Ref>()
  /** Keys that are reserved for processes that start, where keys are unique: nobody else takes them or finds them. */
  readonly #reserved = new Map<string, Registrable>()
  /** Removes the registry from its system; `undefined` while closed. */
  #disown: (() => void) | undefined

  /**
   * Makes a registry, as `Registry.create` does.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws ClosedError when the system is closed.
   */
  constructor(options?: RegistryOptions) {
    super()
    const settings = checkOptions('options', options)
    known('options', settings, ['name', 'keys', 'system'])
    if (settings.name !== undefined) text('options.name', settings.name)
    if (settings.keys !== undefined && settings.keys !== 'unique' && settings.keys !== 'duplicate') {
      throw new InvalidArgumentError('options.keys', "'unique' or 'duplicate'", settings.keys)
    }
    this.system = resolveSystem(settings.system)
    this.system.assertOpen()
    const number = (counts.get(this.system) ?? 0) + 1
    counts.set(this.system, number)
    this.name = settings.name ?? `registry_${number}`
    this.keyMode = settings.keys ?? 'unique'
    this.#open()
  }

  /**
   * Opens a registry that was closed; `Registry.create` returns an open one. Idempotent.
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
   * Registers a process under a key.
   *
   * @throws AlreadyRegisteredKeyError when keys are unique and a living process has it.
   * @throws DuplicateRegistrationError when keys are not unique and this process has it.
   * @throws ServerNotRunningError when the process ends or has ended.
   * @throws ClosedError when the registry is closed.
   * @throws InvalidArgumentError for an empty key, and for anything but a ref of the registry's system.
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
    const registrations = this.#store.at(key)
    if (registrations !== undefined) {
      if (this.keyMode === 'unique') throw new AlreadyRegisteredKeyError(this.name, key)
      if (registrations.has(process.id)) throw new DuplicateRegistrationError(this.name, key, process.id)
    }
  }

  /** Removes all registrations of a key. Returns whether there were any. */
  unregister(key: string): boolean {
    const ids = [...(this.#at(key)?.keys() ?? [])]
    for (const id of ids) this.#store.remove(key, id)
    return ids.length > 0
  }

  /** Removes the registration of one process under a key. Returns whether there was one. */
  unregisterMatch(key: string, ref: Ref): boolean {
    return this.#store.remove(text('key', key), processOf('ref', ref).id)
  }

  /**
   * Returns the registration of a key, where keys are unique.
   *
   * @throws KeyNotFoundError when no process has it.
   * @throws DuplicateKeyLookupError where keys are not unique.
   */
  lookup(key: string): RegistryEntry<Meta, Ref> {
    const found = this.#uniqueAt(key, 'lookup', 'Use lookupAll() instead.')
    if (found === undefined) throw new KeyNotFoundError(this.name, key)
    return found.entry
  }

  /**
   * Returns the registration of a key or `undefined`, where keys are unique.
   *
   * @throws DuplicateKeyLookupError where keys are not unique.
   */
  whereis(key: string): RegistryEntry<Meta, Ref> | undefined {
    return this.#uniqueAt(key, 'whereis', 'Use lookupAll() instead.')?.entry
  }

  /** Returns all registrations of a key, in the order in which they were made. */
  lookupAll(key: string): RegistryEntry<Meta, Ref>[] {
    return Array.from(this.#at(key)?.values() ?? [], ({ entry }) => entry)
  }

  /**
   * Returns the registrations that pass a test, by key and then by registration. What the test throws goes to the
   * caller.
   */
  select(predicate: RegistryPredicate<Meta, Ref>): RegistryMatch<Meta, Ref>[] {
    callable('predicate', predicate)
    const found = this.#store.all().filter(({ key, entry }) => predicate(key, entry))
    return found.map(({ key, entry: { ref, metadata } }) => ({ key, ref, metadata }))
  }

  /**
   * Returns the registrations whose key matches a glob and that pass an optional test, by key and then by registration.
   * The test gets `{ ref, metadata, registeredAt }`. `*` stands for any characters but `/`, `**` for any characters, `?` for one.
   */
  match(pattern: string, predicate?: (entry: RegistryEntry<Meta, Ref>) => boolean): RegistryMatch<Meta, Ref>[] {
    const fits = globTest(text('pattern', pattern))
    optionalCallable('predicate', predicate)
    return this.select((key, entry) => fits(key) && (predicate === undefined || predicate(entry)))
  }

  /**
   * Casts a message to all processes of a key, in the order in which they were registered, or passes their
   * registrations to `deliver`, which is not called when there are none. Returns the number of processes that took it,
   * or were passed on. A process that ends or whose mailbox is full does not take it.
   *
   * @throws DispatchNotSupportedError where keys are unique.
   */
  dispatch<Message = CastOf<Ref>>(key: string, message: Message, deliver?: DispatchFn<Meta, Message, Ref>): number {
    text('key', key)
    optionalCallable('deliver', deliver)
    if (this.keyMode === 'unique') throw new DispatchNotSupportedError(this.name)
    const entries = this.lookupAll(key)
    if (deliver === undefined) return entries.filter(({ ref }) => castIfRunning(ref, message)).length
    if (entries.length > 0) this.#reportRejection(deliver(entries, message), key)
    return entries.length
  }

  /**
   * Returns the metadata of a key, or `undefined` when no process has it.
   *
   * @param ref The process; required where keys are not unique.
   * @throws DuplicateKeyLookupError where keys are not unique and no `ref` is given.
   */
  getMetadata(key: string, ref?: Ref): Meta | undefined {
    return this.#registrationOf(key, ref, 'getMetadata')?.entry.metadata
  }

  /**
   * Replaces the metadata of a key by the function's result. Returns false when no process has the key, or when the
   * function itself changed the registration; then nothing is replaced. What the function throws goes to the caller.
   *
   * @param ref The process; required where keys are not unique.
   * @throws DuplicateKeyLookupError where keys are not unique and no `ref` is given.
   */
  updateMetadata(key: string, updater: (metadata: Meta) => Meta, ref?: Ref): boolean {
    callable('updater', updater)
    const found = this.#registrationOf(key, ref, 'updateMetadata')
    if (found === undefined) return false
    const { entry } = found
    const metadata = updater(entry.metadata)
    if (found.entry !== entry || this.#store.at(key)?.get(found.process.id) !== found) return false
    found.entry = { ...entry, metadata }
    return true
  }

  /** Returns whether a process has the key. */
  isRegistered(key: string): boolean {
    return this.#at(key) !== undefined
  }

  /** Returns the keys that are registered, each once. */
  getKeys(): string[] {
    return this.#store.keys()
  }

  /** Returns the number of registrations. */
  count(): number {
    return this.#store.size
  }

  /** Returns the number of processes that have the key. */
  countForKey(key: string): number {
    return this.#at(key)?.size ?? 0
  }

  /** Returns the first of a process's keys. */
  getKeyByRefId(refId: string): string | undefined {
    return this.#store.keyOf(text('refId', refId))
  }

  #open(): void {
    this.#disown ??= this.system.own(this)
  }

  #at(key: string): ReadonlyMap<string, Registration<Meta, Ref>> | undefined {
    return this.#store.at(text('key', key))
  }

  #uniqueAt(key: string, method: string, instead: string): Registration<Meta, Ref> | undefined {
    const registrations = this.#at(key)
    if (this.keyMode === 'duplicate') throw new DuplicateKeyLookupError(this.name, key, method, instead)
    return registrations?.values().next().value
  }

  #registrationOf(key: string, ref: Ref | undefined, method: string): Registration<Meta, Ref> | undefined {
    if (ref === undefined) return this.#uniqueAt(key, method, 'Say whose: pass the ref.')
    return this.#at(key)?.get(processOf('ref', ref).id)
  }

  /** Reports the rejection of an asynchronous `deliver`, which has no caller. */
  #reportRejection(result: unknown, key: string): void {
    promiseOf(result)?.catch((error: unknown) => {
      this.system.report(error, `dispatch to '${key}' in registry ${this.name}`)
    })
  }
}

function castIfRunning(ref: SerializedRef, message: unknown): boolean {
  const server = findProcess(ref)
  return server !== undefined && server.status === RUNNING && castTo(server, message)
}
