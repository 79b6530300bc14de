import { InvalidArgumentError } from '../../errors/errors.ts'
import { type CheckedEntry, dumpOf, entriesOfDump, entriesOfList, keysOfList } from '../dump.ts'
import type { Loader } from '../loader.ts'
import type { ObservedCache } from '../counts.ts'
import { type CacheSettings, defaultStoreSettings, storeSettings, type StoreSettings } from '../options.ts'
import type { CacheDump, CacheKey, CacheLoadOptions, CacheSetOptions, CacheStats, SharedCacheHandle } from '../types.ts'
import { assertWellFormed, type Found, SharedEntries } from './entries.ts'
import { SharedLoads } from './loads.ts'

/** One thread's handle on a shared cache. */
export class SharedStore implements SharedCacheHandle {
  readonly #settings: CacheSettings
  readonly #entries: SharedEntries
  readonly #loads: SharedLoads
  readonly #defaults: StoreSettings

  constructor(id: string, name: string, settings: CacheSettings) {
    this.#settings = settings
    this.#entries = new SharedEntries(id, name, settings)
    this.#loads = new SharedLoads(id, settings, this.#entries)
    this.#defaults = defaultStoreSettings(settings)
  }

  /** True once it has ended on this thread. */
  get closed(): boolean {
    return this.#entries.closed
  }

  get size(): number {
    this.prune()
    return this.#entries.stats().size
  }

  get(key: CacheKey): unknown {
    const copy = this.#entries.copy(key)
    if (copy !== undefined) return copy.value
    this.#entries.check(key)
    const found = this.#entries.find(key, 0)
    this.#entries.notify()
    return found !== undefined && found.past < 0 ? found.value : undefined
  }

  peek(key: CacheKey): unknown {
    return this.#freshValue(key)?.value
  }

  has(key: CacheKey): boolean {
    return this.#freshValue(key) !== undefined
  }

  set(key: CacheKey, value: unknown, options?: CacheSetOptions): void {
    this.#entries.check(key)
    const storing = this.#storing(options)
    this.#entries.store(key, value, storing)
    this.#loads.forgetFailure(key)
    this.#loads.detach(key)
    this.#entries.notify()
  }

  getMany<N extends CacheKey>(keys: Iterable<N>): Map<N, never> {
    this.#entries.assertOpen()
    const all = keysOfList(keys)
    for (const [index, key] of all.entries()) {
      if (typeof key === 'string') assertWellFormed(`keys[${index}]`, key)
    }
    const found = new Map<N, never>()
    for (const key of all) {
      const hit = this.#entries.copy(key) ?? this.#entries.find(key, 0)
      if (hit !== undefined && hit.past < 0) found.set(key, hit.value as never)
    }
    this.#entries.notify()
    return found
  }

  setMany(entries: Iterable<readonly [CacheKey, unknown]>, options?: CacheSetOptions): void {
    this.#entries.assertOpen()
    const storing = this.#storing(options)
    this.#storeAll('entries', '[0]', entriesOfList(entries, storing))
  }

  ttl(key: CacheKey): number | undefined {
    const found = this.#freshValue(key)
    return found === undefined ? undefined : -found.past
  }

  dump(): CacheDump<never> {
    this.#entries.assertOpen()
    return dumpOf(this.#settings.system.clock.now().wallMs, this.#entries.dump())
  }

  load(dump: CacheDump<never>): number {
    this.#entries.assertOpen()
    const entries = entriesOfDump(dump, this.#settings.system.clock.now().wallMs)
    this.#storeAll('dump.entries', '.key', entries)
    return entries.length
  }

  getOrSet(key: CacheKey, loader: Loader, options?: CacheLoadOptions): never {
    const copy = this.#entries.copy(key)
    if (copy !== undefined) return copy.value as never
    this.#entries.check(key)
    return this.#loads.getOrSet(key, loader, options) as never
  }

  delete(key: CacheKey): boolean {
    this.#entries.check(key)
    this.#loads.forgetFailure(key)
    const isFresh = this.#entries.delete(key)
    this.#loads.detach(key)
    this.#entries.notify()
    return isFresh
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    assertWellFormed('tag', tag)
    this.#entries.assertOpen()
    this.#loads.forgetFailuresOfTag(tag)
    const count = this.#entries.invalidate(tag)
    this.#loads.detach()
    this.#entries.notify()
    return count
  }

  clear(): void {
    this.#entries.assertOpen()
    this.#loads.forgetFailures()
    this.#entries.clear()
    this.#loads.detach()
    this.#entries.notify()
  }

  prune(): void {
    this.#entries.assertOpen()
    this.#entries.sweep()
    this.#entries.notify()
  }

  keys<K extends CacheKey = CacheKey>(): K[] {
    return this.entries<K>().map(([key]) => key)
  }

  entries<K extends CacheKey = CacheKey>(): [K, unknown][] {
    this.prune()
    return this.#entries.list() as [K, unknown][]
  }

  stats(): CacheStats {
    this.prune()
    const { maxSize, maxBytes } = this.#settings
    const stats = this.#entries.stats()
    const lookups = stats.hits + stats.misses
    return { ...stats, maxSize, maxBytes, hitRate: lookups === 0 ? 0 : stats.hits / lookups }
  }

  /** What observers see of it: the counters of all threads. Nothing is swept for it, and no user code runs. */
  get observed(): ObservedCache {
    return this.#entries.observed
  }

  /** Ends the cache on this thread. Its content goes with the last thread that has it open. */
  close(): void {
    if (this.closed) return
    this.#entries.close()
    this.#loads.close()
  }

  /** Returns the settings that the options of `set` describe. */
  #storing(options: CacheSetOptions | undefined): StoreSettings {
    if (options === undefined) return this.#defaults
    const storing = storeSettings(options, this.#defaults, false)
    for (const [index, tag] of (storing.tags ?? []).entries()) assertWellFormed(`options.tags[${index}]`, tag)
    return storing
  }

  /** Stores entries: all of them, or none. */
  #storeAll(field: string, keyField: string, entries: readonly CheckedEntry[]): void {
    const encoded = entries.map(({ key, value, storing }, index) => {
      if (typeof key === 'string') assertWellFormed(`${field}[${index}]${keyField}`, key)
      for (const tag of storing.tags ?? []) assertWellFormed(`${field}[${index}].tags`, tag)
      return this.#entries.encode(key, value, storing)
    })
    for (const [index, { key, value, storing }] of entries.entries()) {
      this.#entries.store(key, value, storing, encoded[index])
      this.#loads.forgetFailure(key)
      this.#loads.detach(key)
    }
    this.#entries.notify()
  }

  #freshValue(key: CacheKey): Found | undefined {
    this.#entries.check(key)
    const found = this.#entries.find(key)
    this.#entries.notify()
    return found !== undefined && found.past < 0 ? found : undefined
  }
}
