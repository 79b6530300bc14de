import { InvalidArgumentError } from '../errors/errors.ts'
import { ENDING } from '../actor/process.ts'
import { stop as stopServer } from './gen-server/calls.ts'
import { ServerNotRunningError } from '../actor/errors.ts'
import { serverIn, serverOf, serviceOf } from './gen-server/ref.ts'
import type { Server } from './gen-server/process.ts'
import { startAs } from './gen-server/start.ts'
import type { GenServerBehavior, GenServerRef, TerminateReason } from './gen-server/types.ts'
import { CACHE } from '../cache/negative-entry.ts'
import { type CacheSettings, checkCache } from '../cache/options.ts'
import { SharedStore } from '../cache/shared/store.ts'
import { CacheStore } from '../cache/store.ts'
import type {
  CacheHandle,
  CacheKey,
  CacheLoadOptions,
  CacheOptions,
  CacheSetOptions,
  CacheStats,
  SharedCacheHandle,
  SharedCacheOptions,
} from '../cache/types.ts'

/** Names a cache: a process, so it can be supervised, linked, monitored and registered. */
export interface CacheRef<V = unknown> extends GenServerRef<unknown, never, never, never> {
  readonly id: string
  /** The cache without promises. */
  readonly handle: CacheHandle<V>
}

/** Names this thread's part in a cache that threads share. */
export interface SharedCacheRef<V = unknown> extends GenServerRef<unknown, never, never, never> {
  readonly id: string
  /** The cache without promises. */
  readonly handle: SharedCacheHandle<V>
}

type AnyRef = CacheRef<never> | SharedCacheRef<never> | GenServerRef
type Store = CacheStore | SharedStore

/** A process that lives as long as its cache. It takes no messages: what the cache does, it does on its caller's stack. */
class CacheBehavior implements GenServerBehavior<CacheSettings> {
  readonly settings: CacheSettings
  #store: Store | undefined

  constructor(settings: CacheSettings) {
    this.settings = settings
  }

  /** Made when it is first needed, which may be as soon as the process has its name. */
  storeOf(server: Server): Store {
    if (this.#store !== undefined) return this.#store
    const { settings } = this
    const { shared } = settings
    const store =
      shared === undefined ? new CacheStore(server.id, settings) : new SharedStore(server.id, shared, settings)
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

/** Sweeps from time to time, if that was asked for; the returned function ends it. */
function sweep(store: Store, { system, sweepIntervalMs }: CacheSettings): () => void {
  if (sweepIntervalMs === undefined) return () => {}
  const once = (): void => {
    timer = system.clock.schedule(sweepIntervalMs, once, { ref: false, label: 'sweep of a cache' })
    store.prune()
  }
  let timer = system.clock.schedule(sweepIntervalMs, once, { ref: false, label: 'sweep of a cache' })
  return () => timer.cancel()
}

const cacheOf = (ref: AnyRef) => serviceOf(CacheBehavior, 'a Cache', ref)

function storeOf(ref: AnyRef): Store {
  const server = cacheOf(ref)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  return server.behavior.storeOf(server)
}

async function start<V = unknown>(options: SharedCacheOptions<V>): Promise<SharedCacheRef<V>>
async function start<V = unknown>(options?: CacheOptions<V>): Promise<CacheRef<V>>
async function start(options?: CacheOptions | SharedCacheOptions): Promise<CacheRef | SharedCacheRef> {
  const settings = checkCache(options)
  const { system } = settings
  const name = options?.name
  const behavior = new CacheBehavior(settings)
  const ref = await startAs(CACHE.kind, behavior, name === undefined ? { system } : { system, name })
  const store = await opened(behavior, ref)
  // On the ref itself, so that whoever looks the process up has it too.
  return Object.defineProperty(ref, 'handle', { value: store }) as CacheRef | SharedCacheRef
}

/** The store of a process that has just been started; the process ends if it is refused one. */
async function opened(behavior: CacheBehavior, ref: GenServerRef): Promise<Store> {
  try {
    return behavior.storeOf(serverOf('ref', ref))
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
  loader: (key: CacheKey) => T | PromiseLike<T>,
  options?: CacheLoadOptions,
): Promise<T> {
  return storeOf(ref).getOrSet(key, loader, options)
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

async function keys<K extends CacheKey = CacheKey>(ref: AnyRef): Promise<readonly K[]> {
  return storeOf(ref).keys() as K[]
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
  const server = serverIn(ref)
  if (!(server?.behavior instanceof CacheBehavior) || server.status >= ENDING) return false
  return !server.behavior.storeOf(server).closed
}

async function stop(ref: AnyRef, reason?: TerminateReason): Promise<void> {
  return stopServer(cacheOf(ref).ref, reason)
}

/**
 * Values by key, for a time and within bounds. S3-FIFO decides what goes, which keeps what is asked for often and is not
 * impressed by scans; a key that is missing is loaded once, however many ask for it.
 *
 * A cache is a process: it can be named, supervised, linked and monitored. Its functions do their work at once and only
 * return promises; `handle` has the same without.
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
  /** The cache without promises, also of a ref that was looked up by name. */
  handle: handle as typeof handle,
  /** The value of a key, or `undefined`. */
  get: get as typeof get,
  /**
   * Stores a value. What was being loaded under this key is not stored any more.
   *
   * @throws InvalidArgumentError for a key, a time, a tag or a size that is refused; nothing changes.
   */
  set: set as typeof set,
  /**
   * The value of a key, or what `loader` makes, which is stored. While a key is loaded, all who ask for it wait for that
   * load. A loader that fails rejects all of them. After `set`, `delete`, `clear` or an invalidation of the key, a load that
   * had begun before is not stored or joined any more, and who waited for it still gets what it makes.
   *
   * @throws CallCycleError when a loader asks for its own key before it has returned.
   */
  getOrSet: getOrSet as typeof getOrSet,
  /** Whether there is a value; counts as neither hit nor use. */
  has: has as typeof has,
  /** Removes a value; whether there was one. */
  delete: remove as typeof remove,
  /** Removes all values that were stored with a tag; how many. */
  invalidateTag: invalidateTag as typeof invalidateTag,
  /** Removes everything, and starts counting hits and misses anew. */
  clear: clear as typeof clear,
  /** How many entries are kept. */
  size: size as typeof size,
  /** The keys, in the order in which they were first stored. */
  keys: keys as typeof keys,
  /** Keys and values, in the same order. */
  entries: entries as typeof entries,
  /** What the cache has done, and holds. */
  stats: stats as typeof stats,
  /** Removes what is past its time, which else happens when it is met. */
  prune: prune as typeof prune,
  /** Whether the cache has not ended. */
  isRunning: isRunning as typeof isRunning,
  /** Ends it: everything goes, and who waits for a load is told that it does not run any more. */
  stop: stop as typeof stop,
} as const
