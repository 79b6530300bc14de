import { BusOverflowError } from './errors.ts'
import { type EndCause, type SubscriberHost, Subscriber, type WaitingPublisher } from './subscriber.ts'
import type { BusEvent, BusEvents, EventOverflow } from './types.ts'

/** A queue of items, first in, first out. Taking an item takes the same time for any length. */
class Fifo<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes the oldest item. The queue must not be empty. */
  shift(): T {
    const item = this.#items[this.#first] as T
    this.#items[this.#first++] = undefined
    if (this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  clear(): void {
    this.#items = []
    this.#first = 0
  }
}

interface PendingRead<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

/** A message for which there is no room, and whose publisher waits. */
interface BlockedMessage<T> {
  readonly event: T
  readonly release: () => void
}

const DONE = { done: true, value: undefined } as const

/** A subscription that buffers messages until they are read. */
export class EventStream<T> extends Subscriber implements BusEvents<T> {
  dropped = 0
  readonly #highWaterMark: number
  readonly #overflow: EventOverflow
  readonly #buffer = new Fifo<BusEvent<T>>()
  readonly #pendingReads = new Fifo<PendingRead<BusEvent<T>>>()
  readonly #blocked = new Set<BlockedMessage<BusEvent<T>>>()
  /** The error that the reader gets once the buffer is empty. */
  #failure: { readonly error: unknown } | undefined

  constructor(host: SubscriberHost, pattern: string, highWaterMark: number, overflow: EventOverflow) {
    super(host, pattern)
    this.#highWaterMark = highWaterMark
    this.#overflow = overflow
  }

  get size(): number {
    return this.#buffer.size
  }

  take(message: unknown, topic: string, publisher: WaitingPublisher | undefined): void {
    const event: BusEvent<T> = { topic, message: message as T }
    if (this.#pendingReads.size > 0) this.#pendingReads.shift().resolve({ done: false, value: event })
    else if (this.#buffer.size < this.#highWaterMark) this.#buffer.push(event)
    else this.#overflowed(event, publisher)
  }

  next(): Promise<IteratorResult<BusEvent<T>, undefined>> {
    if (this.#buffer.size > 0) {
      const value = this.#buffer.shift()
      this.#admitBlocked()
      return Promise.resolve({ done: false, value })
    }
    if (this.#failure !== undefined) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (!this.active) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#pendingReads.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<BusEvent<T>, undefined>> {
    this.#failure = undefined
    this.#buffer.clear()
    this.end()
    return Promise.resolve(DONE)
  }

  /** Ends the subscription: drops the buffer, and the reader gets the reason. */
  abort(reason: unknown): void {
    if (!this.active) return
    this.#buffer.clear()
    this.#fail(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  protected override ended(_ending: EndCause): void {
    for (const { release } of this.#blocked) release()
    this.#blocked.clear()
    while (this.#pendingReads.size > 0) {
      const { resolve, reject } = this.#pendingReads.shift()
      if (this.#failure === undefined) {
        resolve(DONE)
      } else {
        reject(this.#failure.error)
        this.#failure = undefined
      }
    }
  }

  #overflowed(event: BusEvent<T>, publisher: WaitingPublisher | undefined): void {
    const overflow = this.#overflow
    if (overflow === 'drop-oldest' || overflow === 'drop-newest') {
      this.dropped++
      this.host.dropped()
      if (overflow === 'drop-newest') return
      this.#buffer.shift()
      this.#buffer.push(event)
    } else if (overflow === 'block' && publisher !== undefined) {
      const blocked = { event, release: publisher.hold(() => this.#blocked.delete(blocked)) }
      this.#blocked.add(blocked)
    } else {
      this.#fail(new BusOverflowError(this.host.id, this.pattern, this.#highWaterMark))
    }
  }

  /** Takes in the message of the publisher that has waited longest, because one was read. */
  #admitBlocked(): void {
    for (const blocked of this.#blocked) {
      this.#blocked.delete(blocked)
      this.#buffer.push(blocked.event)
      blocked.release()
      return
    }
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.end()
  }
}
