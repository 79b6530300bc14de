/** A cache that threads share, as one thread sees it. The core holds values as text. */
import { ServerNotRunningError } from '../../actor/errors.ts'
import { decode } from '../../atom/shared/replica.ts'
import { BaseClock } from '../../clock/base.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { NativeHandles } from '../../internal/native-handles.ts'
import { integer } from '../../internal/validate.ts'
import { hot, native, scratch } from '../../native.ts'
import { encodePlain } from '../../plain/text.ts'
import { SHARED_FOUND_PAST, SHARED_FOUND_STAMP, UNCOUNTED } from '../../protocol/shared-cache.ts'
import { dumpEntry } from '../dump.ts'
import type { ObservedCache } from '../counts.ts'
import { EvictedEntries } from '../evicted-entries.ts'
import { ExpiryTimer } from '../expiry-timer.ts'
import { CACHE_KIND } from '../negative-entry.ts'
import { assertKey, type CacheSettings, type StoreSettings } from '../options.ts'
import type { CacheDumpEntry, CacheKey, CacheStats, EvictReason } from '../types.ts'
import { Copies } from './copies.ts'

/** A value in its stored form, with its times. */
interface EncodedEntry {
  readonly text: string
  readonly bytes: number
  readonly now: number
  readonly fresh: number
  readonly until: number
  /** The time for which a hit keeps it from then on; 0 if its end is fixed. */
  readonly sliding: number
}

/** A value, and the time since it expired, in ms: negative until then. */
export interface Found {
  readonly value: unknown
  readonly past: number
}

const handles = new NativeHandles((handle) => hot.sharedCacheClose(handle))

const keyOf = (key: string, number: boolean): CacheKey => (number ? Number(key) : key)

/**
 * The entries of a shared cache. A value that this thread has read is decoded once, and the copy is used while its
 * stamp is current.
 */
export class SharedEntries {
  readonly #id: string
  /** Its namespace and name. */
  readonly #name: string
  readonly #settings: CacheSettings
  readonly #handle: number
  readonly #evicted: EvictedEntries
  readonly #copies: Copies = new Copies()
  readonly #staleMs: number
  readonly #time: () => number
  /** Removes entries when they expire, and not only when they are looked up. Only with `onEvict`. */
  readonly #expiry: ExpiryTimer | undefined
  #closed = false

  /** @throws InvalidArgumentError when another thread opened the name with other limits or another policy. */
  constructor(id: string, name: string, settings: CacheSettings) {
    this.#id = id
    this.#settings = settings
    this.#evicted = new EvictedEntries(id, settings)
    this.#staleMs = Math.max(settings.revalidateMs, settings.ifErrorMs)
    const { maxSize, maxBytes, lru, system, namespace } = settings
    const hasListener = this.#evicted.hasListener
    this.#name = `${namespace ?? system.namespace}\0${name}`
    const limits = { entries: maxSize, bytes: maxBytes, lru }
    const request = { namespace: namespace ?? system.namespace, name, ...limits, told: hasListener, seed: system.seed }
    const { handle, differs } = native.sharedCacheOpen(request)
    if (differs !== undefined) {
      const value = settings[differs === 'policy' ? 'lru' : (differs as 'maxSize' | 'maxBytes')]
      throw new InvalidArgumentError(`options.${differs}`, `as another thread gave it for the cache ${name}`, value)
    }
    this.#handle = handle
    handles.own(this, handle)
    const { clock } = system
    // Each thread's monotonic time has its own origin. Wall time aligns them, once.
    const { wallMs, monoMs } = clock.now()
    const origin = wallMs - monoMs
    this.#time = clock instanceof BaseClock ? () => origin + clock.recent().monoMs : () => origin + clock.monoMs()
    if (hasListener) {
      this.#expiry = new ExpiryTimer(clock, `expiry in ${id}`, () => {
        const now = origin + clock.monoMs()
        hot.sharedCacheSweep(this.#handle, now)
        this.notify()
        return { now, next: this.#closed ? Infinity : hot.sharedCacheNearest(this.#handle) }
      })
    }
  }

