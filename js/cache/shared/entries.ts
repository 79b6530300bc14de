import { CACHE } from '../negative-entry.ts'
import { integer } from '../../internal/validate.ts'
import { decode } from '../../atom/shared/replica.ts'
import { BaseClock } from '../../clock/base.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { hot, native, scratch } from '../../native.ts'
import { encodePlain } from '../../plain/encode.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { Leaving } from '../evictions.ts'
import { Deadline } from '../expiry-timer.ts'
import { SHARED_FOUND_PAST, SHARED_FOUND_STAMP, UNCOUNTED } from '../../protocol/shared-cache.ts'
import { type CacheSettings, checkKey, type Storing } from '../options.ts'
import type { CacheKey, CacheStats, EvictReason } from '../types.ts'
import { Copies } from './copies.ts'

/** A value, and how many ms it is past its time: less than 0 while it is good. */
export interface Found {
  readonly value: unknown
  readonly past: number
}

const dropped = new FinalizationRegistry<number>((handle) => hot.sharedCacheClose(handle))

const keyOf = (key: string, number: boolean): CacheKey => (number ? Number(key) : key)

/** What a shared cache keeps, as this thread sees it: values lie in the core as text, and here once they were read. */
export class SharedEntries {
  readonly #id: string
  /** Its namespace and name. */
  readonly #name: string
  readonly #settings: CacheSettings
  readonly #handle: number
  readonly #leaving: Leaving
  readonly #copies: Copies = new Copies()
  readonly #keptMs: number
  readonly #time: () => number
  /** Where somebody is told of what goes, it goes when it expires, and not only when it is met. */
  readonly #expiry: Deadline | undefined
  #closed = false

  /** @throws InvalidArgumentError when the name stands for a cache with other limits or another policy. */
  constructor(id: string, name: string, settings: CacheSettings) {
    this.#id = id
    this.#settings = settings
    this.#leaving = new Leaving(id, settings)
    this.#keptMs = Math.max(settings.revalidateMs, settings.ifErrorMs)
    const { maxSize, maxBytes, lru, system, namespace } = settings
    const told = this.#leaving.isTold
    this.#name = `${namespace ?? system.namespace}\0${name}`
    const limits = { entries: maxSize, bytes: maxBytes, lru }
    const request = { namespace: namespace ?? system.namespace, name, ...limits, told, seed: system.seed }
    const { handle, differs } = native.sharedCacheOpen(request)
    if (differs !== undefined) {
      const given = settings[differs === 'policy' ? 'lru' : (differs as 'maxSize' | 'maxBytes')]
      throw new InvalidArgumentError(`options.${differs}`, `as another thread gave it for the cache ${name}`, given)
    }
    this.#handle = handle
    dropped.register(this, handle, this)
    const { clock } = system
    // Monotonic times of threads have origins of their own: they are brought together by wall time, once.
    const { wallMs, monoMs } = clock.now()
    const origin = wallMs - monoMs
    this.#time = clock instanceof BaseClock ? () => origin + clock.recent().monoMs : () => origin + clock.monoMs()
    if (told) {
      this.#expiry = new Deadline(clock, `expiry in ${id}`, () => {
        const now = origin + clock.monoMs()
        hot.sharedCacheSweep(this.#handle, now)
        this.tell()
        return { now, next: this.#closed ? Infinity : hot.sharedCacheNearest(this.#handle) }
      })
    }
  }

  /** Says which key of which shared cache is meant, the same for all systems of this thread. */
  place(key: CacheKey): string {
    return `${this.#name}\0${typeof key === 'number' ? 'n' : 's'}${key}`
  }

  /** Whether the cache has ended on this thread. */
  get closed(): boolean {
    return this.#closed
  }

