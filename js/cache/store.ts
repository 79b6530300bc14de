import { InvalidArgumentError } from '../errors/errors.ts'
import { Counts } from './counts.ts'
import { Entries } from './entries.ts'
import type { Loader } from './loader.ts'
import { Loads } from './loads.ts'
import { Failure } from './negative-entry.ts'
import { type CacheSettings, checkKey, checkStoring, type Storing } from './options.ts'
import type { Slots } from './slot-table.ts'
import type { CacheHandle, CacheKey, CacheLoadOptions, CacheSetOptions, CacheStats } from './types.ts'

/**
 * The cache of one thread. It runs on its caller's stack; user code runs before anything changes, or after everything
 * has.
 */
export class CacheStore implements CacheHandle {
  readonly #settings: CacheSettings
  readonly #counts: Counts = new Counts()
  readonly #entries: Entries
  readonly #loads: Loads
  readonly #defaults: Storing
  // Copied from the entries, so that a hit reads nothing else.
  readonly #slots: Slots
  readonly #map: Map<CacheKey, number>
  readonly #values: readonly unknown[]
  readonly #fresh: readonly number[]

  constructor(id: string, settings: CacheSettings) {
    this.#settings = settings
    this.#entries = new Entries(id, settings, this.#counts)
    this.#loads = new Loads(id, settings, this.#entries, this.#counts)
    this.#defaults = { ttlMs: settings.ttlMs, tags: undefined }
    const { slots, map, values, fresh } = this.#entries
    this.#slots = slots
    this.#map = map
    this.#values = values
    this.#fresh = fresh
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
    if (slot !== undefined && (this.#fresh[slot] === Infinity || this.#entries.isGood(slot))) {
      this.#counts.hits++
      this.#slots.use(slot)
      return this.#values[slot]
    }
    this.#assertKey(key)
    this.#counts.misses++
    if (slot !== undefined) this.#entries.tell()
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
    const storing = options === undefined ? this.#defaults : checkStoring(options, this.#settings.ttlMs, false)
    this.#entries.put(key, value, storing)
    this.#loads.supersede(key)
    this.#entries.tell()
  }

  getOrSet(key: CacheKey, loader: Loader, options?: CacheLoadOptions): never {
    const slot = this.#map.get(key)
    if (slot !== undefined && this.#fresh[slot] === Infinity) {
      this.#counts.hits++
      this.#slots.use(slot)
      return this.#values[slot] as never
    }
    if (slot === undefined) this.#assertKey(key)
    return this.#loads.getOrSet(key, loader, options, slot) as never
  }

  delete(key: CacheKey): boolean {
    this.#assertKey(key)
    this.#loads.supersede(key)
    const slot = this.#map.get(key)
    if (slot === undefined) return false
    const isGood = this.#entries.isGood(slot)
    // `isGood` has removed it if it had expired.
    if (this.#map.get(key) === slot) this.#entries.take(slot, 'deleted')
    this.#entries.tell()
    return isGood
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    this.#entries.open()
    this.#loads.supersedeTag(tag)
    const slots = this.#entries.tags.slotsOf(tag)
    for (const slot of slots) {
      this.#loads.supersede(this.#slots.keys[slot] as CacheKey)
      this.#entries.take(slot, 'invalidated')
    }
    this.#entries.tell()
    return slots.length
  }

  clear(): void {
    this.#entries.open()
    this.#entries.empty('cleared')
    this.#loads.supersedeAll()
    this.#counts.clear()
    this.#entries.tell()
  }

  prune(): void {
    this.#entries.open()
    this.#entries.sweep()
    this.#entries.tell()
  }

  keys<K extends CacheKey = CacheKey>(): K[] {
    return this.entries<K>().map(([key]) => key)
  }

  entries<K extends CacheKey = CacheKey>(): [K, unknown][] {
    this.#entries.open()
    this.#entries.sweep()
    const all: [K, unknown][] = []
    for (const [key, slot] of this.#map) {
      if (!(this.#values[slot] instanceof Failure)) all.push([key as K, this.#values[slot]])
    }
    this.#entries.tell()
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

  /** Ends the cache: removes all entries, and rejects the callers that wait for a load. */
  close(): void {
    if (this.closed) return
    this.#entries.close()
    this.#loads.close()
    this.#entries.tell()
  }

  /** Checks a key for which nothing was found: a key that was found is valid. */
  #assertKey(key: CacheKey): void {
    this.#entries.open()
    checkKey(key)
  }

  /** Returns the slot of a value that has not expired. */
  #freshSlot(key: CacheKey): number | undefined {
    const slot = this.#map.get(key)
    if (slot === undefined) this.#assertKey(key)
    else if (this.#fresh[slot] === Infinity || this.#entries.isGood(slot)) return slot
    else this.#entries.tell()
    return undefined
  }
}