  /** Returns an identifier of a key of this cache, which is the same in all systems of this thread. */
  globalKey(key: CacheKey): string {
    return `${this.#name}\0${typeof key === 'number' ? 'n' : 's'}${key}`
  }

  /** True once the cache has ended on this thread. */
  get closed(): boolean {
    return this.#closed
  }

  /** Throws ServerNotRunningError if the cache has ended on this thread. */
  assertOpen(): void {
    if (this.#closed) throw new ServerNotRunningError(this.#id, CACHE_KIND)
  }

  /** Refuses a value that is no key, or a key that is not well-formed: in the core it could equal another. */
  check(key: CacheKey): void {
    this.assertOpen()
    assertKey(key)
    if (typeof key === 'string') assertWellFormed('key', key)
  }

  /** Returns a value that this thread has read before and that has not expired. Counts a hit. */
  copy(key: CacheKey): Found | undefined {
    const slot = this.#copies.slotOf(key)
    if (slot === undefined) return undefined
    const { stamp, found } = this.#copies.at(slot)
    return hot.sharedCacheUse(this.#handle, slot, stamp, this.#time()) === 1 ? found : undefined
  }

  /** Looks up a key. A value counts as a hit until `staleMs` after its expiry. */
  find(key: CacheKey, staleMs: number = UNCOUNTED): Found | undefined {
    const number = typeof key === 'number' ? 1 : 0
    const slot = hot.sharedCacheFind(String(key), this.#handle, number, this.#time(), staleMs)
    if (slot < 0) {
      const before = this.#copies.slotOf(key)
      if (before !== undefined) this.#copies.forget(before)
      return undefined
    }
    const stamp = scratch[SHARED_FOUND_STAMP] as number
    const past = scratch[SHARED_FOUND_PAST] as number
    if (this.#copies.has(slot, stamp)) return { value: this.#copies.at(slot).found.value, past }
    const value = decode(native.sharedCacheText(this.#handle))
    this.#copies.keep(slot, stamp, key, { value, past: -1 })
    return { value, past }
  }

  /** Stores a value, and detaches all loads of the key. */
  store(
    key: CacheKey,
    value: unknown,
    storing: StoreSettings,
    encoded: EncodedEntry = this.encode(key, value, storing),
  ): void {
    this.#selectKey(key)
    this.#sendTags(storing.tags)
    const { text, now, bytes, fresh, until, sliding } = encoded
    hot.sharedCacheStore(text, this.#handle, now, bytes, fresh, until, sliding)
    this.#armExpiry(encoded)
  }

  /** Claims the load of a key. Returns the load; or `WAITING`, and the token is posted later; or `OVERTAKEN`. */
  claim(key: CacheKey, tags: readonly string[] | undefined, token: number): number {
    this.#selectKey(key)
    this.#sendTags(tags)
    return hot.sharedCacheClaim(this.#handle, this.#time(), token)
  }

  /** Returns whether a load may still store its value. */
  isLoading(key: CacheKey, load: number): boolean {
    this.#selectKey(key)
    return hot.sharedCacheLoading(this.#handle, load) === 1
  }

  /** Stores the value of a load, unless the load was detached. */
  finish(key: CacheKey, load: number, value: unknown, storing: StoreSettings): void {
    const encoded = this.encode(key, value, storing)
    const { text, now, bytes, fresh, until, sliding } = encoded
    this.#selectKey(key)
    hot.sharedCacheLand(text, this.#handle, load, now, bytes, fresh, until, sliding)
    this.#armExpiry(encoded)
  }

  /** Ends a load without a value. Returns false if the load was detached. */
  fail(key: CacheKey, load: number): boolean {
    this.#selectKey(key)
    return hot.sharedCacheFail(this.#handle, load) === 1
  }

  /** Removes a value. Returns whether there was one that had not expired. */
  delete(key: CacheKey): boolean {
    const number = typeof key === 'number' ? 1 : 0
    return hot.sharedCacheDelete(String(key), this.#handle, number, this.#time()) === 1
  }

  /** Removes all values with a tag. Returns the number of them. */
  invalidate(tag: string): number {
    return hot.sharedCacheInvalidate(tag, this.#handle)
  }

  /** Removes all entries. */
  clear(): void {
    hot.sharedCacheClear(this.#handle)
    this.#copies.clear()
  }

  /** Removes entries that are of no use any more. */
  sweep(): void {
    hot.sharedCacheSweep(this.#handle, this.#time())
  }

  /** Returns keys and values. */
  list(): [CacheKey, unknown][] {
    return native.sharedCacheList(this.#handle).map(({ key, number, text }) => [keyOf(key, number), decode(text)])
  }

  /** Returns the valid entries, with the rest of their times. */
  dump(): CacheDumpEntry<never>[] {
    const all = native.sharedCacheDump(this.#handle, this.#time())
    return all.map(({ key, number, text, left, sliding, tags }) =>
      dumpEntry(keyOf(key, number), decode(text), left, sliding, tags),
    )
  }

  /** Returns the counters of all threads. */
  stats(): Omit<CacheStats, 'hitRate' | 'maxSize' | 'maxBytes'> {
    const { hitsBefore: _hits, missesBefore: _misses, ...stats } = native.sharedCacheStats(this.#handle)
    return stats
  }

  /** Returns what observers see: counters of all threads, which only grow. */
  get observed(): ObservedCache {
    const all = native.sharedCacheStats(this.#handle)
    const { size: entries, evictions, loads } = all
    return { entries, hits: all.hitsBefore + all.hits, misses: all.missesBefore + all.misses, evictions, loads }
  }

  /**
   * Calls `onEvict` for entries that left by calls of this thread. It must come last, because `onEvict` may use the
   * cache.
   */
  notify(): void {
    if (!this.#evicted.hasListener) return
    if (!this.#closed && hot.sharedCacheGone(this.#handle) > 0) {
      for (const { key, number, text, reason } of native.sharedCacheGone(this.#handle)) {
        this.#evicted.add(keyOf(key, number), decode(text), reason as EvictReason)
      }
    }
    this.#evicted.notify()
  }

  /** Ends the cache on this thread. */
  close(): void {
    this.#closed = true
    this.#expiry?.end()
    this.#copies.clear()
    handles.close(this, this.#handle)
  }

  #armExpiry({ until, now }: { readonly until: number; readonly now: number }): void {
    if (until !== Infinity) this.#expiry?.arm(until, now)
  }

  /** Selects the key of the next call. */
  #selectKey(key: CacheKey): void {
    hot.sharedCacheKey(String(key), this.#handle, typeof key === 'number' ? 1 : 0)
  }

  /** Sends the tags of the next store or claim. */
  #sendTags(tags: readonly string[] | undefined): void {
    if (tags !== undefined) native.sharedCacheTags(this.#handle, [...tags])
  }

  /** Returns a value in its stored form. User code (`sizeOf`) runs here, before anything changes. */
  encode(key: CacheKey, value: unknown, { ttlMs, isSliding, dumpedSlidingMs }: StoreSettings): EncodedEntry {
    const { sizeOf, ttlJitter, system } = this.#settings
    const text = encodePlain('value', value)
    const bytes = sizeOf === undefined ? Number.NaN : sizeOf(value, key)
    if (sizeOf !== undefined) integer('sizeOf(value)', 0, Number.MAX_SAFE_INTEGER, bytes)
    this.assertOpen()
    const now = this.#time()
    const isExact = ttlMs === Infinity || ttlJitter === 0 || dumpedSlidingMs !== undefined
    const life = isExact ? ttlMs : ttlMs * (1 - ttlJitter * system.random.next())
    const sliding = dumpedSlidingMs ?? (isSliding && life !== Infinity ? life : 0)
    return { text, bytes, now, fresh: now + life, until: now + life + this.#staleMs, sliding }
  }
}

/** Refuses text that is not well-formed: it would become other text in the core. */
export function assertWellFormed(field: string, text: string): void {
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return
  throw new InvalidArgumentError(field, 'of whole characters, as the cache is shared', text)
}
