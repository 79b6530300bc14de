import { CallCycleError, ServerNotRunningError } from '../actor/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { abortSignal, callable } from '../internal/validate.ts'
import type { Counts } from './counts.ts'
import { type Entries, FRESH, STALE } from './entries.ts'
import { InFlightLoad } from './in-flight-load.ts'
import { LoadContext, type Loader, reportLoad } from './loader.ts'
import { CACHE_KIND, NegativeEntry } from './negative-entry.ts'
import { type CacheSettings, defaultStoreSettings, storeSettings, type StoreSettings } from './options.ts'
import type { CacheKey, CacheLoadOptions } from './types.ts'

/** A value that has expired but is still kept. */
interface Stale {
  readonly slot: number
  readonly value: unknown
}

/** Loads missing values, each key once at a time (single-flight). */
export class Loads {
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #entries: Entries
  readonly #counts: Counts
  readonly #defaults: StoreSettings
  readonly #inFlight: Map<CacheKey, InFlightLoad> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #onStack: InFlightLoad[] = []
  /** Loads whose loaders have read their signal, and that run. */
  readonly #signalled: Set<InFlightLoad> = new Set()

  constructor(id: string, settings: CacheSettings, entries: Entries, counts: Counts) {
    this.#id = id
    this.#settings = settings
    this.#entries = entries
    this.#counts = counts
    this.#defaults = defaultStoreSettings(settings)
  }

  /** The number of loads in flight. */
  get size(): number {
    return this.#inFlight.size
  }

