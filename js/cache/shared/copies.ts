import type { CacheKey } from '../types.ts'

/** A value that was read, kept as it was found. */
export interface Copy {
  readonly stamp: number
  readonly key: CacheKey
  readonly found: { readonly value: unknown; readonly past: number }
}

/** What this thread has read of a shared cache, by slot: at most one value a slot, so no more than the cache keeps. */
export class Copies {
  readonly #slots: Map<CacheKey, number> = new Map()
  readonly #copies: (Copy | undefined)[] = []

  slotOf(key: CacheKey): number | undefined {
    return this.#slots.get(key)
  }

  /** What was read in a slot that has something. */
  at(slot: number): Copy {
    return this.#copies[slot] as Copy
  }

  /** Whether just this value was read. */
  has(slot: number, stamp: number): boolean {
    return this.#copies[slot]?.stamp === stamp
  }

  keep(slot: number, stamp: number, key: CacheKey, found: Copy['found']): void {
    this.forget(slot)
    // The key may have moved here from another slot.
    const before = this.#slots.get(key)
    if (before !== undefined) this.forget(before)
    this.#copies[slot] = { stamp, key, found }
    this.#slots.set(key, slot)
  }

  forget(slot: number): void {
    const copy = this.#copies[slot]
    if (copy === undefined) return
    this.#slots.delete(copy.key)
    this.#copies[slot] = undefined
  }

  clear(): void {
    this.#slots.clear()
    this.#copies.length = 0
  }
}
