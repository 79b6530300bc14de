/** The public types of caches. */
import type { System } from '../system/system.ts'

/** The key of an entry. `1` and `'1'` are two keys. */
export type CacheKey = string | number

/** The reason for which an entry left the cache. */
export type EvictReason =
  /** Its time to live was over. */
  | 'expired'
  /** There was no room for it. */
  | 'evicted'
  /** `delete` was called. */
  | 'deleted'
  /** `invalidateTag` was called with one of its tags. */
  | 'invalidated'
  /** `clear` was called. */
  | 'cleared'
  /** Another value was stored under its key. */
  | 'replaced'
  /** The cache was stopped. */
  | 'stopped'

/**
 * The rule by which a full cache evicts. `'s3-fifo'` keeps entries that are used often and is not disturbed by scans
 * (Yang et al., SOSP 2023); `'lru'` evicts the least recently used entry.
 */
export type CachePolicy = 's3-fifo' | 'lru'

/** Options of `Cache.start`. Times are milliseconds of the system's monotonic clock. */
export interface CacheOptions<V = unknown> {
  /** The most entries: an integer from 1, or `Infinity`. Default `Infinity`, which is 2^23. */
  readonly maxSize?: number
  /**
   * The most bytes that all entries take together, by `sizeOf`: an integer from 1. Needs `sizeOf`, unless threads share
   * the cache. Default: no limit.
   */
  readonly maxBytes?: number
  /**
   * Returns the bytes that a value takes of `maxBytes`: an integer from 0. Called once for each value that is stored.
   */
  readonly sizeOf?: (value: V, key: CacheKey) => number
  /**
   * The time to live of values that are stored without one, in milliseconds, above 0; `null` for ever. Default `null`.
   */
  readonly defaultTtlMs?: number | null
  /**
   * Keeps values for their time to live from each use on (a hit of `get`, `getMany` or `getOrSet`), and not only from
   * their storing. `has`, `peek` and `ttl` count as no use. Default `false`.
   */
  readonly sliding?: boolean
  /**
   * Shortens each time to live by a random share of it, up to this one, from 0 to 1, so that entries that were stored
   * together do not expire together. Default 0.
   */
  readonly ttlJitter?: number
  /**
   * The time after expiry, in milliseconds, in which `getOrSet` returns the old value while it loads a new one. Default
   * 0.
   */
  readonly staleWhileRevalidateMs?: number
  /**
   * The time after expiry, in milliseconds, in which `getOrSet` returns the old value if loading a new one fails.
   * Default 0.
   */
  readonly staleIfErrorMs?: number
  /**
   * The time, in milliseconds, above 0, for which `getOrSet` remembers that there is no value: a loader's failure, with
   * which it then rejects, or a result of `undefined` or `null`. Default: failures are not remembered, and `undefined`
   * and `null` have the time to live of any value.
   */
  readonly negativeTtlMs?: number
  /** The rule by which a full cache evicts. Default `'s3-fifo'`. */
  readonly policy?: CachePolicy
  /**
   * Called for each entry that leaves the cache, after the cache has changed. What it throws goes to the system's
   * `onError`.
   */
  readonly onEvict?: (key: CacheKey, value: V, reason: EvictReason) => unknown
  /**
   * Receives failures of loads that no caller waits for, or that a stale value replaced. Default: the system's
   * `onError`.
   */
  readonly onLoadError?: (error: unknown, key: CacheKey) => unknown
  /**
   * Removes expired entries at this interval, in milliseconds, above 0. Default: when they are looked up, or for room.
   */
  readonly sweepIntervalMs?: number
  /** The name of the process in the system while the cache runs. Default: none. */
  readonly name?: string
  /** True if threads share it: see {@link SharedCacheOptions}. Default `false`. */
  readonly shared?: false
  /** The system that the cache belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/**
 * Options of `Cache.start` for a cache that all threads of the process share by its name. Keys are well-formed strings
 * or numbers. Values are plain data; a read returns a frozen copy, the same copy each time on one thread.
 *
 * `maxSize`, `maxBytes` and `policy` belong to the whole cache, so all threads must pass the same. All other options
 * belong to the thread that passes them: `onEvict` is called for entries that leave by calls of its own thread, and
 * failures of loads are remembered by the thread that ran the load.
 */
export interface SharedCacheOptions<V = unknown> extends Omit<CacheOptions<V>, 'shared' | 'name'> {
  /** Threads share the cache. */
  readonly shared: true
  /** The name by which threads find the cache. It is also the name of the process in each thread's system. */
  readonly name: string
  /** The namespace of the name. Default: that of the system, which is the same for all default systems. */
  readonly namespace?: string
  /** Returns the bytes that a value takes of `maxBytes`. Default: the length of its key and of its text, in bytes. */
  readonly sizeOf?: (value: V, key: CacheKey) => number
}

/** Options of `set`. */
export interface CacheSetOptions {
  /** The time to live, in milliseconds, above 0; `null` for ever. Default: `defaultTtlMs` of the cache. */
  readonly ttlMs?: number | null
  /** Keeps the value for its time to live from each use on. Default: `sliding` of the cache. */
  readonly sliding?: boolean
  /** Tags by which `invalidateTag` removes it. Default: none. */
  readonly tags?: readonly string[]
}

/** Options of `getOrSet`. */
export interface CacheLoadOptions extends CacheSetOptions {
  /** Ends the wait of this caller, which rejects with `signal.reason`. The load goes on. */
  readonly signal?: AbortSignal
}

/** The argument of a loader. */
export interface CacheLoadContext {
  /** The key to load. */
  readonly key: CacheKey
  /**
   * Aborts when nothing will use the result: the cache has stopped; or the key was stored, deleted or invalidated
   * meanwhile, and no caller waits any more. Created when it is first read.
   */
  readonly signal: AbortSignal
}

/** One entry of a {@link CacheDump}. */
export interface CacheDumpEntry<V = unknown> {
  /** The key. */
  readonly key: CacheKey
  /** The value, as the cache keeps it. */
  readonly value: V
  /** The time for which the value was still valid, in milliseconds, above 0; `null` for ever. */
  readonly ttlMs: number | null
  /** The time for which each use keeps it from then on, in milliseconds, above 0. Left out if its end is fixed. */
  readonly slidingMs?: number
  /** Its tags. Left out if there are none. */
  readonly tags?: readonly string[]
}

/** The valid entries of a cache as plain data, as far as its values are, from `dump()`. */
export interface CacheDump<V = unknown> {
  /** The version of this format. */
  readonly version: 1
  /** Wall time of `dump()`, in milliseconds since the epoch. */
  readonly savedAtMs: number
  /** The entries, in the order in which their keys were first stored. */
  readonly entries: readonly CacheDumpEntry<V>[]
}

/** Counters of a cache since its start (or, for lookups, since `clear`), and its content. */
export interface CacheStats {
  /** The number of entries. */
  readonly size: number
  /** The most entries. */
  readonly maxSize: number
  /** Lookups that found a value, stale ones included. */
  readonly hits: number
  /** Lookups that found no value. */
  readonly misses: number
  /** `hits / (hits + misses)`; 0 when there were no lookups. */
  readonly hitRate: number
  /** Hits whose value had expired. */
  readonly staleHits: number
  /** The bytes that the entries take, by `sizeOf`. */
  readonly bytes: number
  /** The most bytes. */
  readonly maxBytes: number
  /** Calls of loaders. */
  readonly loads: number
  /** Calls of loaders that failed. */
  readonly loadFailures: number
  /** Loads in flight. */
  readonly loading: number
  /** Entries that left because there was no room. */
  readonly evictions: number
  /** Entries that left because their time to live was over. */
  readonly expirations: number
}

/**
 * A cache without promises, for hot paths: a hit costs about as much as one of a `Map`. Throws ServerNotRunningError
 * once the cache has ended.
 */
export interface CacheHandle<V = unknown, K extends CacheKey = CacheKey> {
  /** Returns the value of a key, `undefined` if there is none or it has expired. */
  get(key: CacheKey): V | undefined
  /** Returns the value of a key, without counting a lookup or a use. */
  peek(key: CacheKey): V | undefined
  /** Returns whether a key has a value, without counting a lookup or a use. */
  has(key: CacheKey): boolean
  /**
   * Stores a value. Loads of the key that are in flight do not replace it.
   *
   * @throws InvalidArgumentError for a key, a time, a tag or a size that is refused; nothing changes.
   */
  set(key: CacheKey, value: V, options?: CacheSetOptions): void
  /**
   * Returns the value of a key, or loads and stores it. Returns a promise only if the loader returns one. A key is
   * loaded once at a time: later callers wait for the load in flight. See `Cache.getOrSet`.
   */
  getOrSet<T extends V>(
    key: CacheKey,
    loader: (context: CacheLoadContext) => PromiseLike<T>,
    options?: CacheLoadOptions,
  ): T | Promise<T>
  getOrSet<T extends V>(key: CacheKey, loader: (context: CacheLoadContext) => T, options?: CacheLoadOptions): T
  /** Returns the values of the keys that have one. Each key counts as a lookup. */
  getMany<N extends CacheKey>(keys: Iterable<N>): Map<N, V>
  /**
   * Stores values by key, all with the same options.
   *
   * @throws InvalidArgumentError for an entry or an option that is refused; nothing changes.
   */
  setMany(entries: Iterable<readonly [CacheKey, V]>, options?: CacheSetOptions): void
  /**
   * Returns the milliseconds for which the value of a key is still valid; `Infinity` for ever, and `undefined` when
   * there is none. Counts as no lookup and no use.
   */
  ttl(key: CacheKey): number | undefined
  /** Returns the valid entries, for {@link load} of another cache. */
  dump(): CacheDump<V>
  /**
   * Stores the entries of a dump under the rest of their times. Wall time that passed since the dump counts; a wall
   * clock that was set back counts as none. Returns how many entries it stored.
   *
   * @throws InvalidArgumentError naming the damaged field, such as `dump.entries[3].ttlMs`; nothing changes.
   */
  load(dump: CacheDump<V>): number
  /** Removes a value. Returns whether there was one that had not expired. */
  delete(key: CacheKey): boolean
  /** Removes all values with a tag. Returns the number of them. */
  invalidateTag(tag: string): number
  /** Removes all entries, and resets the counters of lookups. */
  clear(): void
  /** Removes expired entries. */
  prune(): void
  /** The number of entries that have not expired. */
  readonly size: number
  /** Returns the keys in the order in which they were first stored. Their type is not checked. */
  keys<N extends CacheKey = K>(): N[]
  /** Returns keys and values in the same order. Their types are not checked. */
  entries<N extends CacheKey = K>(): [N, V][]
  /** Returns a snapshot of the counters and the content. */
  stats(): CacheStats
}

/** The {@link CacheHandle} of a cache that threads share. A load may have to wait for another thread. */
export interface SharedCacheHandle<V = unknown, K extends CacheKey = CacheKey> extends Omit<
  CacheHandle<V, K>,
  'getOrSet'
> {
  /** Returns the value of a key, or loads and stores it. Returns a promise if it has to wait. See `Cache.getOrSet`. */
  getOrSet<T extends V>(
    key: CacheKey,
    loader: (context: CacheLoadContext) => T | PromiseLike<T>,
    options?: CacheLoadOptions,
  ): T | Promise<T>
}
