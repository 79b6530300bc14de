import { hot, scratch } from '../native.ts'
import { FORGOTTEN_COUNT, FORGOTTEN_SLOTS, SWEPT_IDLE_IN } from '../protocol/rate.ts'

/** V8 keeps a shorter part of a string as a copy of its own. */
const SHORTEST_SLICE = 13

const isLatin1 = (key: string): boolean => {
  for (let index = 0; index < key.length; index++) if (key.charCodeAt(index) > 255) return false
  return true
}

/** The same text in memory of its own: a part of a long header would keep all of it alive. */
function detached(key: string): string {
  if (key.length < SHORTEST_SLICE) return key
  const encoding = isLatin1(key) ? 'latin1' : 'utf16le'
  return Buffer.from(key, encoding).toString(encoding)
}

/** What keys are called. The core knows them as slots, and says when one is forgotten. */
export class Keys {
  readonly #limiter: number
  readonly #slots = new Map<string, number>()
  readonly #names: (string | undefined)[] = []

  constructor(limiter: number) {
    this.#limiter = limiter
  }

  get size(): number {
    return this.#slots.size
  }

  slotOf(key: string): number | undefined {
    return this.#slots.get(key)
  }

  /** A key that is new has this slot; the core has told whom it forgot for it. */
  enter(key: string, slot: number): void {
    this.#forgotten(scratch[FORGOTTEN_COUNT] as number)
    const own = detached(key)
    this.#slots.set(own, slot)
    this.#names[slot] = own
  }

  /** The slot of a key, made if it is new. */
  made(key: string, now: number): number {
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = hot.rateAdd(this.#limiter, now)
    if (slot >= 0) this.enter(key, slot)
    return slot
  }

  /** Whether there was one. */
  forget(key: string): boolean {
    const slot = this.#slots.get(key)
    if (slot === undefined) return false
    hot.rateForget(this.#limiter, slot)
    this.#slots.delete(key)
    this.#names[slot] = undefined
    return true
  }

  /**
   * Forgets up to `most` keys that are as good as new: how many, and for how long no other is; -1 when there is none
   * left.
   */
  sweep(now: number, most: number): { swept: number; idleInMs: number } {
    let swept = 0
    for (;;) {
      const count = hot.rateSweep(this.#limiter, now)
      if (count > 0) this.#forgotten(count)
      swept += Math.max(count, 0)
      const idleInMs = scratch[SWEPT_IDLE_IN] as number
      if (count <= 0 || idleInMs !== 0 || swept >= most) return { swept, idleInMs: count < 0 ? -1 : idleInMs }
    }
  }

  list(): string[] {
    return [...this.#slots.keys()]
  }

  clear(): void {
    this.#slots.clear()
    this.#names.length = 0
  }

  #forgotten(count: number): void {
    for (let index = 0; index < count; index++) {
      const slot = scratch[FORGOTTEN_SLOTS + index] as number
      this.#slots.delete(this.#names[slot] as string)
      this.#names[slot] = undefined
    }
  }
}
