import { integer } from '../../internal/validate.ts'
import { Effect } from '../effect.ts'
import { QueueShutdownError } from '../errors.ts'
import { ENTER, ERR, SYNC } from '../fiber/op.ts'
import { keep, obtain, type FiberWaiter, FiberWaitList } from './wait-list.ts'

/** Taken items before the list of items is cut. */
const SLACK = 64
const MOST_ITEMS = 2 ** 31

/**
 * A bounded queue between effects, first in, first out. An offer to a full queue waits, and so does a take from an empty
 * one, each in order of arrival. No item is lost or taken twice, whoever is interrupted. Created by
 * {@link Queue.bounded}. Belongs to no system: effects of any may use it.
 */
export class Queue<A> {
  /** The most items that it holds. */
  readonly capacity: number
  #items: (A | undefined)[] = []
  /** The index of the oldest item. */
  #head = 0
  #isShutdown = false
  /** Takes that wait, while there are no items. */
  readonly #takers: FiberWaitList<undefined, A> = new FiberWaitList()
  /** Offers that wait, while the queue is full. */
  readonly #offerers: FiberWaitList<A, void> = new FiberWaitList()

  private constructor(capacity: number) {
    this.capacity = capacity
  }

  /**
   * Creates a queue that holds so many items.
   *
   * @param capacity - An integer from 1.
   * @throws InvalidArgumentError for any other value.
   * @example
   * ```ts
   * const jobs = Queue.bounded<Job>(100)
   * const worker = jobs.take().flatMap(perform).repeat(Infinity)
   * await all([worker, Effect.forEach(list, (job) => jobs.offer(job))]).run()
   * ```
   */
  static bounded<A>(capacity: number): Queue<A> {
    return new Queue(integer('capacity', 1, MOST_ITEMS, capacity))
  }

  /** The number of items in it, without those of offers that wait. */
  get size(): number {
    return this.#items.length - this.#head
  }

  /** True once {@link shutdown} ran. */
  get isShutdown(): boolean {
    return this.#isShutdown
  }

  /**
   * Returns an effect that adds an item, and waits while the queue is full. An interrupt during the wait withdraws the
   * item. Fails with {@link QueueShutdownError} once the queue is shut down; then the item was not added.
   */
  offer(item: A): Effect<QueueShutdownError, void> {
    return new Effect(
      ENTER,
      undefined,
      obtain<A, void>(item, (waiter) => this.#offer(waiter), keep),
      undefined,
    )
  }

  /**
   * Returns an effect that removes the oldest item and succeeds with it, and waits while there is none. Fails with
   * {@link QueueShutdownError} once the queue is shut down and empty.
   */
  take(): Effect<QueueShutdownError, A> {
    const begin = (waiter: FiberWaiter<undefined, A>): void => this.#take(waiter)
    return new Effect(
      ENTER,
      undefined,
      obtain<undefined, A>(undefined, begin, (item) => this.#putBack(item)),
      undefined,
    )
  }

  /**
   * Returns an effect that ends the queue: it accepts no more items, and offers and takes that wait fail with
   * {@link QueueShutdownError}. Items that it has accepted can still be taken. A second run does nothing.
   */
  shutdown(): Effect<never, void> {
    return new Effect(SYNC, undefined, () => this.#shutDown(), undefined)
  }

  #offer(waiter: FiberWaiter<A, void>): void {
    if (this.#isShutdown) {
      waiter.fiber.resume(waiter.epoch, ERR, new QueueShutdownError())
      return
    }
    const taker = this.#takers.shift()
    if (taker === undefined && this.size >= this.capacity) {
      this.#offerers.add(waiter, 'room in a queue')
      return
    }
    if (taker === undefined) this.#items.push(waiter.request)
    waiter.hand()
    taker?.hand(waiter.request)
  }

  #take(waiter: FiberWaiter<undefined, A>): void {
    if (this.size === 0) {
      if (this.#isShutdown) waiter.fiber.resume(waiter.epoch, ERR, new QueueShutdownError())
      else this.#takers.add(waiter, 'an item of a queue')
      return
    }
    const item = this.#shift()
    const offerer = this.size < this.capacity ? this.#offerers.shift() : undefined
    if (offerer !== undefined) this.#items.push(offerer.request)
    waiter.hand(item)
    offerer?.hand()
  }

  /** Takes back an item whose taker was interrupted before it could use it. */
  #putBack(item: A): void {
    const taker = this.#takers.shift()
    if (taker !== undefined) taker.hand(item)
    else if (this.#head > 0) this.#items[--this.#head] = item
    else this.#items.unshift(item)
  }

  #shift(): A {
    const item = this.#items[this.#head] as A
    this.#items[this.#head++] = undefined
    if (this.#head > SLACK && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  #shutDown(): void {
    if (this.#isShutdown) return
    this.#isShutdown = true
    const waiting = [...this.#takers.shiftAll(), ...this.#offerers.shiftAll()]
    for (const { fiber, epoch } of waiting) fiber.resume(epoch, ERR, new QueueShutdownError())
  }
}
