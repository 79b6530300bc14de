/** The decision of a bulkhead: permits, and the queue for them. No promises, no timers. */
import { type PermitWaiter, PermitQueue } from './permit-queue.ts'

/**
 * The decision of a bulkhead: a number of permits and a bounded queue for them, by priority, then first come, first
 * served. A state machine over events.
 */
export class Permits {
  readonly maxQueue: number
  readonly #queue = new PermitQueue()
  #limit: number
  /** The number of permits that may be in use now: the limit, or 0 while paused. */
  #usable: number
  #inUse = 0

  constructor(limit: number, maxQueue: number) {
    this.#limit = limit
    this.#usable = limit
    this.maxQueue = maxQueue
  }

  /** The number of permits. */
  get limit(): number {
    return this.#limit
  }

  get isPaused(): boolean {
    return this.#usable === 0
  }

  get inUse(): number {
    return this.#inUse
  }

  get queued(): number {
    return this.#queue.size
  }

  /** Returns whether a new call would find neither a permit nor room in the queue. */
  get isFull(): boolean {
    return this.#inUse >= this.#usable && this.#queue.size >= this.maxQueue
  }

  /** The waiter that is next. */
  get first(): PermitWaiter | undefined {
    return this.#queue.first
  }

  /** Sets the number of permits. Permits in use stay in use; then call {@link grant} until it returns none. */
  resize(limit: number): void {
    if (!this.isPaused) this.#usable = limit
    this.#limit = limit
  }

  /** Grants no permits until {@link resume}. */
  pause(): void {
    this.#usable = 0
  }

  /** Grants permits again: call {@link grant} until it returns none. */
  resume(): void {
    this.#usable = this.#limit
  }

  /** Takes a permit if one is free. While one is free, nothing is queued. */
  tryAcquire(): boolean {
    if (this.#inUse >= this.#usable) return false
    this.#inUse++
    return true
  }

  /** Takes a free permit for the first waiter, which is returned and owns it. Returns none if either is missing. */
  grant(): PermitWaiter | undefined {
    const waiter = this.#queue.first
    if (waiter === undefined || this.#inUse >= this.#usable) return undefined
    this.#queue.remove(waiter)
    this.#inUse++
    return waiter
  }

  /** Puts a waiter into the queue. Returns false when the queue is full. */
  enqueue(waiter: PermitWaiter, priority: number): boolean {
    if (this.#queue.size >= this.maxQueue) return false
    this.#queue.add(waiter, priority)
    return true
  }

  /** Removes a waiter from the queue. Returns false when it is not queued. */
  dequeue(waiter: PermitWaiter): boolean {
    return this.#queue.remove(waiter)
  }

  /** Releases a permit. Hands it to the first waiter, which is returned and owns it from then on, or frees it. */
  release(): PermitWaiter | undefined {
    this.#inUse--
    return this.grant()
  }
}
