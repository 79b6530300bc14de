import { AsyncResource } from 'node:async_hooks'

import { CallCycleError, ServerNotRunningError } from '../../actor/errors.ts'
import { holdTime } from '../../clock/internal-timers.ts'
import { forget, hold, listen, release } from '../../internal/inbox.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { abortSignal, callable } from '../../internal/validate.ts'
import { OVERTAKEN, WAITING } from '../../protocol/shared-cache.ts'
import { Counts } from '../counts.ts'
import { Entries, FRESH } from '../entries.ts'
import { InFlightLoad } from '../in-flight-load.ts'
import { LoadContext, type Loader, reportLoad } from '../loader.ts'
import { CACHE_KIND, NegativeEntry } from '../negative-entry.ts'
import { type CacheSettings, defaultStoreSettings, storeSettings, type StoreSettings } from '../options.ts'
import type { CacheKey, CacheLoadOptions } from '../types.ts'
import { assertWellFormed, type SharedEntries } from './entries.ts'

/** The result of a load whose outcome comes later. */
const PENDING = Symbol('pending')

/** The number of loads in flight on this thread, by cache and key. */
const loadsHere = new Map<string, number>()
const isLoadingHere = (globalKey: string): boolean => loadsHere.has(globalKey)

function countLoad(globalKey: string): void {
  loadsHere.set(globalKey, (loadsHere.get(globalKey) ?? 0) + 1)
}

function uncountLoad(globalKey: string): void {
  const left = (loadsHere.get(globalKey) ?? 1) - 1
  if (left === 0) loadsHere.delete(globalKey)
  else loadsHere.set(globalKey, left)
}

/** A load that this thread runs, or waits for. */
class SharedLoad extends InFlightLoad {
  loader: Loader
  /** The core's number of the load; {@link WAITING} while another thread runs it. */
  claim = WAITING
  /** The token that is posted when the load of another thread has ended; 0 for none. */
  token = 0
  /** Ends the hold on a controlled clock's time while another thread loads. */
  resumeTime: (() => void) | undefined

  constructor(key: CacheKey, storing: StoreSettings, loader: Loader, signalled: Set<InFlightLoad>) {
    super(key, storing, signalled)
    this.loader = loader
  }
}

/** Loads missing values: each key once at a time, over all threads. */
export class SharedLoads {
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #entries: SharedEntries
  readonly #defaults: StoreSettings
  readonly #inFlight: Map<CacheKey, SharedLoad> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #onStack: SharedLoad[] = []
  /** Loads whose loaders have read their signal, and that run. */
  readonly #signalled: Set<InFlightLoad> = new Set()
  /** Failures of this thread's loads. Errors are no plain data, so threads cannot share them. */
  readonly #failures: Entries | undefined

  constructor(id: string, settings: CacheSettings, entries: SharedEntries) {
    this.#id = id
    this.#settings = settings
    this.#entries = entries
    this.#defaults = defaultStoreSettings(settings)
    if (settings.negativeTtlMs === undefined) return
    const own = { maxBytes: Infinity, sizeOf: undefined, onEvict: undefined, revalidateMs: 0, ifErrorMs: 0 }
    this.#failures = new Entries(id, { ...settings, ...own }, new Counts())
  }

