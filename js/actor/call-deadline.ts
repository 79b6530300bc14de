import { MAX_DURATION_MS } from '../internal/validate.ts'
import { isClosed } from '../clock/base.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'

/** The one timer of a runtime: rings at the nearest deadline of a call, or before it. */
export class CallAlarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: TimerHandle | undefined
  #at = Infinity

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at a monotonic time in ms. One that is set for earlier stays, and whoever hears it sets the next. */
  set(deadline: number): void {
    if (deadline === Infinity || this.#at <= deadline || isClosed(this.#clock)) return
    const delay = Math.min(Math.max(deadline - this.#clock.monoMs(), 0), MAX_DURATION_MS)
    this.#timer?.cancel()
    this.#at = deadline
    this.#timer = limitOn(this.#clock, delay, 'the deadline of a call', () => {
      this.#timer = undefined
      this.#at = Infinity
      this.#ring()
    })
  }

  disarm(): void {
    if (this.#timer === undefined) return
    this.#timer.cancel()
    this.#timer = undefined
    this.#at = Infinity
  }
}
