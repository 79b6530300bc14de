import { AsyncResource } from 'node:async_hooks'
import { abortSignal, callable } from '../../internal/validate.ts'
import { holdTime } from '../../clock/internal-timers.ts'
import { forget, hold, listen, release } from '../../internal/inbox.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { CallCycleError, ServerNotRunningError } from '../../actor/errors.ts'
import { Counts } from '../counts.ts'
import { Entries, GOOD } from '../entries.ts'
import { CACHE, Failure } from '../negative-entry.ts'
import { Flight } from '../in-flight-load.ts'
import { type Loader, reportLoad } from '../loader.ts'
import { type CacheSettings, checkStoring, type Storing } from '../options.ts'
import type { CacheKey, CacheLoadOptions } from '../types.ts'
import { type SharedEntries, whole } from './entries.ts'
import { OVERTAKEN, WAITING } from '../../protocol/shared-cache.ts'

/** What a load is while nobody has its outcome. */
const PENDING = Symbol('pending')

/** Loads that are under way on this thread, by cache and key: how many. */
const here = new Map<string, number>()
const isLoadedHere = (place: string): boolean => here.has(place)

function begunHere(place: string): void {
  here.set(place, (here.get(place) ?? 0) + 1)
}

function endedHere(place: string): void {
  const left = (here.get(place) ?? 1) - 1
  if (left === 0) here.delete(place)
  else here.set(place, left)
}

/** A load that this thread does, or waits for. */
class SharedFlight extends Flight {
  loader: Loader
  /** The core's number of it; {@link WAITING} while another thread loads. */
  load = WAITING
  /** What is posted when the load of another thread has ended. */
  token = 0
  /** Lets time go on that stands until then. */
  resumeTime: (() => void) | undefined

  constructor(key: CacheKey, storing: Storing, loader: Loader) {
    super(key, storing)
    this.loader = loader
  }
}

/** Makes the values that are missing: each once at a time, on one of all threads. */
export class SharedLoads {
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #entries: SharedEntries
  readonly #plain: Storing
  readonly #flights: Map<CacheKey, SharedFlight> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #calling: SharedFlight[] = []
  /** Errors are no plain data: each thread remembers those of its own loads. */
  readonly #failures: Entries | undefined

  constructor(id: string, settings: CacheSettings, entries: SharedEntries) {
    this.#id = id
    this.#settings = settings
    this.#entries = entries
    this.#plain = { ttlMs: settings.ttlMs, tags: undefined }
    if (settings.negativeTtlMs === undefined) return
    const own = { maxBytes: Infinity, sizeOf: undefined, onEvict: undefined, revalidateMs: 0, ifErrorMs: 0 }
    this.#failures = new Entries(id, { ...settings, ...own }, new Counts())
  }

