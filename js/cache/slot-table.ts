/** The JavaScript half of a cache's index: keys and values by slot. The core's half decides evictions. */
import { NativeHandles } from '../internal/native-handles.ts'
import { hot, native } from '../native.ts'
import * as protocol from '../protocol/cache.ts'
import { hashOf } from './hash.ts'
import type { CacheKey } from './types.ts'

/** The first capacity, which doubles each time. A multiple of SLOTS_IN_A_CELL, as all capacities are. */
const FIRST_SLOTS = 1024

const handles = new NativeHandles((handle) => native.cacheClose(handle))

/**
 * Receives an entry that the core removed. Takes arguments, because an object for each miss would cost garbage
 * collection.
 */
type OnRemoved = (slot: number, key: CacheKey, value: unknown, expired: boolean) => void

/**
 * Keys and values by slot, over the core's index. A lookup calls nothing: the core reads how often (S3-FIFO), or in
 * which order (LRU), slots were used when it must evict next.
 */
export class SlotTable {
  readonly map: Map<CacheKey, number> = new Map()
  readonly keys: CacheKey[] = []
  readonly values: unknown[] = []
  /** Times at which entries expire. The core may keep stale entries longer. */
  readonly freshUntil: number[] = []
  /** Receives each entry that the core removed, after its removal. */
  readonly #onRemoved: OnRemoved
  readonly #handle: number
  readonly #maxSlots: number
  readonly #lru: boolean
  readonly #seed: number
  #capacity: number
  #call!: Float64Array
  #heat!: Uint8Array
  #log!: Float64Array
  #logged = 0

