import { ServerNotRunningError } from '../actor/errors.ts'
import { BaseClock } from '../clock/base.ts'
import { integer } from '../internal/validate.ts'
import type { Counts } from './counts.ts'
import { EvictedEntries } from './evicted-entries.ts'
import { ExpiryTimer } from './expiry-timer.ts'
import { CACHE_KIND, NegativeEntry } from './negative-entry.ts'
import type { CacheSettings, StoreSettings } from './options.ts'
import { SlotTable } from './slot-table.ts'
import { Tags } from './tags.ts'
import type { CacheKey, EvictReason } from './types.ts'

/** States of an entry at a time. A stale entry has expired, but may still replace a failed or slow load. */
export const EXPIRED = -1
export const STALE = 0
export const FRESH = 1

/** The entries of a cache: values with their times, tags and sizes, and the notices for entries that leave. */
export class Entries {
  readonly slots: SlotTable
  readonly map: Map<CacheKey, number>
  readonly values: readonly unknown[]
  /** Times at which entries expire, by slot. */
  readonly freshUntil: readonly number[]
  readonly tags: Tags = new Tags()
  /** The number of entries that stand for a failure. */
  failures = 0
  readonly #id: string
  readonly #settings: CacheSettings
  readonly #counts: Counts
  readonly #evicted: EvictedEntries
  /** The time for which an expired entry is kept as stale. */
  readonly #staleMs: number
  readonly #time: () => number
  /** Removes entries when they expire, and not only when they are looked up. Only with `onEvict`. */
  readonly #expiry: ExpiryTimer | undefined
  /** True once an entry with a time to live was stored. */
  #isTimed = false
  /** True once an entry was stored whose uses move its end. */
  #hasSliding = false
  /** The time for which a use keeps an entry from then on, by slot; 0 for an entry whose end is fixed. */
  readonly #slidingMs: number[] = []
  #closed = false

