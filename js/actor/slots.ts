/** Values by number, for the core to speak of; freed numbers are used again, the last one first. */
export class Slots {
  /** A freed place holds the number of the one freed before it. */
  readonly #values: unknown[] = []
  #free = -1

  keep(value: unknown): number {
    const slot = this.#free
    if (slot < 0) return this.#values.push(value) - 1
    this.#free = this.#values[slot] as number
    this.#values[slot] = value
    return slot
  }

  /** What is kept there; of a place that was released, nothing that means anything. */
  at(slot: number): unknown {
    return this.#values[slot]
  }

  release(slot: number): void {
    this.#values[slot] = this.#free
    this.#free = slot
  }
}
