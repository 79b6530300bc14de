import { soon } from '../../clock/host.ts'
import type { System } from '../../system/system.ts'

/** A receiver of events. In this room, supervisors are. */
export interface Driven {
  take(event: number, first: number, second: number): void
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
export class Agenda {
  /** The number of events that were handled. */
  carriedOut = 0
  #told: Driven[] = []
  #numbers: number[] = []
  #next = 0
  #scheduled = false
  #inARow = 0

  tell(driven: Driven, event: number, first = 0, second = 0): void {
    this.#told.push(driven)
    this.#numbers.push(event, first, second)
    if (this.#scheduled) return
    this.#scheduled = true
    void NOW.then(this.#work)
  }

  readonly #work = (): void => {
    while (this.#next < this.#told.length) {
      if (++this.#inARow > MOST_IN_A_ROW) {
        soon(() => {
          this.#inARow = 0
          this.#work()
        })
        return
      }
      const at = this.#next++
      this.carriedOut++
      const driven = this.#told[at] as Driven
      const numbers = this.#numbers
      try {
        driven.take(numbers[at * 3] as number, numbers[at * 3 + 1] as number, numbers[at * 3 + 2] as number)
      } catch (error) {
        // A failure of one supervisor does not stop the others.
        driven.failed(error)
      }
    }
    this.#told = []
    this.#numbers = []
    this.#next = 0
    this.#scheduled = false
    if (this.#inARow > 0 && !this.#resting) this.#rest()
  }

  #resting = false

  /** Resets the count of events in a row once the event loop has turned. */
  #rest(): void {
    this.#resting = true
    soon(() => {
      this.#resting = false
      this.#inARow = 0
    })
  }
}

const agendas = new WeakMap<System, Agenda>()

/** Returns the event queue of a system. */
export function agendaOf(system: System): Agenda {
  let agenda = agendas.get(system)
  if (agenda === undefined) {
    agenda = new Agenda()
    agendas.set(system, agenda)
  }
  return agenda
}
