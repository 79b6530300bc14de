import { TimeoutError } from '../errors/errors.ts'
import { newsPending } from '../internal/inbox.ts'
import { afterRealTime, turn, turnsPending } from './host.ts'

/** The longest time, in ms of real time, for which work in flight holds a clock back, unless it says otherwise. */
const MOST_MS = 30_000
/** Turns of the event loop that work and waits of zero may take in one instant; what needs more never ends. */
const MOST_TURNS = 1000

interface Hold {
  readonly what: string
  readonly mostMs: number
  stop: (() => void) | undefined
}

type ReportStall = (error: unknown, origin: string) => void

/** Counts work of the package that is in flight. A controlled clock does not move until that has ended. */
export class Holds {
  readonly #held = new Set<Hold>()
  readonly #report: ReportStall
  #waiting: (() => void)[] = []
  /** Work that has taken more turns of the event loop than it may. The clock no longer waits for it. */
  #endless = false

  constructor(report: ReportStall) {
    this.#report = report
  }

  /** Returns whether work is in flight. */
  get any(): boolean {
    return this.#held.size > 0
  }

  /**
   * Holds the clock back until the returned function is called.
   *
   * @param what What is in flight, for the report.
   * @param mostMs In real time; then the clock goes on without it, and says so. `Infinity` is never.
   */
  take(what: string, mostMs: number = MOST_MS): () => void {
    const hold: Hold = { what, mostMs, stop: undefined }
    this.#held.add(hold)
    if (this.#waiting.length > 0) this.#bound(hold)
    return () => this.#end(hold)
  }

  /** Returns whether nothing of the package is in flight, in this turn of the event loop. */
  get isSettled(): boolean {
    return this.#held.size === 0 && !turnsPending() && !newsPending()
  }

  /** Resolves after at least one turn of the event loop, once nothing of the package is in flight. */
  async settled(): Promise<void> {
    for (let turns = 0; ;) {
      await turn()
      if (this.#held.size > 0) {
        await this.#released()
        continue
      }
      if (!turnsPending() && !newsPending()) {
        this.#endless = false
        return
      }
      if (this.#endless) return
      if (++turns > MOST_TURNS) this.#endless = true
    }
  }

  /** Closes the holds with the clock: no work is waited for any more. */
  end(): void {
    for (const hold of this.#held) hold.stop?.()
    this.#held.clear()
    this.#wake()
  }

  #released(): Promise<void> {
    for (const hold of this.#held) this.#bound(hold)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #bound(hold: Hold): void {
    if (hold.mostMs === Infinity) return
    hold.stop ??= afterRealTime(hold.mostMs, () => {
      const message = `a controlled clock waited ${hold.mostMs} ms of real time for ${hold.what}, and goes on without it`
      this.#report(new TimeoutError(hold.what, hold.mostMs, message), 'a controlled clock')
      this.#end(hold)
    })
  }

  #end(hold: Hold): void {
    if (!this.#held.delete(hold)) return
    hold.stop?.()
    if (this.#held.size === 0) this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
