import type { Clock } from '../clock/types.ts'
import { passes } from '../clock/time-passes.ts'

/** A drain that has taken this long, in ms, lets the event loop turn. */
const LONGEST_RUN_MS = 5
/** Steps without a turn of the event loop, where the clock stands still; a round counts as a few. */
const MOST_STEPS = 32_768
const ROUND = 16
/** Messages between two looks at the clock, once they have proved to be shorter than this, in ms, all together. */
const SELDOM = 16
const SHORT_MS = 1

/** Says when a runtime has gone on for long enough and timers and I/O have to come in between. */
export class Pace {
  /** It was too long at the last look. */
  isLate = false
  /** The last look at the clock. */
  now = 0
  readonly #clock: Clock
  /** Messages since the last look, and how many there may be. */
  #unlooked = 0
  #pause = 2
  /** When the present run of rounds without a turn of the event loop began. */
  #began = -1
  #carriedOut = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A step was carried out. */
  step(): void {
    if (++this.#unlooked >= this.#pause) this.#look()
  }

  /** A round was carried out; whether the event loop has to turn before the next. */
  round(steps: number): boolean {
    this.#carriedOut += ROUND + steps
    return this.isLate || this.#carriedOut > MOST_STEPS
  }

  /** The event loop has turned. */
  turned(): void {
    this.#began = -1
    this.#carriedOut = 0
  }

  #look(): void {
    const now = this.#clock.monoMs()
    this.#pause = now - this.now < SHORT_MS ? Math.min(this.#pause * 2, SELDOM) : 2
    this.#unlooked = 0
    this.now = now
    if (this.#began < 0) this.#began = now
    // A clock that is moved by hand says nothing of how long a run has taken: there, steps are counted alone.
    this.isLate = now - this.#began > LONGEST_RUN_MS && passes(this.#clock)
  }
}
