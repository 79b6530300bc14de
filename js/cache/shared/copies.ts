import type { CacheKey } from '../types.ts'

/** A value that this thread has read and decoded. */
export interface Copy {
  /** The version of the value in the core. */
  readonly stamp: number
  readonly key: CacheKey
  readonly found: { readonly value: unknown; readonly past: number }
}

/**
 * The values of a shared cache that this thread has read: at most one for each slot, so no more than the cache has
 * entries.
 */
export class Copies {
  readonly #slots: Map<CacheKey, number> = new Map()
  readonly #copies: (Copy | undefined)[] = []

  /** Returns the slot in which a key was last read. */
  slotOf(key: CacheKey): number | undefined {
    return this.#slots.get(key)
  }

  /** Returns the copy of a slot that {@link slotOf} returned. */
  at(slot: number): Copy {
    return this.#copies[slot] as Copy
  }

  /** Returns whether a slot's copy has this stamp. */
  has(slot: number, stamp: number): boolean {
    return this.#copies[slot]?.stamp === stamp
  }

  /** Sets the copy of a slot. */
  keep(slot: number, stamp: number, key: CacheKey, found: Copy['found']): void {
    this.forget(slot)
    // The key may have been in another slot before.
    const before = this.#slots.get(key)
    if (before !== undefined) this.forget(before)
    this.#copies[slot] = { stamp, key, found }
    this.#slots.set(key, slot)
  }

  /** Drops the copy of a slot. */
  forget(slot: number): void {
    const copy = this.#copies[slot]
    if (copy === undefined) return
    this.#slots.delete(copy.key)
    this.#copies[slot] = undefined
  }

  /** Drops all copies. */
  clear(): void {
    this.#slots.clear()
    this.#copies.length = 0
  }
}
