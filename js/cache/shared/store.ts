import { InvalidArgumentError } from '../../errors/errors.ts'
import type { Loader } from '../loader.ts'
import { type CacheSettings, storeSettings, type StoreSettings } from '../options.ts'
import type { CacheKey, CacheLoadOptions, CacheSetOptions, CacheStats, SharedCacheHandle } from '../types.ts'
import { assertWellFormed, SharedEntries } from './entries.ts'
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
    this.#defaults = { ttlMs: settings.ttlMs, tags: undefined }
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
    const storing = options === undefined ? this.#defaults : storeSettings(options, this.#settings.ttlMs, false)
    for (const [index, tag] of (storing.tags ?? []).entries()) assertWellFormed(`options.tags[${index}]`, tag)
    this.#entries.store(key, value, storing)
    this.#loads.forgetFailure(key)
    this.#entries.notify()
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
    this.#entries.notify()
    return isFresh
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    assertWellFormed('tag', tag)
    this.#entries.assertOpen()
    this.#loads.forgetFailuresOfTag(tag)
    const count = this.#entries.invalidate(tag)
    this.#entries.notify()
    return count
  }

  clear(): void {
    this.#entries.assertOpen()
    this.#loads.forgetFailures()
    this.#entries.clear()
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

  /** Ends the cache on this thread. Its content goes with the last thread that has it open. */
  close(): void {
    if (this.closed) return
    this.#entries.close()
    this.#loads.close()
  }

  #freshValue(key: CacheKey): { readonly value: unknown } | undefined {
    this.#entries.check(key)
    const found = this.#entries.find(key)
    this.#entries.notify()
    return found !== undefined && found.past < 0 ? found : undefined
  }
}
