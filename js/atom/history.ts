import type { Instant } from '../clock/instant.ts'
import type { AtomSnapshot } from './types.ts'

/** The values before the current one, by version: remembering one more is two writes, whatever the size. */
export class History<T> {
  readonly #size: number
  /** One less than a power of two: a version's place is its lowest bits. */
  readonly #mask: number
  #values: T[] = []
  #times: Instant[] = []
  /** The first version that is remembered, unless it has been overwritten. */
  #first: number

  /** @param size How many it remembers, at least one. @param first The first version that it will be told. */
  constructor(size: number, first: number) {
    this.#size = size
    this.#mask = 2 ** Math.ceil(Math.log2(size)) - 1
    this.#first = first
  }

  /** Remembers a value that is no longer the current one, and when it was committed. */
  push(version: number, value: T, at: Instant): void {
    const place = version & this.#mask
    this.#values[place] = value
    this.#times[place] = at
  }

  /** Returns all of them and then the current one, oldest first. */
  list(current: AtomSnapshot<T>): AtomSnapshot<T>[] {
    const all: AtomSnapshot<T>[] = []
    for (let version = Math.max(this.#first, current.version - this.#size); version < current.version; version++) {
      const place = version & this.#mask
      all.push({ value: this.#values[place] as T, version, at: this.#times[place] as Instant })
    }
    all.push(current)
    return all
  }

  /** Forgets all; what is remembered next is of the version `next`. */
  clear(next: number): void {
    this.#values = []
    this.#times = []
    this.#first = next
  }
}
