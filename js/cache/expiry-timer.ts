import type { Clock, TimerHandle } from '../clock/types.ts'

/**
 * One timer for the nearest of many times. It is armed again only for an earlier time, and does not keep the process
 * alive. Times are in the caller's own scale; the caller passes the current time.
 */
export class ExpiryTimer {
  readonly #clock: Clock
  readonly #label: string
  readonly #wake: () => { readonly now: number; readonly next: number }
  #due = Infinity
  #timer: TimerHandle | undefined
  #ended = false

  /** @param wake - Handles what is due. Returns the current time, and the next time: later, or `Infinity`. */
  constructor(clock: Clock, label: string, wake: () => { readonly now: number; readonly next: number }) {
    this.#clock = clock
    this.#label = label
    this.#wake = wake
  }

  /** Arms the timer for a time, unless it is armed for an earlier one. */
  arm(time: number, now: number): void {
    if (time >= this.#due || this.#ended) return
    this.#timer?.cancel()
    this.#due = time
    const fire = (): void => {
      this.#due = Infinity
      this.#timer = undefined
      const { now: then, next } = this.#wake()
      this.arm(next, then)
    }
    try {
      this.#timer = this.#clock.schedule(Math.max(time - now, 0), fire, { ref: false, label: this.#label })
    } catch {
      // The clock is closed: no time passes any more.
      this.end()
    }
  }

  /** Cancels the timer for good. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }
}
