/** Keeps the last items that were added, up to a fixed number. */
export class Ring<T> {
  readonly #items: T[] = []
  readonly #size: number
  /** The place of the oldest item once it is full. */
  #at = 0

  constructor(size: number) {
    this.#size = size
  }

  /** Adds an item. The oldest one goes when there is no room. */
  add(item: T): void {
    if (this.#items.length < this.#size) {
      this.#items.push(item)
      return
    }
    this.#items[this.#at] = item
    this.#at = (this.#at + 1) % this.#size
  }

  /** Returns the items, the oldest first. */
  list(): T[] {
    return [...this.#items.slice(this.#at), ...this.#items.slice(0, this.#at)]
  }
}
