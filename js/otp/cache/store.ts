import { BaseClock } from '../../clock/base.ts'
import { abortSignal, callable, integer } from '../../arguments.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { tellOwner } from '../../owner.ts'
import { isThenable } from '../../thenable.ts'
import { CallCycleError, ServerNotRunningError } from '../errors.ts'
import { Flight } from './flight.ts'
import { type CacheSettings, checkKey, checkStoring, type Storing } from './options.ts'
import { Slots } from './slots.ts'
import { Tags } from './tags.ts'
import type { CacheHandle, CacheKey, CacheLoadOptions, CacheSetOptions, CacheStats, EvictReason } from './types.ts'

type Loader = (key: CacheKey) => unknown

/** That loading failed, remembered in the place of a value. */
class Failure {
  readonly error: unknown
  /** Whether the loader threw it, instead of a promise that rejected. */
  readonly isThrown: boolean
  constructor(error: unknown, isThrown: boolean) {
    this.error = error
    this.isThrown = isThrown
  }

  /** Fails again, in the way of the first time. */
  again(): Promise<never> {
    if (this.isThrown) throw this.error
    return Promise.reject(this.error)
  }
}

/** A value that was found past its time. */
interface Stale {
  readonly slot: number
  readonly value: unknown
}

interface Left {
  readonly key: CacheKey
  readonly value: unknown
  readonly reason: EvictReason
}

const EXPIRED = -1
const STALE = 0
const GOOD = 1

/** What a cache process holds: the cache itself. */
export class CacheStore implements CacheHandle {
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #slots: Slots
  readonly #map: Map<CacheKey, number>
  readonly #values: readonly unknown[]
  readonly #fresh: readonly number[]
  readonly #tags: Tags = new Tags()
  readonly #flights: Map<CacheKey, Flight> = new Map()
  /** Loads whose loader is on the stack. */
  readonly #calling: Flight[] = []
  /** Not told yet. */
  #left: Left[] = []
  readonly #plain: Storing
  /** How long an entry is kept past its time. */
  readonly #keptMs: number
  readonly #time: () => number
  #closed = false
  /** Whether anything stored ever had a time. */
  #isTimed = false
  #failures = 0
  #hits = 0
  #staleHits = 0
  #misses = 0
  #loads = 0
  #loadFailures = 0
  #evictions = 0
  #expirations = 0

