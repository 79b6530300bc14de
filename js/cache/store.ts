import { InvalidArgumentError } from '../errors/errors.ts'
import { Counts, type ObservedCache } from './counts.ts'
import { type CheckedEntry, dumpEntry, dumpOf, entriesOfDump, entriesOfList, keysOfList } from './dump.ts'
import { Entries } from './entries.ts'
import type { Loader } from './loader.ts'
import { Loads } from './loads.ts'
import { NegativeEntry } from './negative-entry.ts'
import { assertKey, type CacheSettings, defaultStoreSettings, storeSettings, type StoreSettings } from './options.ts'
import type { SlotTable } from './slot-table.ts'
import type {
  CacheDump,
  CacheDumpEntry,
  CacheHandle,
  CacheKey,
  CacheLoadOptions,
  CacheSetOptions,
  CacheStats,
} from './types.ts'

/**
 * The cache of one thread. It runs on its caller's stack; user code runs before anything changes, or after everything
 * has.
 */
export class CacheStore implements CacheHandle {
  readonly #settings: CacheSettings
  readonly #counts: Counts = new Counts()
  readonly #entries: Entries
  readonly #loads: Loads
  readonly #defaults: StoreSettings
  // Copied from the entries, so that a hit reads nothing else.
  readonly #slots: SlotTable
  readonly #map: Map<CacheKey, number>
  readonly #values: readonly unknown[]
  readonly #freshUntil: readonly number[]

  constructor(id: string, settings: CacheSettings) {
    this.#settings = settings
    this.#entries = new Entries(id, settings, this.#counts)
    this.#loads = new Loads(id, settings, this.#entries, this.#counts)
    this.#defaults = defaultStoreSettings(settings)
    const { slots, map, values, freshUntil } = this.#entries
    this.#slots = slots
    this.#map = map
    this.#values = values
    this.#freshUntil = freshUntil
  }

  /** True once it has ended. */
  get closed(): boolean {
    return this.#entries.closed
  }

  get size(): number {
    this.prune()
    return this.#map.size - this.#entries.failures
  }

