import { Abortable } from '../pipeline/scope.ts'

/** Somebody who waits for a place. */
export abstract class Waiter extends Abortable {
  /** @internal */
  declare ahead: Waiter | undefined
  /** @internal */
  declare behind: Waiter | undefined
  /** @internal */
  declare waits: boolean

  constructor() {
    super()
    this.ahead = undefined
    this.behind = undefined
    this.waits = false
  }
}

/**
 * The decision of a bulkhead: so many places, and a queue before them, first come first served. A state machine over
 * events; who leaves the queue early leaves it in a constant time.
 */
export class Places {
  readonly limit: number
  readonly maxQueue: number
  #taken = 0
  #queued = 0
  #first: Waiter | undefined
  #last: Waiter | undefined

  constructor(limit: number, maxQueue: number) {
    this.limit = limit
    this.maxQueue = maxQueue
  }

  get taken(): number {
    return this.#taken
  }

  get queued(): number {
    return this.#queued
  }

  /** Whether a newcomer would be refused. */
  get isFull(): boolean {
    return this.#taken >= this.limit && this.#queued >= this.maxQueue
  }

  /** Takes a place if one is free; nobody waits then. */
  take(): boolean {
    if (this.#taken >= this.limit) return false
    this.#taken++
    return true
  }

  /** Enters the queue; whether there was room. */
  queue(waiter: Waiter): boolean {
    if (this.#queued >= this.maxQueue) return false
    waiter.waits = true
    waiter.ahead = this.#last
    if (this.#last === undefined) this.#first = waiter
    else this.#last.behind = waiter
    this.#last = waiter
    this.#queued++
    return true
  }

  /** Leaves the queue; whether it was in it. */
  leave(waiter: Waiter): boolean {
    if (!waiter.waits) return false
    waiter.waits = false
    if (waiter.ahead === undefined) this.#first = waiter.behind
    else waiter.ahead.behind = waiter.behind
    if (waiter.behind === undefined) this.#last = waiter.ahead
    else waiter.behind.ahead = waiter.ahead
    waiter.ahead = undefined
    waiter.behind = undefined
    this.#queued--
    return true
  }

  /** Gives a place back: to the first who waits, whose it is at once, or to nobody. */
  release(): Waiter | undefined {
    const next = this.#first
    if (next === undefined) this.#taken--
    else this.leave(next)
    return next
  }

  /** The first who waits. */
  get first(): Waiter | undefined {
    return this.#first
  }
}
