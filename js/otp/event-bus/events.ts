import { BusOverflowError } from './errors.ts'
import { type Ending, type Home, Subscriber, type Waiting } from './subscriber.ts'
import type { BusEvent, BusEvents, EventOverflow } from './types.ts'

/** Items in the order in which they came; taking the first costs the same however many there are. */
class Queue<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** There is one. */
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

interface Reader<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void
  readonly reject: (error: unknown) => void
}

/** A message for which there was no room, whose publisher waits. */
interface InLine<T> {
  readonly event: T
  readonly letGo: () => void
}

const DONE = { done: true, value: undefined } as const

/** Messages that wait to be read. */
export class EventStream<T> extends Subscriber implements BusEvents<T> {
  dropped = 0
  readonly #highWaterMark: number
  readonly #overflow: EventOverflow
  readonly #waiting = new Queue<BusEvent<T>>()
  readonly #readers = new Queue<Reader<BusEvent<T>>>()
  readonly #line = new Set<InLine<BusEvent<T>>>()
  /** What the reader gets after what waits, once. */
  #failure: { readonly error: unknown } | undefined

  constructor(home: Home, pattern: string, highWaterMark: number, overflow: EventOverflow) {
    super(home, pattern)
    this.#highWaterMark = highWaterMark
    this.#overflow = overflow
  }

  get size(): number {
    return this.#waiting.size
  }

  take(message: unknown, topic: string, publisher: Waiting | undefined): void {
    const event: BusEvent<T> = { topic, message: message as T }
    if (this.#readers.size > 0) this.#readers.shift().resolve({ done: false, value: event })
    else if (this.#waiting.size < this.#highWaterMark) this.#waiting.push(event)
    else this.#takeBeyond(event, publisher)
  }

  next(): Promise<IteratorResult<BusEvent<T>, undefined>> {
    if (this.#waiting.size > 0) {
      const value = this.#waiting.shift()
      this.#letIn()
      return Promise.resolve({ done: false, value })
    }
    if (this.#failure !== undefined) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (!this.active) return Promise.resolve(DONE)
    return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }))
  }

  return(): Promise<IteratorResult<BusEvent<T>, undefined>> {
    this.#failure = undefined
    this.#waiting.clear()
    this.end()
    return Promise.resolve(DONE)
  }

  /** The reading was given up: what waits is dropped, and the reader gets the reason. */
  abort(reason: unknown): void {
    if (!this.active) return
    this.#waiting.clear()
    this.#fail(reason)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  protected override ended(_ending: Ending): void {
    for (const { letGo } of this.#line) letGo()
    this.#line.clear()
    while (this.#readers.size > 0) {
      const { resolve, reject } = this.#readers.shift()
      if (this.#failure === undefined) {
        resolve(DONE)
      } else {
        reject(this.#failure.error)
        this.#failure = undefined
      }
    }
  }

  #takeBeyond(event: BusEvent<T>, publisher: Waiting | undefined): void {
    const overflow = this.#overflow
    if (overflow === 'drop-oldest' || overflow === 'drop-newest') {
      this.dropped++
      this.home.dropped()
      if (overflow === 'drop-newest') return
      this.#waiting.shift()
      this.#waiting.push(event)
    } else if (overflow === 'block' && publisher !== undefined) {
      const inLine = { event, letGo: publisher.hold(() => this.#line.delete(inLine)) }
      this.#line.add(inLine)
    } else {
      this.#fail(new BusOverflowError(this.home.id, this.pattern, this.#highWaterMark))
    }
  }

  /** A message was read: the publisher that has waited longest goes on. */
  #letIn(): void {
    for (const inLine of this.#line) {
      this.#line.delete(inLine)
      this.#waiting.push(inLine.event)
      inLine.letGo()
      return
    }
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.end()
  }
}
