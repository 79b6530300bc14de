import type { System } from '../system/system.ts'

/** What a value is kept under. `1` and `'1'` are two keys. */
export type CacheKey = string | number

/**
 * Why an entry went: its time was over (`expired`), there was no room (`evicted`), it was deleted, its tag was
 * invalidated, everything was cleared, another value took its place (`replaced`), or the cache ended (`stopped`).
 */
export type EvictReason = 'expired' | 'evicted' | 'deleted' | 'invalidated' | 'cleared' | 'replaced' | 'stopped'

/** What goes when there is no room. */
export type CachePolicy = 's3-fifo' | 'lru'

/** Options of `Cache.start`. Times are milliseconds of the system's monotonic clock. */
export interface CacheOptions<V = unknown> {
  /** How many entries are kept. Default `Infinity`, which is 2^23. */
  readonly maxSize?: number
  /** How many bytes they may take together, as `sizeOf` has it. Default: no limit. */
  readonly maxBytes?: number
  /** What an entry takes of `maxBytes`: an integer from 0. Called once for each value that is stored. */
  readonly sizeOf?: (value: V, key: CacheKey) => number
  /** How long values are good, unless they say otherwise; `null` for ever. Default `null`. */
  readonly defaultTtlMs?: number | null
  /** The share of each such time that chance takes away, from 0 to 1, so that what was stored together does not expire together. Default 0. */
  readonly ttlJitter?: number
  /** So long after its time a value is still given by `getOrSet`, which loads a new one meanwhile. Default 0. */
  readonly staleWhileRevalidateMs?: number
  /** So long after its time a value is still given by `getOrSet` when loading a new one failed. Default 0. */
  readonly staleIfErrorMs?: number
  /**
   * How long `getOrSet` remembers that there is nothing: a loader's failure, which it then rejects with, and a result of
   * `undefined` or `null`, which else is good as long as any. Default: failures are not remembered.
   */
  readonly negativeTtlMs?: number
  /** Default `'s3-fifo'`. */
  readonly policy?: CachePolicy
  /** Told of each entry that goes, after the cache has changed. What it throws goes to the system's owner. */
  readonly onEvict?: (key: CacheKey, value: V, reason: EvictReason) => unknown
  /** Owns failures of loads that nobody waits for, and of those that a stale value stood in for. Default: the owner of the system. */
  readonly onLoadError?: (error: unknown, key: CacheKey) => unknown
  /** Removes expired entries this often. Default: they go when they are met, or when there is no room. */
  readonly sweepIntervalMs?: number
  /** Registered in the system while the cache lives. */
  readonly name?: string
  /** Whether threads share it: see {@link SharedCacheOptions}. Default `false`. */
  readonly shared?: false
  /** Default: the default system of this environment. */
  readonly system?: System
}

/**
 * Options of `Cache.start` for a cache that all threads of the process share by its name. Keys are strings of whole
 * characters, or numbers; values are plain data, and whoever reads one gets a frozen copy, the same each time on one thread.
 *
 * `maxSize`, `maxBytes` and `policy` are of the whole cache, and all threads give the same. Everything else is of the
 * thread that gives it: `onEvict` is told of what goes by calls of its own thread, and failures of loads are remembered
 * by the thread that had them.
 */
export interface SharedCacheOptions<V = unknown> extends Omit<CacheOptions<V>, 'shared' | 'name'> {
  readonly shared: true
  /** What the threads call it; also registered in each thread's system. */
  readonly name: string
  /** Default: that of the system, which for all default systems is the same. */
  readonly namespace?: string
  /** What a value takes of `maxBytes`. Default: the length of its key and of its text, in bytes. */
  readonly sizeOf?: (value: V, key: CacheKey) => number
}

/** How a value is stored. */
export interface CacheSetOptions {
  /** How long it is good, in ms; `null` for ever. Default: that of the cache. */
  readonly ttlMs?: number | null
  /** What it can be invalidated by. */
  readonly tags?: readonly string[]
}

/** How `getOrSet` waits and stores. */
export interface CacheLoadOptions extends CacheSetOptions {
  /** Ends the wait of this caller, with its reason. The load goes on. */
  readonly signal?: AbortSignal
}

/** What a cache has done, and holds. */
export interface CacheStats {
  /** Entries kept. */
  readonly size: number
  readonly maxSize: number
  /** Lookups that found a value, stale ones included. */
  readonly hits: number
  readonly misses: number
  /** `hits / (hits + misses)`, 0 when there were none. */
  readonly hitRate: number
  /** Hits that were past their time. */
  readonly staleHits: number
  /** What the entries take, and may take. */
  readonly bytes: number
  readonly maxBytes: number
  /** Loaders called, and those that failed. */
  readonly loads: number
  readonly loadFailures: number
  /** Loads under way. */
  readonly loading: number
  /** Entries that went because there was no room, and because their time was over. */
  readonly evictions: number
  readonly expirations: number
}

/** A cache without promises, for hot paths: a hit costs about as much as one of a `Map`. */
export interface CacheHandle<V = unknown> {
  /** The value, if it is there and good. */
  get(key: CacheKey): V | undefined
  /** The same, without counting it or its being used. */
  peek(key: CacheKey): V | undefined
  /** Whether {@link peek} would find one. */
  has(key: CacheKey): boolean
  /**
   * Stores a value. Only loads that begin later may replace it.
   *
   * @throws InvalidArgumentError for a key, a time, a tag or a size that is refused; nothing changes.
   */
  set(key: CacheKey, value: V, options?: CacheSetOptions): void
  /**
   * The value, or what `loader` makes, which is stored: at once on a hit or from a loader that returns no promise, else a
   * promise. While a key is loaded, nobody else loads it. See `Cache.getOrSet`.
   */
  getOrSet<T extends V>(
    key: CacheKey,
    loader: (key: CacheKey) => PromiseLike<T>,
    options?: CacheLoadOptions,
  ): T | Promise<T>
  getOrSet<T extends V>(key: CacheKey, loader: (key: CacheKey) => T, options?: CacheLoadOptions): T
  /** Removes a value; whether there was a good one. */
  delete(key: CacheKey): boolean
  /** Removes all values with a tag; how many. */
  invalidateTag(tag: string): number
  /** Removes everything, and starts counting hits and misses anew. */
  clear(): void
  /** Removes what is past its time. */
  prune(): void
  /** Entries kept. */
  readonly size: number
  /** Returns the keys in the order in which they were first stored. `K` is what you know them to be. */
  keys<K extends CacheKey = CacheKey>(): K[]
  /** Returns the same, with the values. */
  entries<K extends CacheKey = CacheKey>(): [K, V][]
  stats(): CacheStats
}

/** The same of a cache that threads share, where even a loader without a promise may have to wait for another thread. */
export interface SharedCacheHandle<V = unknown> extends Omit<CacheHandle<V>, 'getOrSet'> {
  /** The value, or what `loader` makes, which is stored; a promise whenever one is needed. See `Cache.getOrSet`. */
  getOrSet<T extends V>(
    key: CacheKey,
    loader: (key: CacheKey) => T | PromiseLike<T>,
    options?: CacheLoadOptions,
  ): T | Promise<T>
}
