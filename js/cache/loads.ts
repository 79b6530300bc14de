import { CallCycleError, ServerNotRunningError } from '../actor/errors.ts'
import { promiseOf } from '../internal/thenable.ts'
import { abortSignal, callable } from '../internal/validate.ts'
import type { Counts } from './counts.ts'
import { type Entries, GOOD, STALE } from './entries.ts'
import { Flight } from './in-flight-load.ts'
import { type Loader, reportLoad } from './loader.ts'
import { CACHE, Failure } from './negative-entry.ts'
import { type CacheSettings, checkStoring, type Storing } from './options.ts'
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
  readonly #defaults: Storing
  readonly #flights: Map<CacheKey, Flight> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #onStack: Flight[] = []

  constructor(id: string, settings: CacheSettings, entries: Entries, counts: Counts) {
    this.#id = id
    this.#settings = settings
    this.#entries = entries
    this.#counts = counts
    this.#defaults = { ttlMs: settings.ttlMs, tags: undefined }
  }

  /** The number of loads in flight. */
  get size(): number {
    return this.#flights.size
  }

  /** Returns the value of a key, or loads it. `slot` is the key's slot, if it has one. */
  getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined, slot: number | undefined): unknown {
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#defaults : checkStoring(options, this.#settings.ttlMs, true)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    let stale: Stale | undefined
    if (slot !== undefined) {
      const entries = this.#entries
      const now = entries.now()
      const state = entries.look(slot, now)
      const value = entries.values[slot]
      if (state === GOOD) {
        this.#counts.hits++
        entries.slots.use(slot)
        if (value instanceof Failure) return value.again()
        return value
      }
      if (state === STALE) {
        if (now < (entries.fresh[slot] as number) + this.#settings.revalidateMs) {
          return this.#revalidate(key, loader, storing, { slot, value })
        }
        stale = { slot, value }
      }
    }
    this.#counts.misses++
    const flight = this.#flights.size === 0 ? undefined : this.#flights.get(key)
    if (flight !== undefined) {
      this.#entries.tell()
      return flight.wait(signal)
    }
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return this.#load(new Flight(key, storing), loader, signal, stale)
  }

  /** Detaches the loads of a key in flight: their values are not stored, and later callers do not join them. */
  supersede(key: CacheKey): void {
    if (this.#onStack.length > 0) {
      for (const flight of this.#onStack) if (flight.key === key) flight.superseded = true
    }
    if (this.#flights.size === 0) return
    const flight = this.#flights.get(key)
    if (flight === undefined) return
    flight.superseded = true
    this.#flights.delete(key)
  }

  /** Detaches all loads whose values would have a tag. */
  supersedeTag(tag: string): void {
    for (const { key, storing } of [...this.#onStack, ...this.#flights.values()]) {
      if (storing.tags?.includes(tag) === true) this.supersede(key)
    }
  }

  /** Detaches all loads. */
  supersedeAll(): void {
    for (const flight of [...this.#onStack, ...this.#flights.values()]) flight.superseded = true
    this.#flights.clear()
  }

  /** Ends all loads: rejects the callers that wait. */
  close(): void {
    const flights = [...this.#flights.values()]
    this.supersedeAll()
    for (const flight of flights) flight.reject(new ServerNotRunningError(this.#id, CACHE))
  }

  /** Returns the stale value, and loads a new one unless a load is in flight. */
  #revalidate(key: CacheKey, loader: Loader, storing: Storing, stale: Stale): unknown {
    this.#counts.hits++
    this.#counts.staleHits++
    this.#entries.slots.use(stale.slot)
    if (this.#flights.has(key) || this.#onStack.some((flight) => flight.key === key)) return stale.value
    const flight = new Flight(key, storing)
    let result: unknown
    try {
      result = this.#call(flight, loader)
    } catch (error) {
      this.#loadFailed(flight, error, stale, true)
      this.#reportFailure(error, key)
      return stale.value
    }
    const pending = promiseOf(result)
    if (pending === undefined) return this.#loaded(flight, result)
    this.#awaitLoader(flight, pending, stale)
    return stale.value
  }

  #load(flight: Flight, loader: Loader, signal: AbortSignal | undefined, stale: Stale | undefined): unknown {
    if (this.#onStack.length > 0 && this.#onStack.some(({ key }) => key === flight.key)) {
      throw new CallCycleError(this.#id, this.#id, CACHE)
    }
    let result: unknown
    try {
      result = this.#call(flight, loader)
    } catch (error) {
      const isReplaced = this.#loadFailed(flight, error, stale, true)
      if (!isReplaced) throw error
      this.#reportFailure(error, flight.key)
      return stale?.value
    }
    const pending = promiseOf(result)
    if (pending === undefined) return this.#loaded(flight, result)
    const outcome = flight.wait(signal)
    this.#awaitLoader(flight, pending, stale)
    return outcome
  }

  #call(flight: Flight, loader: Loader): unknown {
    this.#counts.loads++
    this.#onStack.push(flight)
    try {
      return loader(flight.key)
    } finally {
      this.#onStack.pop()
    }
  }

  /** Waits for the promise of a loader. */
  #awaitLoader(flight: Flight, pending: Promise<unknown>, stale: Stale | undefined): void {
    // The loader itself may have stored or deleted the key, or stopped the cache.
    if (this.#entries.closed) flight.reject(new ServerNotRunningError(this.#id, CACHE))
    else if (!flight.superseded) this.#flights.set(flight.key, flight)
    pending.then(
      (value) => {
        try {
          this.#loaded(flight, value)
        } catch (error) {
          // The value could not be stored: its size was refused.
          if (flight.awaited) flight.reject(error)
          else this.#reportFailure(error, flight.key)
          return
        }
        flight.resolve(value)
      },
      (error: unknown) => {
        const isAwaited = flight.awaited
        if (this.#loadFailed(flight, error, stale, false)) {
          this.#reportFailure(error, flight.key)
          flight.resolve(stale?.value)
        } else {
          if (!isAwaited) this.#reportFailure(error, flight.key)
          flight.reject(error)
        }
      },
    )
  }

  /** Stores a loaded value, unless the load was detached. */
  #loaded(flight: Flight, value: unknown): unknown {
    this.#removeFlight(flight)
    if (flight.superseded || this.#entries.closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const storing =
      isNothing && negativeTtlMs !== undefined ? { ...flight.storing, ttlMs: negativeTtlMs } : flight.storing
    this.#entries.put(flight.key, value, storing)
    this.#entries.tell()
    return value
  }

  /** Handles a failed load. Returns whether the stale value replaces it. */
  #loadFailed(flight: Flight, error: unknown, stale: Stale | undefined, isThrown: boolean): boolean {
    this.#counts.loadFailures++
    this.#removeFlight(flight)
    if (flight.superseded || this.#entries.closed) return false
    const { negativeTtlMs, ifErrorMs, revalidateMs } = this.#settings
    const slot = stale === undefined ? undefined : this.#entries.map.get(flight.key)
    if (slot !== undefined && slot === stale?.slot) {
      const past = this.#entries.past(slot)
      if (past < Math.max(ifErrorMs, revalidateMs)) return past < ifErrorMs
    }
    if (negativeTtlMs !== undefined) {
      const failure = new Failure(error, isThrown)
      this.#entries.put(flight.key, failure, { ttlMs: negativeTtlMs, tags: flight.storing.tags })
      this.#entries.tell()
    }
    return false
  }

  /** Takes a load out of those in flight. */
  #removeFlight(flight: Flight): void {
    if (this.#flights.size > 0 && this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #reportFailure(error: unknown, key: CacheKey): void {
    reportLoad(error, key, this.#id, this.#settings)
  }
}
