import { Call } from './call.ts'
import { NO_PROCESS } from './protocol.ts'

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

  /** Nobody will answer any more: the calls among them are rejected. */
  abandonCalls(): void {
    for (const call of this.#values) {
      if (!(call instanceof Call) || call.settled) continue
      call.settled = true
      call.whenSettled?.()
      call.reject(call.target.callError(call, NO_PROCESS))
    }
  }
}
