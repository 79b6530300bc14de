/** The JavaScript half of a limiter's table of keys: their names. The core knows keys as slots. */
import { hot, scratch } from '../native.ts'
import { FORGOTTEN_COUNT, FORGOTTEN_SLOTS, SWEPT_IDLE_IN } from '../protocol/rate.ts'

/** The shortest substring that V8 stores as a slice of the whole string; shorter ones are copies. */
const MIN_SLICE_LENGTH = 13

const isLatin1 = (key: string): boolean => {
  for (let index = 0; index < key.length; index++) if (key.charCodeAt(index) > 255) return false
  return true
}

/** Returns the same text in memory of its own: a slice of a long header would keep the whole header alive. */
function copyText(key: string): string {
  if (key.length < MIN_SLICE_LENGTH) return key
  const encoding = isLatin1(key) ? 'latin1' : 'utf16le'
  return Buffer.from(key, encoding).toString(encoding)
}

/** The names of keys by slot, and back. The core says which slots it forgot. */
export class KeyTable {
  readonly #limiter: number
  readonly #slots = new Map<string, number>()
  readonly #names: (string | undefined)[] = []

  constructor(limiter: number) {
    this.#limiter = limiter
  }

  /** The number of keys. */
  get size(): number {
    return this.#slots.size
  }

  /** Returns the slot of a key, if it is remembered. */
  slotOf(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** Adds a key with its slot, and removes the key that the core forgot for it. */
  add(key: string, slot: number): void {
    this.#removeForgotten(scratch[FORGOTTEN_COUNT] as number)
    const name = copyText(key)
    this.#slots.set(name, slot)
    this.#names[slot] = name
  }

  /** Returns the slot of a key, which is added if it is new. */
  slotFor(key: string, now: number): number {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = hot.rateAdd(this.#limiter, now)
    if (slot >= 0) this.add(key, slot)
    return slot
  }

  /** Forgets a key. Returns whether it was remembered. */
  forget(key: string): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    hot.rateForget(this.#limiter, slot)
    this.#slots.delete(key)
    this.#names[slot] = undefined
    return true
  }

  /**
   * Forgets keys that have their whole quota, about `max` of them at most. Returns the number of them, and the time
   * until the next key has its whole quota: -1 if no key is left.
   */
  sweep(now: number, max: number): { swept: number; idleInMs: number } {
    let swept = 0
    for (;;) {
      const count = hot.rateSweep(this.#limiter, now)
      if (count > 0) this.#removeForgotten(count)
      swept += Math.max(count, 0)
      const idleInMs = scratch[SWEPT_IDLE_IN] as number
      if (count <= 0 || idleInMs !== 0 || swept >= max) return { swept, idleInMs: count < 0 ? -1 : idleInMs }
    }
  }

  /** Returns the keys, in order of adding. */
  list(): string[] {
    return [...this.#slots.keys()]
  }

  /** Removes all keys. */
  clear(): void {
    this.#slots.clear()
    this.#names.length = 0
  }

  #removeForgotten(count: number): void {
    for (let index = 0; index < count; index++) {
      const slot = scratch[FORGOTTEN_SLOTS + index] as number
      this.#slots.delete(this.#names[slot] as string)
      this.#names[slot] = undefined
    }
  }
}
