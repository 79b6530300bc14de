import { soon } from '../../clock/host.ts'
import type { System } from '../../system/system.ts'

/** A receiver of events. In this room, supervisors are. */
export interface EventSink {
  handle(event: number, first: number, second: number): void
  /** Owns what handling an event has thrown. Must not throw. */
  failed(error: unknown): void
}

/** The number of events in a row after which the event loop must turn. */
const MOST_IN_A_ROW = 2048

const NOW: Promise<void> = Promise.resolve()

/**
 * Queues the events of a system's supervisors. Each event is handled completely before the next one, and never on the
 * stack of what happened: a start function does not run inside the handler that crashed.
 */
export class EventQueue {
  /** The number of events that were handled. */
  handledCount = 0
  #receivers: EventSink[] = []
  #numbers: number[] = []
  #next = 0
  #scheduled = false
  #eventsInARow = 0

  push(receiver: EventSink, event: number, first = 0, second = 0): void {
    this.#receivers.push(receiver)
    this.#numbers.push(event, first, second)
    if (this.#scheduled) return
    this.#scheduled = true
    void NOW.then(this.#work)
  }

  readonly #work = (): void => {
    while (this.#next < this.#receivers.length) {
      if (++this.#eventsInARow > MOST_IN_A_ROW) {
        soon(() => {
          this.#eventsInARow = 0
          this.#work()
        })
        return
      }
      const at = this.#next++
      this.handledCount++
      const receiver = this.#receivers[at] as EventSink
      const numbers = this.#numbers
      try {
        receiver.handle(numbers[at * 3] as number, numbers[at * 3 + 1] as number, numbers[at * 3 + 2] as number)
      } catch (error) {
        // A failure of one supervisor does not stop the others.
        receiver.failed(error)
      }
    }
    this.#receivers = []
    this.#numbers = []
    this.#next = 0
    this.#scheduled = false
    if (this.#eventsInARow > 0 && !this.#resting) this.#rest()
  }

  #resting = false

  /** Resets the count of events in a row once the event loop has turned. */
  #rest(): void {
    this.#resting = true
    soon(() => {
      this.#resting = false
      this.#eventsInARow = 0
    })
  }
}

const queues = new WeakMap<System, EventQueue>()

/** Returns the event queue of a system. */
export function eventQueueOf(system: System): EventQueue {
  let queue = queues.get(system)
  if (queue === undefined) {
    queue = new EventQueue()
    queues.set(system, queue)
  }
  return queue
}
