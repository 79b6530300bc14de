import type { Instant } from '../clock/instant.ts'
import type { AtomSnapshot } from './types.ts'

/** The values before the current one in a ring: remembering one more costs the same whatever the size. */
export class History<T> {
  readonly #size: number
  // Two lists and no object each: a commit writes two words.
  #values: T[] = []
  #times: Instant[] = []
  /** Where the next one goes. */
  #next = 0

  /** @param size How many it remembers, at least one. */
  constructor(size: number) {
    this.#size = size
  }

  /** Remembers a value that is no longer the current one, and when it was committed. */
  push(value: T, at: Instant): void {
    const next = this.#next
    this.#values[next] = value
    this.#times[next] = at
    this.#next = next + 1 === this.#size ? 0 : next + 1
  }

  /** All of them and then the current one, oldest first. */
  list(current: AtomSnapshot<T>): AtomSnapshot<T>[] {
    const count = this.#values.length
    const oldest = count < this.#size ? 0 : this.#next
    const first = current.version - count
    const all: AtomSnapshot<T>[] = []
    for (let index = 0; index < count; index++) {
      const place = (oldest + index) % count
      all.push({ value: this.#values[place] as T, version: first + index, at: this.#times[place] as Instant })
    }
    all.push(current)
    return all
  }

  clear(): void {
    this.#values = []
    this.#times = []
    this.#next = 0
  }
}