  constructor(id: string, settings: CacheSettings, counts: Counts) {
    this.#id = id
    this.#settings = settings
    this.#counts = counts
    this.#evicted = new EvictedEntries(id, settings)
    const { maxSize, maxBytes, lru, system } = settings
    this.slots = new SlotTable({ maxSize, maxBytes, lru, seed: system.seed }, (slot, key, value, expired) => {
      this.tags.remove(slot)
      if (expired) counts.expirations++
      else counts.evictions++
      this.#left(key, value, expired ? 'expired' : 'evicted')
    })
    this.map = this.slots.map
    this.values = this.slots.values
    this.freshUntil = this.slots.freshUntil
    this.#staleMs = Math.max(settings.revalidateMs, settings.ifErrorMs)
    const { clock } = system
    // A system clock is read once in many lookups of one synchronous run, a controlled clock each time.
    this.#time = clock instanceof BaseClock ? () => clock.recent().monoMs : () => clock.monoMs()
    if (settings.onEvict !== undefined) {
      this.#expiry = new ExpiryTimer(clock, `expiry in ${id}`, () => {
        // The current time and not a remembered one, so that the entry that is due counts as expired.
        const now = clock.monoMs()
        this.slots.sweep(now)
        this.notify()
        return { now, next: this.#closed ? Infinity : this.slots.nearest() }
      })
    }
  }

  /** True once the cache has ended. */
  get closed(): boolean {
    return this.#closed
  }

  /** Throws ServerNotRunningError if the cache has ended. */
  assertOpen(): void {
    if (this.#closed) throw new ServerNotRunningError(this.#id, CACHE_KIND)
  }

  /** Returns the current time; 0 while no entry had a time to live, as then none is needed. */
  now(): number {
    return this.#isTimed ? this.#time() : 0
  }

  /** Returns the time since an entry expired; negative before that. */
  msPastFresh(slot: number): number {
    return this.now() - (this.freshUntil[slot] as number)
  }

  /** Returns whether a slot has a value that has not expired. Removes an entry that is of no use any more. */
  isFresh(slot: number): boolean {
    return this.stateOf(slot, this.now()) === FRESH && !(this.values[slot] instanceof NegativeEntry)
  }

  /** Returns whether a slot has a value that has not expired, and counts a use for its end. See {@link isFresh}. */
  useTimed(slot: number): boolean {
    const now = this.now()
    if (this.stateOf(slot, now) !== FRESH || this.values[slot] instanceof NegativeEntry) return false
    if (this.#hasSliding) this.slide(slot, now)
    return true
  }

  /** Moves the end of an entry that a use keeps. */
  slide(slot: number, now: number): void {
    const slidingMs = this.#slidingMs[slot]
    if (slidingMs === undefined || slidingMs === 0) return
    const fresh = now + slidingMs
    if (fresh > (this.freshUntil[slot] as number)) this.slots.postpone(slot, fresh, fresh + this.#staleMs)
  }

  /** Returns the time that is left for a slot's value; `undefined` if there is none that has not expired. */
  ttl(slot: number): number | undefined {
    if (!this.isFresh(slot)) return undefined
    return (this.freshUntil[slot] as number) - this.now()
  }

  /** Returns the time for which a use keeps a slot's entry from then on; 0 if its end is fixed. */
  slidingMs(slot: number): number {
    return this.#slidingMs[slot] ?? 0
  }

  /** Returns the state of a slot's entry. Removes an entry that is of no use any more. */
  stateOf(slot: number, now: number): typeof FRESH | typeof STALE | typeof EXPIRED {
    const fresh = this.freshUntil[slot] as number
    if (now < fresh) return FRESH
    if (!(this.values[slot] instanceof NegativeEntry) && now < fresh + this.#staleMs) return STALE
    this.#counts.expirations++
    this.remove(slot, 'expired')
    return EXPIRED
  }

  /** Returns the bytes that a value takes. User code (`sizeOf`) runs here, before anything changes. */
  measure(key: CacheKey, value: unknown): number {
    const { sizeOf } = this.#settings
    if (sizeOf === undefined) return 0
    const size = value instanceof NegativeEntry ? 0 : sizeOf(value, key)
    integer('sizeOf(value)', 0, Number.MAX_SAFE_INTEGER, size)
    this.assertOpen()
    return size
  }

  /** Stores an entry. */
  put(key: CacheKey, value: unknown, storing: StoreSettings, size: number = this.measure(key, value)): void {
    const { ttlMs, tags } = storing
    const { ttlJitter, system } = this.#settings
    const isFailure = value instanceof NegativeEntry
    this.assertOpen()
    let fresh = Infinity
    let slidingMs = 0
    if (ttlMs !== Infinity) {
      this.#isTimed = true
      const isExact = ttlJitter === 0 || storing.dumpedSlidingMs !== undefined
      const life = isExact ? ttlMs : ttlMs * (1 - ttlJitter * system.random.next())
      fresh = this.#time() + life
      slidingMs = storing.dumpedSlidingMs ?? (storing.isSliding && !isFailure ? life : 0)
      if (slidingMs > 0) this.#hasSliding = true
    }
    const until = isFailure ? fresh : fresh + this.#staleMs
    const slot = this.map.get(key)
    const stored =
      slot === undefined
        ? this.#insert(key, value, size, fresh, until, tags)
        : this.#replace(slot, key, value, size, fresh, until, tags)
    if (this.#hasSliding && stored >= 0) this.#slidingMs[stored] = slidingMs
    if (until !== Infinity) this.#expiry?.arm(until, this.now())
  }

  /** Removes the entry of a slot. */
  remove(slot: number, reason: EvictReason): void {
    const key = this.slots.keys[slot] as CacheKey
    const value = this.values[slot]
    this.tags.remove(slot)
    this.slots.remove(slot)
    this.#left(key, value, reason)
  }

  /** Removes all entries. */
  removeAll(reason: EvictReason): void {
    for (const [key, slot] of this.map) this.#left(key, this.values[slot], reason)
    this.tags.clear()
    this.slots.clear()
    this.#slidingMs.length = 0
  }

  /** Removes entries that are of no use any more. */
  sweep(): void {
    if (this.#isTimed) this.slots.sweep(this.now())
  }

  /** Calls `onEvict` for entries that left. It must come last in an operation, because `onEvict` may use the cache. */
  notify(): void {
    this.#evicted.notify()
  }

  /** Ends the cache. */
  close(): void {
    this.removeAll('stopped')
    this.#closed = true
    this.#expiry?.end()
    this.slots.close()
  }

  #insert(
    key: CacheKey,
    value: unknown,
    size: number,
    fresh: number,
    until: number,
    tags: readonly string[] | undefined,
  ): number {
    const slot = this.slots.insert(key, value, size, fresh, until, this.now())
    if (value instanceof NegativeEntry && slot >= 0) this.failures++
    if (slot < 0) this.#left(key, value, 'evicted')
    else if (tags !== undefined) this.tags.add(slot, tags)
    return slot
  }

  #replace(
    slot: number,
    key: CacheKey,
    value: unknown,
    size: number,
    fresh: number,
    until: number,
    tags: readonly string[] | undefined,
  ): number {
    const before = this.values[slot]
    const now = this.now()
    const hadExpired = now >= (this.freshUntil[slot] as number) + this.#staleMs
    this.tags.remove(slot)
    if (hadExpired) this.#counts.expirations++
    if (!Object.is(before, value)) this.#left(key, before, hadExpired ? 'expired' : 'replaced')
    if (this.slots.update(slot, value, size, fresh, until, now)) {
      if (value instanceof NegativeEntry) this.failures++
      if (tags !== undefined) this.tags.add(slot, tags)
      return slot
    }
    this.#left(key, value, 'evicted')
    return -1
  }

  #left(key: CacheKey, value: unknown, reason: EvictReason): void {
    if (value instanceof NegativeEntry) this.failures--
    else this.#evicted.add(key, value, reason)
  }
}
