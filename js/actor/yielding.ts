import type { Clock } from '../clock/types.ts'
import { passes } from '../clock/time-passes.ts'

/** The time in ms after which a drain lets the event loop turn. */
const LONGEST_RUN_MS = 5
/**
 * The number of steps after which a drain lets the event loop turn, also on a standing clock. A round counts as {@link
 * ROUND}.
 */
const MOST_STEPS = 32_768
const ROUND = 16
/** The number of messages between two reads of the clock, once that many took less than {@link SHORT_MS}. */
const SELDOM = 16
const SHORT_MS = 1

/** Decides when a drain must let the event loop turn, so that timers and I/O come in between. */
export class YieldPolicy {
  /** True if the drain had taken too long at the last read of the clock. */
  mustYield = false
  /** The time of the last read of the clock, in monotonic ms. */
  now = 0
  readonly #clock: Clock
  /** The number of messages since the last read of the clock, and the number at which it is read again. */
  #unlooked = 0
  #pause = 2
  /** The time at which the present run of rounds without a turn of the event loop began, or -1. */
  #began = -1
  #carriedOut = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts a step. */
  step(): void {
    if (++this.#unlooked >= this.#pause) this.#look()
  }

  /** Counts a round. Returns whether the event loop must turn before the next one. */
  round(steps: number): boolean {
    this.#carriedOut += ROUND + steps
    return this.mustYield || this.#carriedOut > MOST_STEPS
  }

  /** Notes that the event loop has turned. */
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
    // A clock that is moved by hand does not show how long a run has taken; steps alone are counted there.
    this.mustYield = now - this.#began > LONGEST_RUN_MS && passes(this.#clock)
  }
}
