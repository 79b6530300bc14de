import type { Clock, TimerHandle } from '../clock/types.ts'

/**
 * Wakes at the nearest of many times by one timer of the clock, which moves only when an earlier time comes. It holds
 * no process open. Times are those of the caller, who says what is now.
 */
export class Deadline {
  readonly #clock: Clock
  readonly #label: string
  readonly #wake: () => { readonly now: number; readonly next: number }
  #due = Infinity
  #timer: TimerHandle | undefined
  #ended = false

  /** @param wake Does what is due, and says what is now and when to wake next: later than now, or `Infinity`. */
  constructor(clock: Clock, label: string, wake: () => { readonly now: number; readonly next: number }) {
    this.#clock = clock
    this.#label = label
    this.#wake = wake
  }

  /** Wakes at this time at the latest. */
  by(time: number, now: number): void {
    if (time >= this.#due || this.#ended) return
    this.#timer?.cancel()
    this.#due = time
    const fire = (): void => {
      this.#due = Infinity
      this.#timer = undefined
      const { now: then, next } = this.#wake()
      this.by(next, then)
    }
    try {
      this.#timer = this.#clock.schedule(Math.max(time - now, 0), fire, { ref: false, label: this.#label })
    } catch {
      // The clock was closed: no time passes any more.
      this.end()
    }
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }
}
