import { abortSignal, callable } from '../internal/validate.ts'
import { promiseOf } from '../internal/thenable.ts'
import { CallCycleError, ServerNotRunningError } from '../actor/errors.ts'
import type { Counts } from './counts.ts'
import { type Entries, GOOD, STALE } from './entries.ts'
import { CACHE, Failure } from './negative-entry.ts'
import { Flight } from './in-flight-load.ts'
import { type Loader, reportLoad } from './loader.ts'
import { type CacheSettings, checkStoring, type Storing } from './options.ts'
import type { CacheKey, CacheLoadOptions } from './types.ts'

/** A value that was found past its time. */
interface Stale {
  readonly slot: number
  readonly value: unknown
}

/** Makes the values that are missing, each once at a time. */
export class Loads {
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #entries: Entries
  readonly #counts: Counts
  readonly #plain: Storing
  readonly #flights: Map<CacheKey, Flight> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #calling: Flight[] = []

  constructor(id: string, settings: CacheSettings, entries: Entries, counts: Counts) {
    this.#id = id
    this.#settings = settings
    this.#entries = entries
    this.#counts = counts
    this.#plain = { ttlMs: settings.ttlMs, tags: undefined }
  }

  /** How many are under way. */
  get size(): number {
    return this.#flights.size
  }

  /** The value of a key, which is in this slot if anywhere, or what the loader makes. */
  getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined, slot: number | undefined): unknown {
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#plain : checkStoring(options, this.#settings.ttlMs, true)
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

  /** Loads of a key that are under way have nothing to store any more, and nobody joins them. */
  supersede(key: CacheKey): void {
    if (this.#calling.length > 0) {
      for (const flight of this.#calling) if (flight.key === key) flight.superseded = true
    }
    if (this.#flights.size === 0) return
    const flight = this.#flights.get(key)
    if (flight === undefined) return
    flight.superseded = true
    this.#flights.delete(key)
  }

  /** The same for all loads whose values would have a tag. */
  supersedeTag(tag: string): void {
    for (const { key, storing } of [...this.#calling, ...this.#flights.values()]) {
      if (storing.tags?.includes(tag) === true) this.supersede(key)
    }
  }

  /** The same for all. */
  supersedeAll(): void {
    for (const flight of [...this.#calling, ...this.#flights.values()]) flight.superseded = true
    this.#flights.clear()
  }

  /** The cache has ended: who waits is told. */
  close(): void {
    const flights = [...this.#flights.values()]
    this.supersedeAll()
    for (const flight of flights) flight.reject(new ServerNotRunningError(this.#id, CACHE))
  }

  /** Gives what is past its time, and loads a new value unless that is under way. */
  #revalidate(key: CacheKey, loader: Loader, storing: Storing, stale: Stale): unknown {
    this.#counts.hits++
    this.#counts.staleHits++
    this.#entries.slots.use(stale.slot)
    if (this.#flights.has(key) || this.#calling.some((flight) => flight.key === key)) return stale.value
    const flight = new Flight(key, storing)
    let made: unknown
    try {
      made = this.#call(flight, loader)
    } catch (error) {
      this.#failed(flight, error, stale, true)
      this.#loadError(error, key)
      return stale.value
    }
    const pending = promiseOf(made)
    if (pending === undefined) return this.#loaded(flight, made)
    this.#follow(flight, pending, stale)
    return stale.value
  }

  #load(flight: Flight, loader: Loader, signal: AbortSignal | undefined, stale: Stale | undefined): unknown {
    if (this.#calling.length > 0 && this.#calling.some(({ key }) => key === flight.key)) {
      throw new CallCycleError(this.#id, this.#id, CACHE)
    }
    let made: unknown
    try {
      made = this.#call(flight, loader)
    } catch (error) {
      const isStoodIn = this.#failed(flight, error, stale, true)
      if (!isStoodIn) throw error
      this.#loadError(error, flight.key)
      return stale?.value
    }
    const pending = promiseOf(made)
    if (pending === undefined) return this.#loaded(flight, made)
    const outcome = flight.wait(signal)
    this.#follow(flight, pending, stale)
    return outcome
  }

  #call(flight: Flight, loader: Loader): unknown {
    this.#counts.loads++
    this.#calling.push(flight)
    try {
      return loader(flight.key)
    } finally {
      this.#calling.pop()
    }
  }

  /** A load that is under way. */
  #follow(flight: Flight, pending: Promise<unknown>, stale: Stale | undefined): void {
    // What the loader itself has stored, deleted or stopped has the say.
    if (this.#entries.closed) flight.reject(new ServerNotRunningError(this.#id, CACHE))
    else if (!flight.superseded) this.#flights.set(flight.key, flight)
    pending.then(
      (value) => {
        try {
          this.#loaded(flight, value)
        } catch (error) {
          // It could not be stored: its size was refused.
          if (flight.awaited) flight.reject(error)
          else this.#loadError(error, flight.key)
          return
        }
        flight.resolve(value)
      },
      (error: unknown) => {
        const isAwaited = flight.awaited
        if (this.#failed(flight, error, stale, false)) {
          this.#loadError(error, flight.key)
          flight.resolve(stale?.value)
        } else {
          if (!isAwaited) this.#loadError(error, flight.key)
          flight.reject(error)
        }
      },
    )
  }

  /** Stores what was loaded, unless something newer is known. */
  #loaded(flight: Flight, value: unknown): unknown {
    this.#land(flight)
    if (flight.superseded || this.#entries.closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const storing =
      isNothing && negativeTtlMs !== undefined ? { ...flight.storing, ttlMs: negativeTtlMs } : flight.storing
    this.#entries.put(flight.key, value, storing)
    this.#entries.tell()
    return value
  }

  /** A load failed; whether a value that is past its time stands in. */
  #failed(flight: Flight, error: unknown, stale: Stale | undefined, isThrown: boolean): boolean {
    this.#counts.loadFailures++
    this.#land(flight)
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

  #land(flight: Flight): void {
    if (this.#flights.size > 0 && this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #loadError(error: unknown, key: CacheKey): void {
    reportLoad(error, key, this.#id, this.#settings)
  }
}
