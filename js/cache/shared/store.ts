import { InvalidArgumentError } from '../../errors/errors.ts'
import type { Loader } from '../loader.ts'
import { type CacheSettings, checkStoring, type Storing } from '../options.ts'
import type { CacheKey, CacheLoadOptions, CacheSetOptions, CacheStats, SharedCacheHandle } from '../types.ts'
import { SharedEntries, whole } from './entries.ts'
import { SharedLoads } from './loads.ts'

/** What a process of a shared cache holds: this thread's part in it. */
export class SharedStore implements SharedCacheHandle {
  readonly #settings: CacheSettings
  readonly #entries: SharedEntries
  readonly #loads: SharedLoads
  readonly #plain: Storing

  constructor(id: string, name: string, settings: CacheSettings) {
    this.#settings = settings
    this.#entries = new SharedEntries(id, name, settings)
    this.#loads = new SharedLoads(id, settings, this.#entries)
    this.#plain = { ttlMs: settings.ttlMs, tags: undefined }
  }

  /** Whether it has ended on this thread. */
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
    this.#entries.tell()
    return found !== undefined && found.past < 0 ? found.value : undefined
  }

  peek(key: CacheKey): unknown {
    return this.#good(key)?.value
  }

  has(key: CacheKey): boolean {
    return this.#good(key) !== undefined
  }

  set(key: CacheKey, value: unknown, options?: CacheSetOptions): void {
    this.#entries.check(key)
    const storing = options === undefined ? this.#plain : checkStoring(options, this.#settings.ttlMs, false)
    for (const [index, tag] of (storing.tags ?? []).entries()) whole(`options.tags[${index}]`, tag)
    this.#entries.store(key, value, storing)
    this.#loads.forgive(key)
    this.#entries.tell()
  }

  getOrSet(key: CacheKey, loader: Loader, options?: CacheLoadOptions): never {
    const copy = this.#entries.copy(key)
    if (copy !== undefined) return copy.value as never
    this.#entries.check(key)
    return this.#loads.getOrSet(key, loader, options) as never
  }

  delete(key: CacheKey): boolean {
    this.#entries.check(key)
    this.#loads.forgive(key)
    const isGood = this.#entries.delete(key)
    this.#entries.tell()
    return isGood
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    whole('tag', tag)
    this.#entries.open()
    this.#loads.forgiveTag(tag)
    const count = this.#entries.invalidate(tag)
    this.#entries.tell()
    return count
  }

  clear(): void {
    this.#entries.open()
    this.#loads.forgiveAll()
    this.#entries.clear()
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
    this.prune()
    return this.#entries.list() as [K, unknown][]
  }

  stats(): CacheStats {
    this.prune()
    const { maxSize, maxBytes } = this.#settings
    const stats = this.#entries.stats()
    const asked = stats.hits + stats.misses
    return { ...stats, maxSize, maxBytes, hitRate: asked === 0 ? 0 : stats.hits / asked }
  }

  /** The cache has ended on this thread; with the last thread, its content is forgotten. */
  close(): void {
    if (this.closed) return
    this.#entries.close()
    this.#loads.close()
  }

  #good(key: CacheKey): { readonly value: unknown } | undefined {
    this.#entries.check(key)
    const found = this.#entries.find(key)
    this.#entries.tell()
    return found !== undefined && found.past < 0 ? found : undefined
  }
}
