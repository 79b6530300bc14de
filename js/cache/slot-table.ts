import { hot, native } from '../native.ts'
import * as protocol from '../protocol/cache.ts'
import { hashOf } from './hash.ts'
import type { CacheKey } from './types.ts'

/** Slots to begin with; then twice as many each time. A multiple of SLOTS_IN_A_CELL, as all counts of slots are. */
const FIRST_SLOTS = 1024

const release = new FinalizationRegistry<number>((handle) => native.cacheClose(handle))

/** Told of what has gone by itself; arguments, because an object a miss is what garbage collection would feel. */
type GoneByItself = (slot: number, key: CacheKey, value: unknown, expired: boolean) => void

/**
 * Keys and values by slot, and the core's index that decides who goes. Looking up and using an entry is no call: the
 * core reads how often, or in which order, slots were used when it next has to decide.
 */
export class Slots {
  readonly map: Map<CacheKey, number> = new Map()
  readonly keys: CacheKey[] = []
  readonly values: unknown[] = []
  /** Until when each is good; the core may keep it longer. */
  readonly fresh: number[] = []
  /** Told of what the core lets go, once it has left. */
  readonly #left: GoneByItself
  readonly #handle: number
  readonly #most: number
  readonly #lru: boolean
  readonly #seed: number
  #room: number
  #call!: Float64Array
  #heat!: Uint8Array
  #log!: Float64Array
  #logged = 0

  constructor(limits: { maxSize: number; maxBytes: number; lru: boolean; seed: number }, left: GoneByItself) {
    const { maxSize, maxBytes, lru, seed } = limits
    this.#left = left
    this.#most = Math.ceil(maxSize / protocol.SLOTS_IN_A_CELL) * protocol.SLOTS_IN_A_CELL
    this.#lru = lru
    this.#seed = seed % 2 ** 32
    this.#room = Math.min(this.#most, FIRST_SLOTS)
    const { handle, memory } = native.cacheOpen(maxSize, maxBytes, lru, this.#room, seed)
    this.#handle = handle
    this.#see(memory)
    release.register(this, handle, this)
  }

  get bytes(): number {
    return hot.cacheBytes(this.#handle)
  }

  /** An entry was used. */
  use(slot: number): void {
    if (this.#lru) {
      this.#log[this.#logged++] = slot
      if (this.#logged === protocol.LOGGED) this.#flush()
      return
    }
    const heat = this.#heat[slot] as number
    if (heat < protocol.HOT) this.#heat[slot] = heat + 1
  }

  /** Stores an entry under a new key; its slot, or -1 if it would not fit alone. */
  insert(key: CacheKey, value: unknown, size: number, fresh: number, until: number, now: number): number {
    if (this.map.size >= this.#room && this.#room < this.#most) this.#grow()
    const call = this.#call
    call[protocol.CACHE_CALL_HASH] = this.#lru ? 0 : hashOf(key, this.#seed)
    this.#put(size, until, now)
    const slot = hot.cacheInsert(this.#handle)
    if (call[protocol.CACHE_CALL_GONE] !== 0) this.#collect()
    if (slot < 0) return slot
    this.map.set(key, slot)
    this.keys[slot] = key
    this.values[slot] = value
    this.fresh[slot] = fresh
    return slot
  }

  /** Gives an entry another value; false, and it is removed, if that would not fit alone. */
  update(slot: number, value: unknown, size: number, fresh: number, until: number, now: number): boolean {
    this.#put(size, until, now)
    const isKept = hot.cacheUpdate(this.#handle, slot) === 1
    if (isKept) {
      this.values[slot] = value
      this.fresh[slot] = fresh
    } else {
      this.#forget(slot)
    }
    if (this.#call[protocol.CACHE_CALL_GONE] !== 0) this.#collect()
    return isKept
  }

  remove(slot: number): void {
    this.#call[protocol.CACHE_CALL_LOGGED] = this.#takeLog()
    hot.cacheRemove(this.#handle, slot)
    this.#forget(slot)
  }

  /** Removes what the core keeps no longer than now. */
  sweep(now: number): void {
    this.#put(0, 0, now)
    hot.cacheSweep(this.#handle)
    if (this.#call[protocol.CACHE_CALL_GONE] !== 0) this.#collect()
  }

  /** When the next entry goes by time, at the earliest. */
  nearest(): number {
    return hot.cacheNearest(this.#handle)
  }

  clear(): void {
    hot.cacheClear(this.#handle)
    this.#logged = 0
    this.map.clear()
    this.keys.length = 0
    this.values.length = 0
    this.fresh.length = 0
  }

  close(): void {
    release.unregister(this)
    this.clear()
    native.cacheClose(this.#handle)
  }

  #forget(slot: number): void {
    this.map.delete(this.keys[slot] as CacheKey)
    this.values[slot] = undefined
    this.keys[slot] = ''
  }

  /** What the last call said has gone. */
  #collect(): void {
    const call = this.#call
    let left = call[protocol.CACHE_CALL_GONE] as number
    while (left > 0) {
      const told = Math.min(left, protocol.MOST_GONE)
      for (let index = 0; index < told; index++) {
        const said = call[protocol.FIRST_GONE + index] as number
        const slot = said < 0 ? -1 - said : said
        const key = this.keys[slot] as CacheKey
        const value = this.values[slot]
        this.#forget(slot)
        this.#left(slot, key, value, said < 0)
      }
      left -= told
      if (left > 0) hot.cacheGone(this.#handle)
    }
  }

  #put(size: number, until: number, now: number): void {
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
    this.#room = Math.min(this.#room * 2, this.#most)
    const memory = native.cacheGrow(this.#handle, this.#room)
    if (memory !== null) this.#see(memory)
  }

  #see(memory: Float64Array): void {
    const heatAt = protocol.HEAT * Float64Array.BYTES_PER_ELEMENT
    this.#call = memory
    this.#heat = new Uint8Array(memory.buffer, heatAt, this.#room)
    this.#log = new Float64Array(memory.buffer, heatAt + this.#room, protocol.LOGGED)
  }
}