  /** Returns the value of a key, or loads it. `slot` is the key's slot, if it has one. */
  getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined, slot: number | undefined): unknown {
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#defaults : storeSettings(options, this.#defaults, true)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    let stale: Stale | undefined
    if (slot !== undefined) {
      const entries = this.#entries
      const now = entries.now()
      const state = entries.stateOf(slot, now)
      const value = entries.values[slot]
      if (state === FRESH) {
        this.#counts.hits++
        entries.slots.use(slot)
        if (value instanceof NegativeEntry) return value.again()
        entries.slide(slot, now)
        return value
      }
      if (state === STALE) {
        if (now < (entries.freshUntil[slot] as number) + this.#settings.revalidateMs) {
          return this.#revalidate(key, loader, storing, { slot, value })
        }
        stale = { slot, value }
      }
    }
    this.#counts.misses++
    const load = this.#inFlight.size === 0 ? undefined : this.#inFlight.get(key)
    if (load !== undefined) {
      this.#entries.notify()
      return load.wait(signal)
    }
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return this.#load(new InFlightLoad(key, storing, this.#signalled), loader, signal, stale)
  }

  /** Detaches the loads of a key in flight: their values are not stored, and later callers do not join them. */
  detach(key: CacheKey): void {
    if (this.#onStack.length > 0) {
      for (const load of this.#onStack) if (load.key === key) load.isDetached = true
    }
    if (this.#inFlight.size === 0) return
    const load = this.#inFlight.get(key)
    if (load === undefined) return
    load.isDetached = true
    this.#inFlight.delete(key)
    load.abandonIfUnused()
  }

  /** Detaches all loads whose values would have a tag. */
  detachTag(tag: string): void {
    for (const { key, storing } of [...this.#onStack, ...this.#inFlight.values()]) {
      if (storing.tags?.includes(tag) === true) this.detach(key)
    }
  }

  /** Detaches all loads. */
  detachAll(): void {
    for (const load of this.#onStack) load.isDetached = true
    const loads = [...this.#inFlight.values()]
    this.#inFlight.clear()
    for (const load of loads) {
      load.isDetached = true
      load.abandonIfUnused()
    }
  }

  /** Ends all loads: rejects the callers that wait. */
  close(): void {
    const error = new ServerNotRunningError(this.#id, CACHE_KIND)
    const loads = [...this.#inFlight.values()]
    const signalled = [...this.#signalled]
    this.detachAll()
    for (const load of loads) load.reject(error)
    for (const load of signalled) load.abandon(error)
  }

  /** Returns the stale value, and loads a new one unless a load is in flight. */
  #revalidate(key: CacheKey, loader: Loader, storing: StoreSettings, stale: Stale): unknown {
    this.#counts.hits++
    this.#counts.staleHits++
    this.#entries.slots.use(stale.slot)
    if (this.#inFlight.has(key) || this.#onStack.some((load) => load.key === key)) return stale.value
    const load = new InFlightLoad(key, storing, this.#signalled)
    let result: unknown
    try {
      result = this.#call(load, loader)
    } catch (error) {
      this.#loadFailed(load, error, stale, true)
      this.#reportFailure(error, key)
      return stale.value
    }
    const pending = promiseOf(result)
    if (pending === undefined) return this.#loaded(load, result)
    this.#awaitLoader(load, pending, stale)
    return stale.value
  }

  #load(load: InFlightLoad, loader: Loader, signal: AbortSignal | undefined, stale: Stale | undefined): unknown {
    if (this.#onStack.length > 0 && this.#onStack.some(({ key }) => key === load.key)) {
      throw new CallCycleError(this.#id, this.#id, CACHE_KIND)
    }
    let result: unknown
    try {
      result = this.#call(load, loader)
    } catch (error) {
      const isReplaced = this.#loadFailed(load, error, stale, true)
      if (!isReplaced) throw error
      this.#reportFailure(error, load.key)
      return stale?.value
    }
    const pending = promiseOf(result)
    if (pending === undefined) return this.#loaded(load, result)
    const outcome = load.wait(signal)
    this.#awaitLoader(load, pending, stale)
    return outcome
  }

  #call(load: InFlightLoad, loader: Loader): unknown {
    this.#counts.loads++
    this.#onStack.push(load)
    try {
      return loader(new LoadContext(load))
    } finally {
      this.#onStack.pop()
    }
  }

  /** Waits for the promise of a loader. */
  #awaitLoader(load: InFlightLoad, pending: Promise<unknown>, stale: Stale | undefined): void {
    // The loader itself may have stored or deleted the key, or stopped the cache.
    if (this.#entries.closed) load.reject(new ServerNotRunningError(this.#id, CACHE_KIND))
    else if (!load.isDetached) this.#inFlight.set(load.key, load)
    if (this.#entries.closed) load.abandon(new ServerNotRunningError(this.#id, CACHE_KIND))
    else load.abandonIfUnused()
    pending.then(
      (value) => {
        load.loaderEnded()
        try {
          this.#loaded(load, value)
        } catch (error) {
          // The value could not be stored: its size was refused.
          if (load.hasWaiters) load.reject(error)
          else this.#reportFailure(error, load.key)
          return
        }
        load.resolve(value)
      },
      (error: unknown) => {
        load.loaderEnded()
        const isAwaited = load.hasWaiters
        if (this.#loadFailed(load, error, stale, false)) {
          this.#reportFailure(error, load.key)
          load.resolve(stale?.value)
        } else {
          if (!isAwaited && !load.isEcho(error)) this.#reportFailure(error, load.key)
          load.reject(error)
        }
      },
    )
  }

  /** Stores a loaded value, unless the load was detached. */
  #loaded(load: InFlightLoad, value: unknown): unknown {
    this.#removeLoad(load)
    if (load.isDetached || this.#entries.closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const storing =
      isNothing && negativeTtlMs !== undefined
        ? { ...load.storing, ttlMs: negativeTtlMs, isSliding: false }
        : load.storing
    this.#entries.put(load.key, value, storing)
    this.#entries.notify()
    return value
  }

  /** Handles a failed load. Returns whether the stale value replaces it. */
  #loadFailed(load: InFlightLoad, error: unknown, stale: Stale | undefined, wasThrown: boolean): boolean {
    this.#counts.loadFailures++
    this.#removeLoad(load)
    if (load.isDetached || this.#entries.closed) return false
    const { negativeTtlMs, ifErrorMs, revalidateMs } = this.#settings
    const slot = stale === undefined ? undefined : this.#entries.map.get(load.key)
    if (slot !== undefined && slot === stale?.slot) {
      const past = this.#entries.msPastFresh(slot)
      if (past < Math.max(ifErrorMs, revalidateMs)) return past < ifErrorMs
    }
    if (negativeTtlMs !== undefined) {
      const failure = new NegativeEntry(error, wasThrown)
      this.#entries.put(load.key, failure, { ttlMs: negativeTtlMs, tags: load.storing.tags, isSliding: false })
      this.#entries.notify()
    }
    return false
  }

  /** Takes a load out of those in flight. */
  #removeLoad(load: InFlightLoad): void {
    if (this.#inFlight.size > 0 && this.#inFlight.get(load.key) === load) this.#inFlight.delete(load.key)
  }

  #reportFailure(error: unknown, key: CacheKey): void {
    reportLoad(error, key, this.#id, this.#settings)
  }
}