  /** @throws ServerNotRunningError when the cache has ended on this thread. */
  open(): void {
    if (this.#closed) throw new ServerNotRunningError(this.#id, CACHE)
  }

  /** Refuses what is no key, or cannot be told apart from another on its way. */
  check(key: CacheKey): void {
    this.open()
    checkKey(key)
    if (typeof key === 'string') whole('key', key)
  }

  /** A good value that this thread has read before, counted as a hit. */
  copy(key: CacheKey): Found | undefined {
    const slot = this.#copies.slotOf(key)
    if (slot === undefined) return undefined
    const { stamp, found } = this.#copies.at(slot)
    return hot.sharedCacheUse(this.#handle, slot, stamp, this.#time()) === 1 ? found : undefined
  }

  /** Looks a key up; what is past its time counts as a hit for so long. */
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

  /** Stores; nobody's load of this key stores anything any more. */
  store(key: CacheKey, value: unknown, storing: Storing): void {
    const made = this.#made(key, value, storing)
    this.#about(key)
    this.#tagged(storing.tags)
    hot.sharedCacheStore(made.text, this.#handle, made.now, made.bytes, made.fresh, made.until)
    this.#expires(made)
  }

  /** Claims to load a key: the load, {@link WAITING} until the token is posted, or {@link OVERTAKEN}. */
  claim(key: CacheKey, tags: readonly string[] | undefined, token: number): number {
    this.#about(key)
    this.#tagged(tags)
    return hot.sharedCacheClaim(this.#handle, this.#time(), token)
  }

  /** Whether a load may still store what it makes. */
  isLoading(key: CacheKey, load: number): boolean {
    this.#about(key)
    return hot.sharedCacheLoading(this.#handle, load) === 1
  }

  /** Stores what a load has made, unless something newer is known. */
  land(key: CacheKey, load: number, value: unknown, storing: Storing): void {
    const made = this.#made(key, value, storing)
    this.#about(key)
    hot.sharedCacheLand(made.text, this.#handle, load, made.now, made.bytes, made.fresh, made.until)
    this.#expires(made)
  }

  /** A load has failed; false when something newer is known. */
  fail(key: CacheKey, load: number): boolean {
    this.#about(key)
    return hot.sharedCacheFail(this.#handle, load) === 1
  }

  delete(key: CacheKey): boolean {
    const number = typeof key === 'number' ? 1 : 0
    return hot.sharedCacheDelete(String(key), this.#handle, number, this.#time()) === 1
  }

  invalidate(tag: string): number {
    return hot.sharedCacheInvalidate(tag, this.#handle)
  }

  clear(): void {
    hot.sharedCacheClear(this.#handle)
    this.#copies.clear()
  }

  /** Removes what is of no use any more. */
  sweep(): void {
    hot.sharedCacheSweep(this.#handle, this.#time())
  }

  list(): [CacheKey, unknown][] {
    return native.sharedCacheList(this.#handle).map(({ key, number, text }) => [keyOf(key, number), decode(text)])
  }

  stats(): Omit<CacheStats, 'hitRate' | 'maxSize' | 'maxBytes'> {
    return native.sharedCacheStats(this.#handle)
  }

  /** Tells of what has left by calls of this thread: last, so that whoever is told may use the cache. */
  tell(): void {
    if (!this.#leaving.isTold) return
    if (!this.#closed && hot.sharedCacheGone(this.#handle) > 0) {
      for (const { key, number, text, reason } of native.sharedCacheGone(this.#handle)) {
        this.#leaving.add(keyOf(key, number), decode(text), reason as EvictReason)
      }
    }
    this.#leaving.tell()
  }

  close(): void {
    this.#closed = true
    this.#expiry?.end()
    dropped.unregister(this)
    this.#copies.clear()
    hot.sharedCacheClose(this.#handle)
  }

  #expires({ until, now }: { readonly until: number; readonly now: number }): void {
    if (until !== Infinity) this.#expiry?.by(until, now)
  }

  #about(key: CacheKey): void {
    hot.sharedCacheKey(String(key), this.#handle, typeof key === 'number' ? 1 : 0)
  }

  /** The tags of the store or claim that is next. */
  #tagged(tags: readonly string[] | undefined): void {
    if (tags !== undefined) native.sharedCacheTags(this.#handle, [...tags])
  }

  /** A value as it is stored. Everything that is not ours runs here, before anything is changed. */
  #made(key: CacheKey, value: unknown, { ttlMs }: Storing) {
    const { sizeOf, ttlJitter, system } = this.#settings
    const text = encodePlain('value', value)
    const bytes = sizeOf === undefined ? Number.NaN : sizeOf(value, key)
    if (sizeOf !== undefined) integer('sizeOf(value)', 0, Number.MAX_SAFE_INTEGER, bytes)
    this.open()
    const now = this.#time()
    const life = ttlMs === Infinity || ttlJitter === 0 ? ttlMs : ttlMs * (1 - ttlJitter * system.random.next())
    return { text, bytes, now, fresh: now + life, until: now + life + this.#keptMs }
  }
}

/** Refuses text that would become other text in the core. */
export function whole(field: string, text: string): void {
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return
  throw new InvalidArgumentError(field, 'of whole characters, as the cache is shared', text)
}