  /** The value of a key that this thread has no good copy of, or what the loader makes. */
  getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined): unknown {
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#plain : checkStoring(options, this.#settings.ttlMs, true)
    for (const [index, tag] of (storing.tags ?? []).entries()) whole(`options.tags[${index}]`, tag)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    const { revalidateMs } = this.#settings
    const found = this.#entries.find(key, revalidateMs)
    this.#entries.tell()
    if (found !== undefined && found.past < 0) return found.value
    if (found !== undefined && found.past < revalidateMs) {
      return this.#revalidate(new SharedFlight(key, storing, loader), found.value)
    }
    const failure = this.#failureOf(key)
    if (failure !== undefined) return failure.again()
    const flight = this.#current(key)
    if (flight !== undefined) return flight.wait(signal)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#isCalling(key)) throw new CallCycleError(this.#id, this.#id, CACHE)
    const mine = new SharedFlight(key, storing, loader)
    const made = this.#start(mine)
    return made === PENDING ? mine.wait(signal) : made
  }

  /** A key has another value or none: failures of it are forgotten. */
  forgive(key: CacheKey): void {
    const slot = this.#failures?.map.get(key)
    if (slot !== undefined) this.#failures?.take(slot, 'deleted')
  }

  forgiveTag(tag: string): void {
    for (const slot of this.#failures?.tags.slotsOf(tag) ?? []) this.#failures?.take(slot, 'invalidated')
  }

  forgiveAll(): void {
    this.#failures?.empty('cleared')
  }

  /** The cache has ended on this thread: who waits is told. */
  close(): void {
    this.#failures?.close()
    const flights = [...this.#flights.values()]
    this.#flights.clear()
    for (const flight of flights) {
      if (flight.token !== 0) this.#unwait(flight)
      flight.reject(new ServerNotRunningError(this.#id, CACHE))
    }
  }

  #isCalling(key: CacheKey): boolean {
    return this.#calling.some((flight) => flight.key === key)
  }

  #failureOf(key: CacheKey): Failure | undefined {
    const failures = this.#failures
    const slot = failures?.map.get(key)
    if (failures === undefined || slot === undefined) return undefined
    return failures.look(slot, failures.now()) === GOOD ? (failures.values[slot] as Failure) : undefined
  }

  /** What this thread waits for already, unless the key was changed, perhaps by another thread, since that load began. */
  #current(key: CacheKey): SharedFlight | undefined {
    const flight = this.#flights.get(key)
    if (flight === undefined || flight.load === WAITING || this.#entries.isLoading(key, flight.load)) return flight
    this.#flights.delete(key)
    return undefined
  }

  /** Gives what is past its time, and loads a new value unless somebody does. */
  #revalidate(flight: SharedFlight, stale: unknown): unknown {
    const { key } = flight
    if (this.#current(key) !== undefined || this.#isCalling(key)) return stale
    // Nobody waits: what is posted under this token is dropped.
    const load = this.#entries.claim(key, flight.storing.tags, 0)
    if (load <= WAITING) return stale
    flight.load = load
    try {
      const made = this.#call(flight)
      return made === PENDING ? stale : made
    } catch (error) {
      reportLoad(error, key, this.#id, this.#settings)
      return stale
    }
  }

  /** Loads, or waits for who does. */
  #start(flight: SharedFlight): unknown {
    const { key, storing } = flight
    for (;;) {
      const token = listen(() => this.#ended(flight))
      const load = this.#entries.claim(key, storing.tags, token)
      if (load === WAITING) {
        flight.load = WAITING
        flight.token = token
        // Should it come to be called, then by news from other threads, and in the context of who asked.
        flight.loader = AsyncResource.bind(flight.loader, 'keelson.cache') as Loader
        hold()
        // A loader of this thread may wait for the clock, which must not wait for it.
        if (!isLoadedHere(this.#entries.place(key))) {
          flight.resumeTime = holdTime(this.#settings.system.clock, `the load of ${String(key)} by another thread`)
        }
        this.#flights.set(key, flight)
        return PENDING
      }
      forget(token)
      if (load !== OVERTAKEN) {
        flight.load = load
        return this.#call(flight)
      }
      const found = this.#entries.find(key)
      if (found !== undefined && found.past < 0) return found.value
    }
  }

  /** The load of another thread has ended: there is a value now, or it is our turn. */
  #ended(flight: SharedFlight): void {
    this.#unwait(flight)
    this.#land(flight)
    if (!flight.awaited) return
    try {
      const found = this.#entries.find(flight.key)
      const made = found !== undefined && found.past < 0 ? found.value : this.#start(flight)
      if (made !== PENDING) flight.resolve(made)
    } catch (error) {
      flight.reject(error)
    }
    this.#entries.tell()
  }

  #unwait(flight: SharedFlight): void {
    forget(flight.token)
    flight.token = 0
    release()
    flight.resumeTime?.()
    flight.resumeTime = undefined
  }

  /** Calls the loader of a load that is this thread's. */
  #call(flight: SharedFlight): unknown {
    let made: unknown
    this.#calling.push(flight)
    const place = this.#entries.place(flight.key)
    begunHere(place)
    try {
      made = flight.loader(flight.key)
    } catch (error) {
      endedHere(place)
      const standIn = this.#failed(flight, error, true)
      if (standIn === undefined) throw error
      reportLoad(error, flight.key, this.#id, this.#settings)
      return standIn.value
    } finally {
      this.#calling.pop()
    }
    const pending = promiseOf(made)
    if (pending === undefined) {
      endedHere(place)
      return this.#loaded(flight, made)
    }
    if (!this.#entries.closed) this.#flights.set(flight.key, flight)
    pending.then(
      (value) => {
        endedHere(place)
        try {
          this.#loaded(flight, value)
        } catch (error) {
          // It could not be stored: it is no plain data, or its size was refused.
          if (flight.awaited) flight.reject(error)
          else reportLoad(error, flight.key, this.#id, this.#settings)
          return
        }
        flight.resolve(value)
      },
      (error: unknown) => {
        endedHere(place)
        const standIn = this.#failed(flight, error, false)
        if (standIn !== undefined || !flight.awaited) reportLoad(error, flight.key, this.#id, this.#settings)
        if (standIn === undefined) flight.reject(error)
        else flight.resolve(standIn.value)
      },
    )
    if (this.#entries.closed) throw new ServerNotRunningError(this.#id, CACHE)
    return PENDING
  }

  /** Stores what was loaded, unless something newer is known. */
  #loaded(flight: SharedFlight, value: unknown): unknown {
    const { key, load, storing } = flight
    this.#land(flight)
    if (this.#entries.closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const ttlMs = isNothing && negativeTtlMs !== undefined ? negativeTtlMs : storing.ttlMs
    try {
      this.#entries.land(key, load, value, { ...storing, ttlMs })
    } catch (error) {
      // Who waits elsewhere makes an attempt of its own.
      if (!this.#entries.closed) this.#entries.fail(key, load)
      throw error
    }
    this.#entries.tell()
    return value
  }

  /** A load failed; a value past its time that stands in, if there is one. */
  #failed(flight: SharedFlight, error: unknown, isThrown: boolean): { value: unknown } | undefined {
    const { key, load, storing } = flight
    this.#land(flight)
    if (this.#entries.closed || !this.#entries.fail(key, load)) return undefined
    const found = this.#entries.find(key)
    if (found !== undefined) return found.past < this.#settings.ifErrorMs ? found : undefined
    const { negativeTtlMs } = this.#settings
    if (negativeTtlMs !== undefined) {
      this.#failures?.put(key, new Failure(error, isThrown), { ttlMs: negativeTtlMs, tags: storing.tags })
    }
    return undefined
  }

  #land(flight: SharedFlight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }
}
