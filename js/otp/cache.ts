/**
 * `Cache`: a cache behind a process, so that it can be named, supervised and linked. The cache itself is in `js/cache`.
 */
import { InvalidArgumentError } from '../errors/errors.ts'
import { lazy } from '../internal/lazy.ts'
import { callable, known, optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { ENDING } from '../actor/process.ts'
import { stop as stopServer } from './gen-server/calls.ts'
import { ServerNotRunningError } from '../actor/errors.ts'
import { findProcess, processOf, serviceOf } from './gen-server/ref.ts'
import type { GenServerProcess } from './gen-server/process.ts'
import { servicesOf } from './gen-server/services.ts'
import { startAs } from './gen-server/start.ts'
import type { GenServerBehavior, GenServerRef, TerminateReason } from './gen-server/types.ts'
import { Members } from '../tables/members.ts'
import { offerMembers, offerTable } from '../tables/offers.ts'
import { CACHE_KIND } from '../cache/negative-entry.ts'
import { type CacheSettings, cacheSettings, storeSettings } from '../cache/options.ts'
import type { ObservedCache } from '../cache/counts.ts'
import type { SharedStore } from '../cache/shared/store.ts'
import type { CacheStore } from '../cache/store.ts'
import type {
  CacheDump,
  CacheHandle,
  CacheKey,
  CacheLoadContext,
  CacheLoadOptions,
  CacheOptions,
  CacheSetOptions,
  CacheStats,
  SharedCacheHandle,
  SharedCacheOptions,
} from '../cache/types.ts'
import type * as StoreModule from '../cache/store.ts'
import type * as SharedStoreModule from '../cache/shared/store.ts'

/** Refers to a cache. It is the ref of a process, so it can be supervised, linked, monitored and registered. */
export interface CacheRef<V = unknown, K extends CacheKey = CacheKey> extends GenServerRef<
  unknown,
  never,
  never,
  never
> {
  /** The id of the process. */
  readonly id: string
  /** The cache itself, whose methods answer without promises. */
  readonly handle: CacheHandle<V, K>
}

/** Refers to this thread's part of a cache that threads share. */
export interface SharedCacheRef<V = unknown, K extends CacheKey = CacheKey> extends GenServerRef<
  unknown,
  never,
  never,
  never
> {
  /** The id of the process. */
  readonly id: string
  /** The cache itself, whose methods answer without promises. */
  readonly handle: SharedCacheHandle<V, K>
}

/** Options of `Cache.memoize` with a cache of its own. */
export interface CacheMemoizeOwnOptions<Args extends unknown[] = never> extends Omit<
  CacheOptions<never>,
  'name' | 'shared' | 'onEvict' | 'sizeOf' | 'maxBytes' | 'sweepIntervalMs' | 'maxSize'
> {
  /** The most results that are kept: an integer from 1, or `Infinity`. Default 1000. */
  readonly maxSize?: number
  /** Not given: the function has a cache of its own. */
  readonly cache?: undefined
  /** Returns the key of a call. Default: the argument, if it is the only one and a string or a number. */
  readonly key?: (...args: Args) => CacheKey
}

/** Options of `Cache.memoize` with a cache that others use too. */
export interface CacheMemoizeSharedOptions<Args extends unknown[] = never> extends CacheSetOptions {
  /** The cache for the results. Its keys must not be those of other values. */
  readonly cache: CacheRef<never> | SharedCacheRef<never> | GenServerRef
  /** Returns the key of a call. Default: the argument, if it is the only one and a string or a number. */
  readonly key?: (...args: Args) => CacheKey
}

/** Options of `Cache.memoize`: a cache, or the options of one of its own. */
export type CacheMemoizeOptions<Args extends unknown[] = never> =
  | CacheMemoizeOwnOptions<Args>
  | CacheMemoizeSharedOptions<Args>

const local = lazy(() => require('../cache/store.ts') as typeof StoreModule)
const sharing = lazy(() => require('../cache/shared/store.ts') as typeof SharedStoreModule)

/** The most results that a memoized function keeps by default. */
const MEMOIZED = 1000
const MEMOIZE_OWN = [
  'maxSize',
  'defaultTtlMs',
  'sliding',
  'ttlJitter',
  'staleWhileRevalidateMs',
  'staleIfErrorMs',
  'negativeTtlMs',
  'policy',
  'onLoadError',
  'system',
  'cache',
  'key',
]
const MEMOIZE_SHARED = ['ttlMs', 'sliding', 'tags', 'cache', 'key']

type AnyRef = CacheRef<never> | SharedCacheRef<never> | GenServerRef
type Store = CacheStore | SharedStore

/**
 * The behaviour of a process that lives as long as its cache. It takes no messages: all work is done on the caller's
 * stack.
 */
class CacheBehavior implements GenServerBehavior<CacheSettings> {
  readonly settings: CacheSettings
  #store: Store | undefined

  constructor(settings: CacheSettings) {
    this.settings = settings
  }

  /** Returns the store. It is created at first use, which may be as soon as the process has its name. */
  storeOf(server: GenServerProcess): Store {
    if (this.#store !== undefined) return this.#store
    const { settings } = this
    const { shared } = settings
    const store =
      shared === undefined
        ? new (local().CacheStore)(server.id, settings)
        : new (sharing().SharedStore)(server.id, shared, settings)
    this.#store = store
    const stopSweeping = sweep(store, settings)
    const close = (): void => {
      stopSweeping()
      store.close()
    }
    const disown = settings.system.own({ close })
    server.whenEnded(() => {
      disown()
      close()
    })
    return store
  }

  /** What observers see of the store, once it was used. */
  get observed(): ObservedCache | undefined {
    return this.#store?.closed === false ? this.#store.observed : undefined
  }

  init(): CacheSettings {
    return this.settings
  }

  handleCall(message: unknown): never {
    throw new InvalidArgumentError('ref', 'a ref of a process that takes messages, not of a Cache', message)
  }

  handleCast(message: unknown, settings: CacheSettings): CacheSettings {
    const error = new InvalidArgumentError('ref', 'a ref of a process that takes messages, not of a Cache', message)
    settings.system.report(error, 'a message to a cache')
    return settings
  }
}

/** Prunes a store at intervals, if the options ask for it. The returned function ends that. */
function sweep(store: Store, { system, sweepIntervalMs }: CacheSettings): () => void {
  if (sweepIntervalMs === undefined) return () => {}
  const once = (): void => {
    timer = system.clock.schedule(sweepIntervalMs, once, { ref: false, label: 'sweep of a cache' })
    store.prune()
  }
  let timer = system.clock.schedule(sweepIntervalMs, once, { ref: false, label: 'sweep of a cache' })
  return () => timer.cancel()
}

/** Caches of `memoize` that no process has. */
const memoizeStores = new Members<CacheStore>(({ closed }) => closed)

offerTable('cache', (system) => servicesOf(system, CacheBehavior), {
  name: ({ publicName, id }) => publicName ?? id,
  entries: ({ behavior }) => behavior.observed?.entries ?? 0,
  hits: ({ behavior }) => behavior.observed?.hits ?? 0,
  misses: ({ behavior }) => behavior.observed?.misses ?? 0,
  evictions: ({ behavior }) => behavior.observed?.evictions ?? 0,
  loads: ({ behavior }) => behavior.observed?.loads ?? 0,
})

offerMembers('cache', memoizeStores, {
  name: ({ number }) => `memoize_${number}`,
  entries: ({ item }) => item.observed.entries,
  hits: ({ item }) => item.observed.hits,
  misses: ({ item }) => item.observed.misses,
  evictions: ({ item }) => item.observed.evictions,
  loads: ({ item }) => item.observed.loads,
})

const cacheOf = (ref: AnyRef) => serviceOf(CacheBehavior, 'a Cache', ref)

function storeOf(ref: AnyRef): Store {
  const server = cacheOf(ref)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  return server.behavior.storeOf(server)
}

async function start<V = unknown, K extends CacheKey = CacheKey>(
  options: SharedCacheOptions<V>,
): Promise<SharedCacheRef<V, K>>
async function start<V = unknown, K extends CacheKey = CacheKey>(options?: CacheOptions<V>): Promise<CacheRef<V, K>>
async function start(options?: CacheOptions | SharedCacheOptions): Promise<CacheRef | SharedCacheRef> {
  const settings = cacheSettings(options)
  const { system } = settings
  const name = options?.name
  const behavior = new CacheBehavior(settings)
  const ref = await startAs(CACHE_KIND.kind, behavior, name === undefined ? { system } : { system, name })
  const store = await openStore(behavior, ref)
  // The handle is on the ref itself, so that a ref that was looked up by name has it too.
  return Object.defineProperty(ref, 'handle', { value: store }) as CacheRef | SharedCacheRef
}

/** Returns the store of a process that has just started. When the store is refused, the process ends. */
async function openStore(behavior: CacheBehavior, ref: GenServerRef): Promise<Store> {
  try {
    return behavior.storeOf(processOf('ref', ref))
  } catch (error) {
    await stopServer(ref)
    throw error
  }
}

function handle<V = unknown>(ref: SharedCacheRef<V>): SharedCacheHandle<V>
function handle<V = unknown>(ref: CacheRef<V> | GenServerRef): CacheHandle<V>
function handle(ref: AnyRef): CacheHandle | SharedCacheHandle {
  return storeOf(ref)
}

async function get<T = unknown>(ref: AnyRef, key: CacheKey): Promise<T | undefined> {
  return storeOf(ref).get(key) as T | undefined
}

async function set<T>(ref: AnyRef, key: CacheKey, value: T, options?: CacheSetOptions): Promise<void> {
  storeOf(ref).set(key, value, options)
}

async function getOrSet<T>(
  ref: AnyRef,
  key: CacheKey,
  loader: (context: CacheLoadContext) => T | PromiseLike<T>,
  options?: CacheLoadOptions,
): Promise<T> {
  return storeOf(ref).getOrSet(key, loader, options)
}

async function getMany<T = unknown, K extends CacheKey = CacheKey>(
  ref: AnyRef,
  cacheKeys: Iterable<K>,
): Promise<Map<K, T>> {
  return storeOf(ref).getMany(cacheKeys)
}

async function setMany<T>(
  ref: AnyRef,
  values: Iterable<readonly [CacheKey, T]>,
  options?: CacheSetOptions,
): Promise<void> {
  storeOf(ref).setMany(values, options)
}

async function ttl(ref: AnyRef, key: CacheKey): Promise<number | undefined> {
  return storeOf(ref).ttl(key)
}

async function dump<T = unknown>(ref: AnyRef): Promise<CacheDump<T>> {
  return storeOf(ref).dump() as CacheDump<T>
}

async function load<T>(ref: AnyRef, saved: CacheDump<T>): Promise<number> {
  return storeOf(ref).load(saved as CacheDump<never>)
}

function memoize<This, Args extends unknown[], T>(
  fn: (this: This, ...args: Args) => T | PromiseLike<T>,
  options?: CacheMemoizeOptions<Args>,
): (this: This, ...args: Args) => Promise<T> {
  const settings = checkOptions('options', options)
  const { cache, key, ...others } = settings as CacheMemoizeOptions<Args> & { readonly cache?: AnyRef }
  optionalCallable('options.key', key)
  callable('fn', fn)
  const keyOf = key ?? onlyArgument
  const { storeFor, setOptions } = cache === undefined ? ownStore(others) : storeOfRef(cache, others)
  return async function memoized(this: This, ...args: Args): Promise<T> {
    return storeFor().getOrSet(keyOf(...args), () => fn.apply(this, args), setOptions)
  }
}

/** Returns the store of `memoize` with a cache of its own. */
function ownStore(options: object): { storeFor: () => Store; setOptions: undefined } {
  known('options', options, MEMOIZE_OWN)
  const settings = cacheSettings({ maxSize: MEMOIZED, ...options })
  const store = new (local().CacheStore)('memoize', settings)
  memoizeStores.add(settings.system, store, undefined)
  return { storeFor: () => store, setOptions: undefined }
}

/** Returns the store of `memoize` with the cache of a ref, which may be restarted under another ref. */
function storeOfRef(ref: AnyRef, options: object): { storeFor: () => Store; setOptions: CacheSetOptions } {
  known('options', options, MEMOIZE_SHARED)
  storeOf(ref)
  const setOptions = options as CacheSetOptions
  storeSettings(setOptions, { ttlMs: Infinity, tags: undefined, isSliding: false }, false)
  return { storeFor: () => storeOf(ref), setOptions }
}

/** Returns the only argument of a memoized function, as its key. */
function onlyArgument(...args: unknown[]): CacheKey {
  const [key] = args
  if (args.length === 1 && (typeof key === 'string' || typeof key === 'number')) return key
  throw new InvalidArgumentError('options.key', 'given, as the arguments are not one string or number', args)
}

async function has(ref: AnyRef, key: CacheKey): Promise<boolean> {
  return storeOf(ref).has(key)
}

async function remove(ref: AnyRef, key: CacheKey): Promise<boolean> {
  return storeOf(ref).delete(key)
}

async function invalidateTag(ref: AnyRef, tag: string): Promise<number> {
  return storeOf(ref).invalidateTag(tag)
}

async function clear(ref: AnyRef): Promise<void> {
  storeOf(ref).clear()
}

async function size(ref: AnyRef): Promise<number> {
  return storeOf(ref).size
}

async function keys<K extends CacheKey = CacheKey, N extends CacheKey = K>(
  ref: CacheRef<never, K> | SharedCacheRef<never, K> | GenServerRef,
): Promise<readonly N[]> {
  return storeOf(ref).keys() as N[]
}

async function entries<T = unknown, K extends CacheKey = CacheKey>(ref: AnyRef): Promise<readonly (readonly [K, T])[]> {
  return storeOf(ref).entries() as [K, T][]
}

async function stats(ref: AnyRef): Promise<CacheStats> {
  return storeOf(ref).stats()
}

function prune(ref: AnyRef): void {
  storeOf(ref).prune()
}

function isRunning(ref: AnyRef): boolean {
  const server = findProcess(ref)
  if (!(server?.behavior instanceof CacheBehavior) || server.status >= ENDING) return false
  return !server.behavior.storeOf(server).closed
}

async function stop(ref: AnyRef, reason?: TerminateReason): Promise<void> {
  return stopServer(cacheOf(ref).ref, reason)
}

/**
 * Keeps values by key, for a time and within bounds. S3-FIFO decides which values go: it keeps what is used often and
 * resists scans. A missing key is loaded once, however many callers ask for it.
 *
 * A cache is a process: it can be named, supervised, linked and monitored. These functions do their work at once and
 * only return promises; the methods of `handle` do the same without promises.
 *
 * @example
 * ```ts
 * const users = await Cache.start({ maxSize: 10_000, defaultTtlMs: 60_000 })
 * const user = await Cache.getOrSet(users, id, () => database.user(id))
 * const seen = users.handle.get(id) // without a promise
 * ```
 */
export const Cache = {
  /**
   * Starts a cache.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Returns the cache itself, whose methods answer without promises; also for a ref that was looked up by name. */
  handle: handle as typeof handle,
  /** Resolves with the value of a key, or `undefined`. */
  get: get as typeof get,
  /**
   * Stores a value. A load of this key that is under way is not stored any more.
   *
   * @throws InvalidArgumentError for a key, a time, a tag or a size that is refused; nothing changes.
   */
  set: set as typeof set,
  /**
   * Resolves with the value of a key, or stores and resolves with what `loader` returns. While a key is loaded, all
   * callers wait for that load; when it fails, it rejects for all of them. After `set`, `delete`, `clear` or an
   * invalidation of the key, a load that began before is neither stored nor joined any more; callers that waited for it
   * still get its result. The loader gets the key and a signal, which aborts when nothing will use the result: the cache
   * has stopped, or the load is not stored any more and no caller waits.
   *
   * @throws CallCycleError when a loader asks for its own key before it has returned.
   */
  getOrSet: getOrSet as typeof getOrSet,
  /**
   * Resolves with the values of the keys that have one, in a `Map`. Each key counts as a lookup.
   *
   * @throws InvalidArgumentError (rejecting) for a key that is refused; nothing was looked up.
   */
  getMany: getMany as typeof getMany,
  /**
   * Stores values by key, all with the same options: pairs in a list, or a `Map`.
   *
   * @throws InvalidArgumentError (rejecting) for an entry or an option that is refused; nothing changes.
   */
  setMany: setMany as typeof setMany,
  /**
   * Resolves with the milliseconds for which the value of a key is still valid: `Infinity` for ever, `undefined` when
   * there is none. Counts neither as a hit nor as a use.
   */
  ttl: ttl as typeof ttl,
  /**
   * Resolves with the valid entries and the rest of their times, as plain data if the values are: for
   * `JSON.stringify`, and for `load` of another cache.
   */
  dump: dump as typeof dump,
  /**
   * Stores the entries of a dump. Each expires when it would have expired in the cache of the dump, by wall time. A wall
   * clock that was set back prolongs nothing. Resolves with the number of stored entries.
   *
   * @throws InvalidArgumentError (rejecting) naming the damaged field, such as `dump.entries[3].ttlMs`; nothing
   *   changes.
   */
  load: load as typeof load,
  /**
   * Returns a function that keeps the results of `fn` in a cache, by key, and calls it once at a time per key. The
   * cache is that of the option `cache`, or one of its own: by default of 1000 results that do not expire, freed with
   * the function.
   *
   * @throws InvalidArgumentError naming what is refused. A call rejects with it when the key is refused.
   * @example
   * ```ts
   * const price = Cache.memoize((sku: string) => shop.price(sku), { defaultTtlMs: 60_000, maxSize: 500 })
   * const route = Cache.memoize(plan, { cache: routes, key: (from, to) => `${from.id}>${to.id}`, ttlMs: 5000 })
   * ```
   */
  memoize: memoize as typeof memoize,
  /** Resolves with whether a key has a value. Counts neither as a hit nor as a use. */
  has: has as typeof has,
  /** Removes a value. Resolves with whether there was one. */
  delete: remove as typeof remove,
  /** Removes all values that were stored with a tag. Resolves with their number. */
  invalidateTag: invalidateTag as typeof invalidateTag,
  /** Removes everything and resets the counts of hits and misses. */
  clear: clear as typeof clear,
  /** Resolves with the number of entries. */
  size: size as typeof size,
  /** Resolves with the keys, in the order in which they were first stored. */
  keys: keys as typeof keys,
  /** Resolves with keys and values, in the same order. */
  entries: entries as typeof entries,
  /** Resolves with counts of hits, misses and evictions, and with sizes. */
  stats: stats as typeof stats,
  /** Removes entries that have expired. Without it they go when they are next met. */
  prune: prune as typeof prune,
  /** Returns whether the cache runs. Returns false for a ref of anything else. */
  isRunning: isRunning as typeof isRunning,
  /** Ends the cache and drops all entries. Callers that wait for a load reject with `ServerNotRunningError`. */
  stop: stop as typeof stop,
} as const
