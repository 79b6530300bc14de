import { soon } from '../../clock/host.ts'
import type { System } from '../../system/system.ts'

/** A supervisor, as far as the agenda knows it. */
export interface Driven {
  take(event: number, first: number, second: number): void
  /** Owns what taking an event has thrown; must not throw. */
  failed(error: unknown): void
}

/** Events in a row without a turn of the event loop. */
const MOST_IN_A_ROW = 2048

const NOW: Promise<void> = Promise.resolve()

/**
 * What supervisors of one system are told, in order, each event carried out to its end before the next: never on the
 * stack of what happened, so that a start function does not run inside the handler that crashed.
 */
export class Agenda {
  /** How many events were carried out. */
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
        // The others of the system go on.
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

  /** A turn of the event loop has come in between. */
  #rest(): void {
    this.#resting = true
    soon(() => {
      this.#resting = false
      this.#inARow = 0
    })
  }
}

const agendas = new WeakMap<System, Agenda>()

/** The agenda of a system, made at first use. */
export function agendaOf(system: System): Agenda {
  let agenda = agendas.get(system)
  if (agenda === undefined) {
    agenda = new Agenda()
    agendas.set(system, agenda)
  }
  return agenda
}
