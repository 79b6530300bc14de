/** The queue of a bulkhead: higher priorities first, then first come, first served. No promises, no timers. */
import { Abortable } from '../pipeline/abort-scope.ts'

/** A call in the queue for a permit. The links of its list are its own fields. */
export abstract class PermitWaiter extends Abortable {
  /** @internal The waiter before it in the list of its priority. */
  declare ahead: PermitWaiter | undefined
  /** @internal The waiter after it in the list of its priority. */
  declare behind: PermitWaiter | undefined
  /** @internal The list that it is in, while it is queued. */
  declare level: PriorityLevel | undefined

  constructor() {
    super()
    this.ahead = undefined
    this.behind = undefined
    this.level = undefined
  }
}

/** The waiters of one priority, in order of arrival. */
class PriorityLevel {
  readonly priority: number
  first: PermitWaiter | undefined
  last: PermitWaiter | undefined
  /** Its index in the heap of levels. */
  index = 0

  constructor(priority: number) {
    this.priority = priority
  }
}

/**
 * A queue by priority, then age. Most calls have one priority, so each priority has a list, and a binary heap orders
 * the lists. Adding and removing take constant time, and logarithmic time in the number of different priorities.
 */
export class PermitQueue {
  #size = 0
  readonly #levels = new Map<number, PriorityLevel>()
  /** The levels that have waiters. No level has a higher priority than its parent at half its index. */
  readonly #heap: PriorityLevel[] = []

  /** The number of waiters. */
  get size(): number {
    return this.#size
  }

  /** The waiter that is next. */
  get first(): PermitWaiter | undefined {
    return this.#heap[0]?.first
  }

  /** Adds a waiter behind all others of its priority. */
  add(waiter: PermitWaiter, priority: number): void {
    let level = this.#levels.get(priority)
    if (level === undefined) this.#levels.set(priority, (level = this.#addLevel(priority)))
    waiter.level = level
    waiter.ahead = level.last
    if (level.last === undefined) level.first = waiter
    else level.last.behind = waiter
    level.last = waiter
    this.#size++
  }

  /** Removes a waiter. Returns false when it is not queued. */
  remove(waiter: PermitWaiter): boolean {
    const { level } = waiter
    if (level === undefined) return false
    if (waiter.ahead === undefined) level.first = waiter.behind
    else waiter.ahead.behind = waiter.behind
    if (waiter.behind === undefined) level.last = waiter.ahead
    else waiter.behind.ahead = waiter.ahead
    waiter.ahead = undefined
    waiter.behind = undefined
    waiter.level = undefined
    this.#size--
    if (level.first === undefined) this.#removeLevel(level)
    return true
  }

  #addLevel(priority: number): PriorityLevel {
    const level = new PriorityLevel(priority)
    level.index = this.#heap.length
    this.#heap.push(level)
    this.#raise(level)
    return level
  }

  #removeLevel(level: PriorityLevel): void {
    this.#levels.delete(level.priority)
    const last = this.#heap.pop() as PriorityLevel
    if (last === level) return
    this.#place(last, level.index)
    this.#raise(last)
    this.#lower(last)
  }

  #raise(level: PriorityLevel): void {
    while (level.index > 0) {
      const parent = this.#heap[(level.index - 1) >> 1] as PriorityLevel
      if (parent.priority >= level.priority) return
      this.#swap(parent, level)
    }
  }

  #lower(level: PriorityLevel): void {
    for (;;) {
      const left = this.#heap[2 * level.index + 1]
      const right = this.#heap[2 * level.index + 2]
      const child = right !== undefined && left !== undefined && right.priority > left.priority ? right : left
      if (child === undefined || child.priority <= level.priority) return
      this.#swap(level, child)
    }
  }

  #swap(one: PriorityLevel, other: PriorityLevel): void {
    const { index } = one
    this.#place(one, other.index)
    this.#place(other, index)
  }

  #place(level: PriorityLevel, index: number): void {
    this.#heap[index] = level
    level.index = index
  }
}
