import { MAX_DURATION_MS } from '../internal/validate.ts'
import { isClosed } from '../clock/base.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'

/** The one timer of a runtime for deadlines of calls. It fires at the nearest deadline, or before it. */
export class CallDeadlineTimer {
  readonly #clock: Clock
  readonly #onDue: () => void
  #timer: TimerHandle | undefined
  #at = Infinity

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /**
   * Sets the timer for a monotonic time in ms. A timer that is set for earlier stays; when it fires, the runtime sets
   * the next one.
   */
  set(deadline: number): void {
    if (deadline === Infinity || this.#at <= deadline || isClosed(this.#clock)) return
    const delay = Math.min(Math.max(deadline - this.#clock.monoMs(), 0), MAX_DURATION_MS)
    this.#timer?.cancel()
    this.#at = deadline
    this.#timer = limitOn(this.#clock, delay, 'the deadline of a call', () => {
      this.#timer = undefined
      this.#at = Infinity
      this.#onDue()
    })
  }

  disarm(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#at = Infinity
  }
}
