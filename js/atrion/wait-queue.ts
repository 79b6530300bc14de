import type { Ticket } from './ticket.ts'
import type { Shed } from './types.ts'

/** A request that waits. */
export interface QueuedRequest {
  readonly route: string
  /** The time at which it began to wait, in monotonic ms. */
  readonly since: number
  /** Ends the wait. Called once, unless the request gave up before. */
  readonly resolve: (admission: Ticket | Shed) => void
}

/** The requests that wait, by the core's ids of waiters. The core keeps their order. */
export class WaitQueue {
  readonly #requests = new Map<number, QueuedRequest>()

  get size(): number {
    return this.#requests.size
  }

  add(waiter: number, request: QueuedRequest): void {
    this.#requests.set(waiter, request)
  }

  /** Removes and returns the request with this id. */
  take(waiter: number): QueuedRequest | undefined {
    const request = this.#requests.get(waiter)
    this.#requests.delete(waiter)
    return request
  }

  /** Removes and returns all requests, in order of arrival. */
  takeAll(): QueuedRequest[] {
    const all = [...this.#requests.values()]
    this.#requests.clear()
    return all
  }
}