  /** Returns the value of a key of which this thread has no fresh copy, or loads it. */
  getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined): unknown {
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#defaults : storeSettings(options, this.#defaults, true)
    for (const [index, tag] of (storing.tags ?? []).entries()) assertWellFormed(`options.tags[${index}]`, tag)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    const { revalidateMs } = this.#settings
    const found = this.#entries.find(key, revalidateMs)
    this.#entries.notify()
    if (found !== undefined && found.past < 0) return found.value
    if (found !== undefined && found.past < revalidateMs) {
      return this.#revalidate(new SharedLoad(key, storing, loader, this.#signalled), found.value)
    }
    const failure = this.#failureOf(key)
    if (failure !== undefined) return failure.again()
    const current = this.#current(key)
    if (current !== undefined) return current.wait(signal)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#isCalling(key)) throw new CallCycleError(this.#id, this.#id, CACHE_KIND)
    const load = new SharedLoad(key, storing, loader, this.#signalled)
    const result = this.#start(load)
    return result === PENDING ? load.wait(signal) : result
  }

  /** Looks for loads of this thread that a call of it has detached: of one key, or of all. */
  detach(key?: CacheKey): void {
    if (this.#inFlight.size === 0) return
    for (const each of key === undefined ? [...this.#inFlight.keys()] : [key]) this.#current(each)
  }

  /** Forgets the failure of a key, which was stored or deleted. */
  forgetFailure(key: CacheKey): void {
    const slot = this.#failures?.map.get(key)
    if (slot !== undefined) this.#failures?.remove(slot, 'deleted')
  }

  /** Forgets failures of loads with a tag. */
  forgetFailuresOfTag(tag: string): void {
    for (const slot of this.#failures?.tags.slotsOf(tag) ?? []) this.#failures?.remove(slot, 'invalidated')
  }

  /** Forgets all failures. */
  forgetFailures(): void {
    this.#failures?.removeAll('cleared')
  }

  /** Ends all loads of this thread: rejects the callers that wait. */
  close(): void {
    this.#failures?.close()
    const error = new ServerNotRunningError(this.#id, CACHE_KIND)
    const loads = [...this.#inFlight.values()]
    const signalled = [...this.#signalled]
    this.#inFlight.clear()
    for (const load of loads) {
      if (load.token !== 0) this.#stopWaiting(load)
      load.reject(error)
    }
    for (const load of signalled) load.abandon(error)
  }

  #isCalling(key: CacheKey): boolean {
    return this.#onStack.some((load) => load.key === key)
  }

  #failureOf(key: CacheKey): NegativeEntry | undefined {
    const failures = this.#failures
    const slot = failures?.map.get(key)
    if (failures === undefined || slot === undefined) return undefined
    return failures.stateOf(slot, failures.now()) === FRESH ? (failures.values[slot] as NegativeEntry) : undefined
  }

  /** Returns the load of a key that this thread waits for, unless the key has changed since that load began. */
  #current(key: CacheKey): SharedLoad | undefined {
    const load = this.#inFlight.get(key)
    if (load === undefined || load.claim === WAITING || this.#entries.isLoading(key, load.claim)) return load
    this.#inFlight.delete(key)
    load.isDetached = true
    load.abandonIfUnused()
    return undefined
  }

  /** Returns the stale value, and loads a new one unless a load is in flight on any thread. */
  #revalidate(load: SharedLoad, stale: unknown): unknown {
    const { key } = load
    if (this.#current(key) !== undefined || this.#isCalling(key)) return stale
    // No caller waits, so nothing listens for the token 0.
    const claim = this.#entries.claim(key, load.storing.tags, 0)
    if (claim <= WAITING) return stale
    load.claim = claim
    try {
      const result = this.#call(load)
      return result === PENDING ? stale : result
    } catch (error) {
      reportLoad(error, key, this.#id, this.#settings)
      return stale
    }
  }

  /** Claims the load and runs it, or waits for the thread that has claimed it. */
  #start(load: SharedLoad): unknown {
    const { key, storing } = load
    for (;;) {
      const token = listen(() => this.#otherEnded(load))
      const claim = this.#entries.claim(key, storing.tags, token)
      if (claim === WAITING) {
        load.claim = WAITING
        load.token = token
        // The loader may be called later, after news from another thread, and must then run in the caller's context.
        load.loader = AsyncResource.bind(load.loader, 'keelson.cache') as Loader
        hold()
        // If this thread runs the load, its loader may wait for the clock, so the clock must not be held.
        if (!isLoadingHere(this.#entries.globalKey(key))) {
          load.resumeTime = holdTime(this.#settings.system.clock, `the load of ${String(key)} by another thread`)
        }
        this.#inFlight.set(key, load)
        return PENDING
      }
      forget(token)
      if (claim !== OVERTAKEN) {
        load.claim = claim
        return this.#call(load)
      }
      const found = this.#entries.find(key)
      if (found !== undefined && found.past < 0) return found.value
    }
  }

  /** Handles the end of another thread's load: returns its value to the callers, or starts a load here. */
  #otherEnded(load: SharedLoad): void {
    this.#stopWaiting(load)
    this.#removeLoad(load)
    if (!load.hasWaiters) return
    try {
      const found = this.#entries.find(load.key)
      const result = found !== undefined && found.past < 0 ? found.value : this.#start(load)
      if (result !== PENDING) load.resolve(result)
    } catch (error) {
      load.reject(error)
    }
    this.#entries.notify()
  }

  #stopWaiting(load: SharedLoad): void {
    forget(load.token)
    load.token = 0
    release()
    load.resumeTime?.()
    load.resumeTime = undefined
  }

  /** Calls the loader of a load that this thread has claimed. */
  #call(load: SharedLoad): unknown {
    let result: unknown
    this.#onStack.push(load)
    const globalKey = this.#entries.globalKey(load.key)
    countLoad(globalKey)
    try {
      result = load.loader(new LoadContext(load))
    } catch (error) {
      uncountLoad(globalKey)
      const stale = this.#loadFailed(load, error, true)
      if (stale === undefined) throw error
      reportLoad(error, load.key, this.#id, this.#settings)
      return stale.value
    } finally {
      this.#onStack.pop()
    }
    const pending = promiseOf(result)
    if (pending === undefined) {
      uncountLoad(globalKey)
      return this.#loaded(load, result)
    }
    if (!this.#entries.closed) this.#inFlight.set(load.key, load)
    pending.then(
      (value) => {
        load.loaderEnded()
        uncountLoad(globalKey)
        try {
          this.#loaded(load, value)
        } catch (error) {
          // The value could not be stored: it is no plain data, or its size was refused.
          if (load.hasWaiters) load.reject(error)
          else reportLoad(error, load.key, this.#id, this.#settings)
          return
        }
        load.resolve(value)
      },
      (error: unknown) => {
        load.loaderEnded()
        uncountLoad(globalKey)
        const stale = this.#loadFailed(load, error, false)
        const isEcho = load.isEcho(error) && !load.hasWaiters
        if (!isEcho && (stale !== undefined || !load.hasWaiters)) reportLoad(error, load.key, this.#id, this.#settings)
        if (stale === undefined) load.reject(error)
        else load.resolve(stale.value)
      },
    )
    if (this.#entries.closed) {
      const error = new ServerNotRunningError(this.#id, CACHE_KIND)
      load.abandon(error)
      throw error
    }
    return PENDING
  }

  /** Stores a loaded value, unless the load was detached. */
  #loaded(load: SharedLoad, value: unknown): unknown {
    const { key, claim, storing } = load
    this.#removeLoad(load)
    if (this.#entries.closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const isNegative = isNothing && negativeTtlMs !== undefined
    const stored = isNegative ? { ...storing, ttlMs: negativeTtlMs, isSliding: false } : storing
    try {
      this.#entries.finish(key, claim, value, stored)
    } catch (error) {
      // Threads that wait for this load start their own.
      if (!this.#entries.closed) this.#entries.fail(key, claim)
      throw error
    }
    this.#entries.notify()
    return value
  }

  /** Handles a failed load. Returns the stale value that replaces it, if there is one. */
  #loadFailed(load: SharedLoad, error: unknown, wasThrown: boolean): { value: unknown } | undefined {
    const { key, claim, storing } = load
    this.#removeLoad(load)
    if (this.#entries.closed || !this.#entries.fail(key, claim)) return undefined
    const found = this.#entries.find(key)
    if (found !== undefined) return found.past < this.#settings.ifErrorMs ? found : undefined
    const { negativeTtlMs } = this.#settings
    if (negativeTtlMs !== undefined) {
      this.#failures?.put(key, new NegativeEntry(error, wasThrown), {
        ttlMs: negativeTtlMs,
        tags: storing.tags,
        isSliding: false,
      })
    }
    return undefined
  }

  #removeLoad(load: SharedLoad): void {
    if (this.#inFlight.get(load.key) === load) this.#inFlight.delete(load.key)
  }
}
