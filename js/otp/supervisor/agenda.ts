import { soon } from '../../clock/host.ts'
import type { System } from '../../system/system.ts'
import type { Server } from '../server.ts'

/** A supervisor, as far as the agenda knows it. */
export interface Driven {
  take(event: number, first: number, second: number): void
}

/** A supervisor, as far as the end of its system goes. */
export interface Overseer extends Server {
  /** Its time to wait is up; false when it waits for no time. */
  hurry(): boolean
}

/** Events in a row without a turn of the event loop. */
const MOST_IN_A_ROW = 2048
/** Turns of the event loop without progress after which a clock that stands still will not bring any. */
const PATIENCE = 32

const NOW: Promise<void> = Promise.resolve()
const turn = (): Promise<void> => new Promise((resolve) => soon(resolve))

/**
 * What supervisors of one system are told, in order, each event carried out to its end before the next: never on the
 * stack of what happened, so that a start function does not run inside the handler that crashed.
 */
export class Agenda {
  /** Supervisors that are alive, in the order in which they were started. */
  readonly supervisors: Set<Overseer> = new Set()
  #told: Driven[] = []
  #numbers: number[] = []
  #next = 0
  #scheduled = false
  #inARow = 0
  /** Events carried out. */
  #carriedOut = 0
  readonly #system: System

  constructor(system: System) {
    this.#system = system
  }

  tell(driven: Driven, event: number, first = 0, second = 0): void {
    this.#told.push(driven)
    this.#numbers.push(event, first, second)
    if (this.#scheduled) return
    this.#scheduled = true
    void NOW.then(this.#work)
  }

  /** Stops those that nobody else stops, the last first. */
  async close(): Promise<void> {
    for (const server of [...this.supervisors].toReversed()) {
      if (server.isSupervised || !server.isAlive) continue
      await this.#stop(server)
    }
  }

  async #stop(server: Server): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      server.whenEnded(resolve)
    })
    server.end('shutdown')
    // On a clock that is told, no time passes any more: what waits for it has waited long enough.
    if ('advance' in this.#system.clock) {
      let [seen, idle] = [-1, 0]
      while (server.isAlive && idle < PATIENCE) {
        await turn()
        idle = seen === this.#carriedOut ? idle + 1 : 0
        seen = this.#carriedOut
        if (idle === PATIENCE && this.#hurry()) idle = 0
      }
      if (server.isAlive) server.kill()
    }
    await ended
    // Its children were killed with it, in the next events.
    await turn()
  }

  #hurry(): boolean {
    let any = false
    for (const server of this.supervisors) any = server.hurry() || any
    return any
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
      this.#carriedOut++
      const driven = this.#told[at] as Driven
      const numbers = this.#numbers
      driven.take(numbers[at * 3] as number, numbers[at * 3 + 1] as number, numbers[at * 3 + 2] as number)
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

/** The agenda of a system, made at first use and closed with it. */
export function agendaOf(system: System): Agenda {
  let agenda = agendas.get(system)
  if (agenda === undefined) {
    agenda = new Agenda(system)
    agendas.set(system, agenda)
    system.own(agenda)
  }
  return agenda
}
