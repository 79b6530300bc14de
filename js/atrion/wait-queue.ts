import type { Ticket } from './ticket.ts'
import type { Shed } from './types.ts'

/** Somebody in the wait queue. */
export interface Waiting {
  readonly route: string
  readonly since: number
  /** Told once, unless it gave up before. */
  readonly resolve: (admission: Ticket | Shed) => void
}

/** Who waits, by the core's waiter id. */
export class WaitingRoom {
  readonly #waiting = new Map<number, Waiting>()

  get size(): number {
    return this.#waiting.size
  }

  enter(waiter: number, waiting: Waiting): void {
    this.#waiting.set(waiter, waiting)
  }

  /** Removes and returns who has this id. */
  leave(waiter: number): Waiting | undefined {
    const waiting = this.#waiting.get(waiter)
    this.#waiting.delete(waiter)
    return waiting
  }

  /** Removes everyone, in order of arrival. */
  empty(): Waiting[] {
    const all = [...this.#waiting.values()]
    this.#waiting.clear()
    return all
  }
}
