/** Values by number, for the core to speak of; freed numbers are used again, the last one first. */
export class Slots {
  readonly #values: unknown[] = []
  readonly #free: number[] = []

  keep(value: unknown): number {
    const slot = this.#free.pop() ?? this.#values.length
    this.#values[slot] = value
    return slot
  }

  at(slot: number): unknown {
    return this.#values[slot]
  }

  release(slot: number): void {
    this.#values[slot] = undefined
    this.#free.push(slot)
  }

  /** All that are kept. */
  *[Symbol.iterator](): Generator<unknown> {
    for (const value of this.#values) if (value !== undefined) yield value
  }
}