  constructor(id: string, settings: CacheSettings) {
    this.#id = id
    this.#settings = settings
    const { maxSize, maxBytes, lru, system } = settings
    this.#slots = new Slots({ maxSize, maxBytes, lru, seed: system.seed }, (slot, { key, value, expired }) => {
      this.#tags.remove(slot)
      if (expired) this.#expirations++
      else this.#evictions++
      this.#leave(key, value, expired ? 'expired' : 'evicted')
    })
    this.#map = this.#slots.map
    this.#values = this.#slots.values
    this.#fresh = this.#slots.fresh
    this.#plain = { ttlMs: settings.ttlMs, tags: undefined }
    this.#keptMs = Math.max(settings.revalidateMs, settings.ifErrorMs)
    const { clock } = system
    // Read at most once in many lookups of one uninterrupted run, as for commits of atoms; a clock under control always.
    this.#time = clock instanceof BaseClock ? () => clock.recent().monoMs : () => clock.monoMs()
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#closed
  }

  get size(): number {
    this.#open()
    this.#sweep()
    const { size } = this.#map
    this.#tell()
    return size - this.#failures
  }

  get(key: CacheKey): unknown {
    const slot = this.#map.get(key)
    if (slot !== undefined && (this.#fresh[slot] === Infinity || this.#isGood(slot))) {
      this.#hits++
      this.#slots.use(slot)
      return this.#values[slot]
    }
    this.#missed(key)
    if (slot !== undefined) this.#tell()
    return undefined
  }

  peek(key: CacheKey): unknown {
    const slot = this.#map.get(key)
    if (slot === undefined) this.#check(key)
    else if (this.#fresh[slot] === Infinity || this.#isGood(slot)) return this.#values[slot]
    else this.#tell()
    return undefined
  }

  has(key: CacheKey): boolean {
    const slot = this.#map.get(key)
    if (slot === undefined) this.#check(key)
    else if (this.#fresh[slot] === Infinity || this.#isGood(slot)) return true
    else this.#tell()
    return false
  }

  set(key: CacheKey, value: unknown, options?: CacheSetOptions): void {
    this.#check(key)
    const storing = options === undefined ? this.#plain : checkStoring(options, this.#settings.ttlMs, false)
    this.#put(key, value, storing)
    this.#supersede(key)
    this.#tell()
  }

  getOrSet(key: CacheKey, loader: Loader, options?: CacheLoadOptions): never {
    const slot = this.#map.get(key)
    if (slot !== undefined && this.#fresh[slot] === Infinity) {
      this.#hits++
      this.#slots.use(slot)
      return this.#values[slot] as never
    }
    return this.#getOrSet(key, loader, options, slot) as never
  }

  delete(key: CacheKey): boolean {
    this.#check(key)
    this.#supersede(key)
    const slot = this.#map.get(key)
    if (slot === undefined) return false
    const isGood = this.#isGood(slot)
    // Unless it was over, and has gone by being looked at.
    if (this.#map.get(key) === slot) this.#take(slot, 'deleted')
    this.#tell()
    return isGood
  }

  invalidateTag(tag: string): number {
    if (typeof tag !== 'string') throw new InvalidArgumentError('tag', 'a string', tag)
    this.#open()
    for (const flight of [...this.#calling, ...this.#flights.values()]) {
      if (flight.storing.tags?.includes(tag) === true) this.#supersede(flight.key)
    }
    const slots = this.#tags.slotsOf(tag)
    for (const slot of slots) {
      this.#supersede(this.#slots.keys[slot] as CacheKey)
      this.#take(slot, 'invalidated')
    }
    this.#tell()
    return slots.length
  }

  clear(): void {
    this.#open()
    this.#empty('cleared')
    for (const flight of [...this.#calling, ...this.#flights.values()]) flight.superseded = true
    this.#flights.clear()
    this.#hits = 0
    this.#staleHits = 0
    this.#misses = 0
    this.#tell()
  }

  prune(): void {
    this.#open()
    this.#sweep()
    this.#tell()
  }

  keys(): CacheKey[] {
    return this.entries().map(([key]) => key)
  }

  entries(): [CacheKey, unknown][] {
    this.#open()
    this.#sweep()
    const all: [CacheKey, unknown][] = []
    for (const [key, slot] of this.#map) {
      if (!(this.#values[slot] instanceof Failure)) all.push([key, this.#values[slot]])
    }
    this.#tell()
    return all
  }

  stats(): CacheStats {
    this.#open()
    const { size } = this
    const { maxSize, maxBytes } = this.#settings
    const asked = this.#hits + this.#misses
    return {
      size,
      maxSize,
      hits: this.#hits,
      misses: this.#misses,
      hitRate: asked === 0 ? 0 : this.#hits / asked,
      staleHits: this.#staleHits,
      bytes: this.#slots.bytes,
      maxBytes,
      loads: this.#loads,
      loadFailures: this.#loadFailures,
      loading: this.#flights.size,
      evictions: this.#evictions,
      expirations: this.#expirations,
    }
  }

  /** The cache has ended: everything goes, and who waits for a load is told. */
  close(): void {
    if (this.#closed) return
    this.#empty('stopped')
    this.#closed = true
    this.#slots.close()
    const flights = [...this.#flights.values()]
    for (const flight of [...this.#calling, ...flights]) flight.superseded = true
    this.#flights.clear()
    for (const flight of flights) flight.reject(new ServerNotRunningError(this.#id))
    this.#tell()
  }

  #open(): void {
    if (this.#closed) throw new ServerNotRunningError(this.#id)
  }

  /** What is a key is found out where nothing is found under it. */
  #check(key: CacheKey): void {
    this.#open()
    checkKey(key)
  }

  #missed(key: CacheKey): void {
    this.#check(key)
    this.#misses++
  }

  #now(): number {
    return this.#isTimed ? this.#time() : 0
  }

  /** Whether the entry of a slot may be given; one that is of no use any more is removed. */
  #isGood(slot: number): boolean {
    return this.#look(slot, this.#now()) === GOOD && !(this.#values[slot] instanceof Failure)
  }

  #look(slot: number, now: number): typeof GOOD | typeof STALE | typeof EXPIRED {
    const fresh = this.#fresh[slot] as number
    if (now < fresh) return GOOD
    if (!(this.#values[slot] instanceof Failure) && now < fresh + this.#keptMs) return STALE
    this.#expirations++
    this.#take(slot, 'expired')
    return EXPIRED
  }

  #getOrSet(key: CacheKey, loader: Loader, options: CacheLoadOptions | undefined, slot: number | undefined): unknown {
    if (slot === undefined) this.#check(key)
    if (typeof loader !== 'function') callable('loader', loader)
    const storing = options === undefined ? this.#plain : checkStoring(options, this.#settings.ttlMs, true)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    let stale: Stale | undefined
    if (slot !== undefined) {
      const now = this.#now()
      const state = this.#look(slot, now)
      const value = this.#values[slot]
      if (state === GOOD) {
        this.#hits++
        this.#slots.use(slot)
        if (value instanceof Failure) return value.again()
        return value
      }
      if (state === STALE) {
        if (now < (this.#fresh[slot] as number) + this.#settings.revalidateMs) {
          return this.#revalidate(key, loader, storing, { slot, value })
        }
        stale = { slot, value }
      }
    }
    this.#misses++
    const flight = this.#flights.get(key)
    if (flight !== undefined) {
      this.#tell()
      return flight.wait(signal)
    }
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return this.#load(new Flight(key, storing), loader, signal, stale)
  }

  /** Gives what is past its time, and loads a new value unless that is under way. */
  #revalidate(key: CacheKey, loader: Loader, storing: Storing, stale: Stale): unknown {
    this.#hits++
    this.#staleHits++
    this.#slots.use(stale.slot)
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
    if (isThenable(made)) {
      this.#follow(flight, made, stale)
      return stale.value
    }
    return this.#loaded(flight, made)
  }

  #load(flight: Flight, loader: Loader, signal: AbortSignal | undefined, stale: Stale | undefined): unknown {
    if (this.#calling.length > 0 && this.#calling.some(({ key }) => key === flight.key)) {
      throw new CallCycleError(this.#id, this.#id)
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
    if (!isThenable(made)) return this.#loaded(flight, made)
    const outcome = flight.wait(signal)
    this.#follow(flight, made, stale)
    return outcome
  }

  #call(flight: Flight, loader: Loader): unknown {
    this.#loads++
    this.#calling.push(flight)
    try {
      return loader(flight.key)
    } finally {
      this.#calling.pop()
    }
  }

  /** A load that is under way. */
  #follow(flight: Flight, made: PromiseLike<unknown>, stale: Stale | undefined): void {
    // What the loader itself has stored, deleted or stopped has the say.
    if (this.#closed) flight.reject(new ServerNotRunningError(this.#id))
    else if (!flight.superseded) this.#flights.set(flight.key, flight)
    Promise.resolve(made).then(
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
    if (flight.superseded || this.#closed) return value
    const { negativeTtlMs } = this.#settings
    const isNothing = value === undefined || value === null
    const storing =
      isNothing && negativeTtlMs !== undefined ? { ...flight.storing, ttlMs: negativeTtlMs } : flight.storing
    this.#put(flight.key, value, storing)
    this.#tell()
    return value
  }

  /** A load failed; whether a value that is past its time stands in. */
  #failed(flight: Flight, error: unknown, stale: Stale | undefined, isThrown: boolean): boolean {
    this.#loadFailures++
    this.#land(flight)
    if (flight.superseded || this.#closed) return false
    const { negativeTtlMs, ifErrorMs } = this.#settings
    const slot = stale === undefined ? undefined : this.#map.get(flight.key)
    if (slot !== undefined && slot === stale?.slot) {
      const past = this.#now() - (this.#fresh[slot] as number)
      if (past < Math.max(ifErrorMs, this.#settings.revalidateMs)) return past < ifErrorMs
    }
    if (negativeTtlMs !== undefined) {
      this.#put(flight.key, new Failure(error, isThrown), { ttlMs: negativeTtlMs, tags: flight.storing.tags })
      this.#tell()
    }
    return false
  }

  #land(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  /** Loads of a key that are under way have nothing to store any more, and nobody joins them. */
  #supersede(key: CacheKey): void {
    if (this.#calling.length > 0) {
      for (const flight of this.#calling) if (flight.key === key) flight.superseded = true
    }
    if (this.#flights.size === 0) return
    const flight = this.#flights.get(key)
    if (flight === undefined) return
    flight.superseded = true
    this.#flights.delete(key)
  }

  /** Everything that is not ours runs before anything is changed. */
  #put(key: CacheKey, value: unknown, { ttlMs, tags }: Storing): void {
    const { sizeOf, ttlJitter, system } = this.#settings
    const isFailure = value instanceof Failure
    const size = sizeOf === undefined || isFailure ? 0 : sizeOf(value, key)
    if (sizeOf !== undefined) integer('sizeOf(value)', 0, Number.MAX_SAFE_INTEGER, size)
    this.#open()
    let fresh = Infinity
    if (ttlMs !== Infinity) {
      this.#isTimed = true
      fresh = this.#time() + (ttlJitter === 0 ? ttlMs : ttlMs * (1 - ttlJitter * system.random.next()))
    }
    const until = isFailure ? fresh : fresh + this.#keptMs
    const slot = this.#map.get(key)
    if (slot === undefined) this.#insert(key, value, size, fresh, until, tags)
    else this.#replace(slot, key, value, size, fresh, until, tags)
  }

  #insert(
    key: CacheKey,
    value: unknown,
    size: number,
    fresh: number,
    until: number,
    tags: readonly string[] | undefined,
  ): void {
    const slot = this.#slots.insert(key, value, size, fresh, until, this.#now())
    if (value instanceof Failure && slot >= 0) this.#failures++
    if (slot < 0) this.#leave(key, value, 'evicted')
    else if (tags !== undefined) this.#tags.add(slot, tags)
  }

  #replace(
    slot: number,
    key: CacheKey,
    value: unknown,
    size: number,
    fresh: number,
    until: number,
    tags: readonly string[] | undefined,
  ): void {
    const before = this.#values[slot]
    const now = this.#now()
    const wasOver = now >= (this.#fresh[slot] as number) + this.#keptMs
    this.#tags.remove(slot)
    if (wasOver) this.#expirations++
    if (!Object.is(before, value)) this.#leave(key, before, wasOver ? 'expired' : 'replaced')
    if (this.#slots.update(slot, value, size, fresh, until, now)) {
      if (value instanceof Failure) this.#failures++
      if (tags !== undefined) this.#tags.add(slot, tags)
    } else {
      this.#leave(key, value, 'evicted')
    }
  }

  #take(slot: number, reason: EvictReason): void {
    const key = this.#slots.keys[slot] as CacheKey
    const value = this.#values[slot]
    this.#tags.remove(slot)
    this.#slots.remove(slot)
    this.#leave(key, value, reason)
  }

  #empty(reason: EvictReason): void {
    for (const [key, slot] of this.#map) this.#leave(key, this.#values[slot], reason)
    this.#tags.clear()
    this.#slots.clear()
  }

  #sweep(): void {
    if (this.#isTimed) this.#slots.sweep(this.#now())
  }

  #leave(key: CacheKey, value: unknown, reason: EvictReason): void {
    if (value instanceof Failure) this.#failures--
    else if (this.#settings.onEvict !== undefined) this.#left.push({ key, value, reason })
  }

  /** Tells of what has left: last, so that whoever is told may use the cache. */
  #tell(): void {
    const { onEvict, system } = this.#settings
    if (this.#left.length === 0 || onEvict === undefined) return
    const left = this.#left
    this.#left = []
    const owned = (error: unknown): void => system.report(error, `onEvict of ${this.#id}`)
    for (const { key, value, reason } of left) {
      try {
        const result = onEvict(key, value, reason)
        if (isThenable(result)) Promise.resolve(result).catch(owned)
      } catch (error) {
        owned(error)
      }
    }
  }

  #loadError(error: unknown, key: CacheKey): void {
    const { onLoadError, system } = this.#settings
    const owner = (failed: unknown): void => system.report(failed, `a load of ${this.#id}`)
    if (onLoadError === undefined) owner(error)
    else tellOwner((failed) => void onLoadError(failed, key), error, `a load of ${this.#id}`)
  }
}
