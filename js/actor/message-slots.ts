/** Uses that a place has; it is not used again after them. */
const USES = 2 ** 31 - 1

/**
 * Values by place, for the core to speak of. Each use of a place has a number: one that is over, or never was, names nothing.
 * Freed places are used again, the last one first.
 */
export class Slots<T> {
  /** A freed place holds the index of the one freed before it. */
  readonly #values: (T | number)[] = []
  /** The present use of each place, or the next one where it is free. */
  readonly #uses: number[] = []
  #free = -1
  /** Places that are used up. */
  readonly #spent: number[] = []

  /** The place of a value; {@link use} says which use of it that is. */
  keep(value: T): number {
    const index = this.#free
    if (index < 0) {
      this.#uses.push(1)
      return this.#values.push(value) - 1
    }
    this.#free = this.#values[index] as number
    this.#values[index] = value
    return index
  }

  use(index: number): number {
    return this.#uses[index] as number
  }

  /** Returns whether a use of a place is not over. Ask before {@link at} and {@link take}. */
  holds(index: number, use: number): boolean {
    return this.#uses[index] === use
  }

  /** Returns what is kept in a place. */
  at(index: number): T {
    return this.#values[index] as T
  }

  /** Returns the same, and releases the place. */
  take(index: number): T {
    const value = this.#values[index] as T
    this.#forget(index, this.#uses[index] as number)
    return value
  }

  /** Releases a place; a use that is over stays so. */
  release(index: number, use: number): void {
    if (this.#uses[index] === use) this.#forget(index, use)
  }

  /** All that is kept. */
  get values(): T[] {
    const free = new Set(this.#spent)
    for (let index = this.#free; index >= 0; index = this.#values[index] as number) free.add(index)
    return this.#values.filter((_, index) => !free.has(index)) as T[]
  }

  #forget(index: number, use: number): void {
    this.#uses[index] = use + 1
    this.#values[index] = this.#free
    if (use < USES) this.#free = index
    else this.#spent.push(index)
  }
}
