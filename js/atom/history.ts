import type { AtomSnapshot } from './types.ts'

/** The last values of an atom in a ring: remembering one more costs the same whatever the size. */
export class History<T> {
  readonly #size: number
  #ring: AtomSnapshot<T>[]
  /** Where the oldest is, once the ring is full. */
  #oldest = 0

  constructor(size: number, first: AtomSnapshot<T>) {
    this.#size = size
    this.#ring = [first]
  }

  push(snapshot: AtomSnapshot<T>): void {
    if (this.#ring.length < this.#size) {
      this.#ring.push(snapshot)
      return
    }
    this.#ring[this.#oldest] = snapshot
    this.#oldest = (this.#oldest + 1) % this.#size
  }

  list(): AtomSnapshot<T>[] {
    return [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)]
  }

  reset(only: AtomSnapshot<T>): void {
    this.#ring = [only]
    this.#oldest = 0
  }
}