  constructor(limits: { maxSize: number; maxBytes: number; lru: boolean; seed: number }, onRemoved: OnRemoved) {
    const { maxSize, maxBytes, lru, seed } = limits
    this.#onRemoved = onRemoved
    this.#maxSlots = Math.ceil(maxSize / protocol.SLOTS_IN_A_CELL) * protocol.SLOTS_IN_A_CELL
    this.#lru = lru
    this.#seed = seed % 2 ** 32
    this.#capacity = Math.min(this.#maxSlots, FIRST_SLOTS)
    const { handle, memory } = native.cacheOpen(maxSize, maxBytes, lru, this.#capacity, seed)
    this.#handle = handle
    this.#mapMemory(memory)
    handles.own(this, handle)
  }

  /** The bytes that the entries take. */
  get bytes(): number {
    return hot.cacheBytes(this.#handle)
  }

  /** Counts a use of an entry. */
  use(slot: number): void {
    if (this.#lru) {
      this.#log[this.#logged++] = slot
      if (this.#logged === protocol.LOGGED) this.#flush()
      return
    }
    const heat = this.#heat[slot] as number
    if (heat < protocol.HOT) this.#heat[slot] = heat + 1
  }

  /** Moves the end of an entry. The core learns of it before it next looks at ends. */
  postpone(slot: number, fresh: number, until: number): void {
    this.freshUntil[slot] = fresh
    if (this.#logged > protocol.LOGGED - 2) this.#flush()
    this.#log[this.#logged++] = -1 - slot
    this.#log[this.#logged++] = until
    if (this.#logged === protocol.LOGGED) this.#flush()
  }

  /** Stores an entry under a new key. Returns its slot, or -1 if it is larger than the cache. */
  insert(key: CacheKey, value: unknown, size: number, fresh: number, until: number, now: number): number {
    if (this.map.size >= this.#capacity && this.#capacity < this.#maxSlots) this.#grow()
    const call = this.#call
    call[protocol.CACHE_CALL_HASH] = this.#lru ? 0 : hashOf(key, this.#seed)
    this.#writeCall(size, until, now)
    const slot = hot.cacheInsert(this.#handle)
    if (call[protocol.CACHE_CALL_GONE] !== 0) this.#removeEvicted()
    if (slot < 0) return slot
    this.map.set(key, slot)
    this.keys[slot] = key
    this.values[slot] = value
    this.freshUntil[slot] = fresh
    return slot
  }

  /** Replaces the value of an entry. Removes the entry and returns false if the value is larger than the cache. */
  update(slot: number, value: unknown, size: number, fresh: number, until: number, now: number): boolean {
    this.#writeCall(size, until, now)
    const fits = hot.cacheUpdate(this.#handle, slot) === 1
    if (fits) {
      this.values[slot] = value
      this.freshUntil[slot] = fresh
    } else {
      this.#forget(slot)
    }
    if (this.#call[protocol.CACHE_CALL_GONE] !== 0) this.#removeEvicted()
    return fits
  }

  /** Removes an entry. */
  remove(slot: number): void {
    this.#call[protocol.CACHE_CALL_LOGGED] = this.#takeLog()
    hot.cacheRemove(this.#handle, slot)
    this.#forget(slot)
  }

  /** Removes the entries that the core keeps no longer than `now`. */
  sweep(now: number): void {
    this.#writeCall(0, 0, now)
    hot.cacheSweep(this.#handle)
    if (this.#call[protocol.CACHE_CALL_GONE] !== 0) this.#removeEvicted()
  }

  /** Returns the earliest time at which an entry's time is over; `Infinity` if there is none. */
  nearest(): number {
    if (this.#logged > 0) this.#flush()
    return hot.cacheNearest(this.#handle)
  }

  /** Removes all entries. */
  clear(): void {
    hot.cacheClear(this.#handle)
    this.#logged = 0
    this.map.clear()
    this.keys.length = 0
    this.values.length = 0
    this.freshUntil.length = 0
  }

  /** Frees the core's index. */
  close(): void {
    this.clear()
    handles.close(this, this.#handle)
  }

  #forget(slot: number): void {
    this.map.delete(this.keys[slot] as CacheKey)
    this.values[slot] = undefined
    this.keys[slot] = ''
  }

  /** Removes the entries that the last call evicted. */
  #removeEvicted(): void {
    const call = this.#call
    let left = call[protocol.CACHE_CALL_GONE] as number
    while (left > 0) {
      const listed = Math.min(left, protocol.MOST_GONE)
      for (let index = 0; index < listed; index++) {
        const entry = call[protocol.FIRST_GONE + index] as number
        const slot = entry < 0 ? -1 - entry : entry
        const key = this.keys[slot] as CacheKey
        const value = this.values[slot]
        this.#forget(slot)
        this.#onRemoved(slot, key, value, entry < 0)
      }
      left -= listed
      if (left > 0) hot.cacheGone(this.#handle)
    }
  }

  #writeCall(size: number, until: number, now: number): void {
    const call = this.#call
    call[protocol.CACHE_CALL_BYTES] = size
    call[protocol.CACHE_CALL_UNTIL] = until
    call[protocol.CACHE_CALL_NOW] = now
    call[protocol.CACHE_CALL_LOGGED] = this.#takeLog()
  }

  #flush(): void {
    this.#call[protocol.CACHE_CALL_LOGGED] = this.#takeLog()
    hot.cacheUses(this.#handle)
  }

  #takeLog(): number {
    const logged = this.#logged
    this.#logged = 0
    return logged
  }

  #grow(): void {
    this.#flush()
    this.#capacity = Math.min(this.#capacity * 2, this.#maxSlots)
    const memory = native.cacheGrow(this.#handle, this.#capacity)
    if (memory !== null) this.#mapMemory(memory)
  }

  #mapMemory(memory: Float64Array): void {
    const heatAt = protocol.HEAT * Float64Array.BYTES_PER_ELEMENT
    this.#call = memory
    this.#heat = new Uint8Array(memory.buffer, heatAt, this.#capacity)
    this.#log = new Float64Array(memory.buffer, heatAt + this.#capacity, protocol.LOGGED)
  }
}