  get(key: CacheKey): unknown {
    const slot = this.#map.get(key)
    if (slot !== undefined && (this.#freshUntil[slot] === Infinity || this.#entries.useTimed(slot))) {
      this.#counts.hits++
      this.#slots.use(slot)
      return this.#values[slot]
    }
    this.#assertKey(key)
    this.#counts.misses++
    if (slot !== undefined) this.#entries.notify()
    return undefined
  }

  peek(key: CacheKey): unknown {
    const slot = this.#freshSlot(key)
    return slot === undefined ? undefined : this.#values[slot]
  }

  has(key: CacheKey): boolean {
    return this.#freshSlot(key) !== undefined
  }

  set(key: CacheKey, value: unknown, options?: CacheSetOptions): void {
    this.#assertKey(key)
    const storing = options === undefined ? this.#defaults : storeSettings(options, this.#defaults, false)
    this.#entries.put(key, value, storing)
    this.#loads.detach(key)
    this.#entries.notify()
  }

  getMany<N extends CacheKey>(keys: Iterable<N>): Map<N, never> {
    this.#entries.assertOpen()
    const found = new Map<N, never>()
    for (const key of keysOfList(keys)) {
      const { hits } = this.#counts
      const value = this.get(key)
      // A value may be undefined.
      if (this.#counts.hits > hits) found.set(key, value as never)
    }
    return found
  }

  setMany(entries: Iterable<readonly [CacheKey, unknown]>, options?: CacheSetOptions): void {
    this.#entries.assertOpen()
    const storing = options === undefined ? this.#defaults : storeSettings(options, this.#defaults, false)
    this.#putAll(entriesOfList(entries, storing))
  }

  ttl(key: CacheKey): number | undefined {
    const slot = this.#map.get(key)
    if (slot === undefined) {
      this.#assertKey(key)
      return undefined
    }
    const ttl = this.#entries.ttl(slot)
    if (ttl === undefined) this.#entries.notify()
    return ttl
  }

  dump(): CacheDump<never> {
    this.#entries.assertOpen()
    const entries: CacheDumpEntry<never>[] = []
    for (const [key, slot] of this.#map) {
      const left = this.#entries.ttl(slot)
      if (left === undefined) continue
      const tags = this.#entries.tags.tagsOf(slot)
      entries.push(dumpEntry(key, this.#values[slot], left, this.#entries.slidingMs(slot), tags))
    }
    this.#entries.notify()
    return dumpOf(this.#settings.system.clock.now().wallMs, entries)
  }

  load(dump: CacheDump<never>): number {
    this.#entries.assertOpen()
    const entries = entriesOfDump(dump, this.#settings.system.clock.now().wallMs)
    this.#putAll(entries)
    return entries.length
  }

  getOrSet(key: CacheKey, loader: Loader, options?: CacheLoadOptions): never {
    const slot = this.#map.get(key)
    if (slot !== undefined && this.#freshUntil[slot] === Infinity) {
      this.#counts.hits++
      this.#slots.use(slot)
      return this.#values[slot] as never
    }
    if (slot === undefined) this.#assertKey(key)
    return this.#loads.getOrSet(key, loader, options, slot) as never
  }

  delete(key: CacheKey): boolean {
    this.#assertKey(key)
    this.#loads.detach(key)
    const slot = this.#map.get(key)
    if (slot === undefined) return false
    const isFresh = this.#entries.isFresh(slot)
    // `isFresh` has removed it if it had expired.
    if (this.#map.get(key) === slot) this.#entries.remove(slot, 'deleted')
    this.#entries.notify()
    return isFresh
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    this.#entries.assertOpen()
    this.#loads.detachTag(tag)
    const slots = this.#entries.tags.slotsOf(tag)
    for (const slot of slots) {
      this.#loads.detach(this.#slots.keys[slot] as CacheKey)
      this.#entries.remove(slot, 'invalidated')
    }
    this.#entries.notify()
    return slots.length
  }

  clear(): void {
    this.#entries.assertOpen()
    this.#entries.removeAll('cleared')
    this.#loads.detachAll()
    this.#counts.clear()
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
    this.#entries.assertOpen()
    this.#entries.sweep()
    const all: [K, unknown][] = []
    for (const [key, slot] of this.#map) {
      if (!(this.#values[slot] instanceof NegativeEntry)) all.push([key as K, this.#values[slot]])
    }
    this.#entries.notify()
    return all
  }

  stats(): CacheStats {
    const { size } = this
    const { maxSize, maxBytes } = this.#settings
    const { hits, misses, hitRate, staleHits, loads, loadFailures, evictions, expirations } = this.#counts
    return {
      size,
      maxSize,
      hits,
      misses,
      hitRate,
      staleHits,
      bytes: this.#slots.bytes,
      maxBytes,
      loads,
      loadFailures,
      loading: this.#loads.size,
      evictions,
      expirations,
    }
  }

  /** What observers see of it. Nothing is swept for it, and no user code runs. */
  get observed(): ObservedCache {
    const { allHits, allMisses, evictions, loads } = this.#counts
    const entries = this.#map.size - this.#entries.failures
    return { entries, hits: allHits, misses: allMisses, evictions, loads }
  }

  /** Ends the cache: removes all entries, and rejects the callers that wait for a load. */
  close(): void {
    if (this.closed) return
    this.#entries.close()
    this.#loads.close()
    this.#entries.notify()
  }

  /** Stores entries: all of them, or none. */
  #putAll(entries: readonly CheckedEntry[]): void {
    const sizes = entries.map(({ key, value }) => this.#entries.measure(key, value))
    for (const [index, { key, value, storing }] of entries.entries()) {
      this.#entries.put(key, value, storing, sizes[index])
      this.#loads.detach(key)
    }
    this.#entries.notify()
  }

  /** Checks a key for which nothing was found: a key that was found is valid. */
  #assertKey(key: CacheKey): void {
    this.#entries.assertOpen()
    assertKey(key)
  }

  /** Returns the slot of a value that has not expired. */
  #freshSlot(key: CacheKey): number | undefined {
    const slot = this.#map.get(key)
    if (slot === undefined) this.#assertKey(key)
    else if (this.#freshUntil[slot] === Infinity || this.#entries.isFresh(slot)) return slot
    else this.#entries.notify()
    return undefined
  }
}
