/** The number of uses after which a place is retired. */
const USES = 2 ** 31 - 1

/**
 * Keeps values by place, so that the core can refer to them. Each use of a place has a number: a use that is over, or
 * never was, finds nothing. Freed places are used again, the last one first.
 */
export class MessageSlots<T> {
  /** Values by place. A freed place holds the index of the place that was freed before it. */
  readonly #values: (T | number)[] = []
  /** The present use of each place; for a free place, the next one. */
  readonly #uses: number[] = []
  #free = -1
  /** Places that are retired. */
  readonly #spent: number[] = []

  /** Keeps a value. Returns its place; {@link use} returns the use of that place. */
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

  /** Returns what is kept in a place, and releases the place. */
  take(index: number): T {
    const value = this.#values[index] as T
    this.#forget(index, this.#uses[index] as number)
    return value
  }

  /** Releases a place; a use that is over stays so. */
  release(index: number, use: number): void {
    if (this.#uses[index] === use) this.#forget(index, use)
  }

  /** All values that are kept. */
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
