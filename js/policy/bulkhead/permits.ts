/** The decision of a bulkhead: permits, and the queue for them. No promises, no timers. */
import { Abortable } from '../pipeline/abort-scope.ts'

/** A call in the queue for a permit. The links of the queue are its own fields. */
export abstract class PermitWaiter extends Abortable {
  /** @internal The waiter before it in the queue. */
  declare ahead: PermitWaiter | undefined
  /** @internal The waiter after it in the queue. */
  declare behind: PermitWaiter | undefined
  /** @internal True while it is in the queue. */
  declare isQueued: boolean

  constructor() {
    super()
    this.ahead = undefined
    this.behind = undefined
    this.isQueued = false
  }
}

/**
 * The decision of a bulkhead: a number of permits and a bounded queue for them, first come, first served. A state
 * machine over events. Every operation takes constant time.
 */
export class Permits {
  readonly limit: number
  readonly maxQueue: number
  #inUse = 0
  #queued = 0
  #first: PermitWaiter | undefined
  #last: PermitWaiter | undefined

  constructor(limit: number, maxQueue: number) {
    this.limit = limit
    this.maxQueue = maxQueue
  }

  get inUse(): number {
    return this.#inUse
  }

  get queued(): number {
    return this.#queued
  }

  /** Returns whether a new call would find neither a permit nor room in the queue. */
  get isFull(): boolean {
    return this.#inUse >= this.limit && this.#queued >= this.maxQueue
  }

  /** Takes a permit if one is free. While one is free, nothing is queued. */
  tryAcquire(): boolean {
    if (this.#inUse >= this.limit) return false
    this.#inUse++
    return true
  }

  /** Puts a waiter at the end of the queue. Returns false when the queue is full. */
  enqueue(waiter: PermitWaiter): boolean {
    if (this.#queued >= this.maxQueue) return false
    waiter.isQueued = true
    waiter.ahead = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.behind = waiter
    this.#last = waiter
    this.#queued++
    return true
  }

  /** Removes a waiter from the queue. Returns false when it is not queued. */
  dequeue(waiter: PermitWaiter): boolean {
    if (!waiter.isQueued) return false
    waiter.isQueued = false
    if (waiter.ahead === undefined) this.#first = waiter.behind
    else waiter.ahead.behind = waiter.behind
    if (waiter.behind === undefined) this.#last = waiter.ahead
    else waiter.behind.ahead = waiter.ahead
    waiter.ahead = undefined
    waiter.behind = undefined
    this.#queued--
    return true
  }

  /** Releases a permit. Hands it to the first waiter, which is returned and owns it from then on, or frees it. */
  release(): PermitWaiter | undefined {
    const waiter = this.#first
    if (waiter === undefined) this.#inUse--
    else this.dequeue(waiter)
    return waiter
  }

  /** The first waiter of the queue. */
  get first(): PermitWaiter | undefined {
    return this.#first
  }
}
