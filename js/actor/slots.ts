import { Call } from './call.ts'
import { NO_PROCESS } from './protocol.ts'

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
