import { MAX_DURATION_MS } from '../internal/validate.ts'
import { isClosed } from '../clock/base.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'

/** The deadlines of a runtime's calls: one timer, which fires at the nearest deadline or before it. */
export class CallDeadlines {
  readonly #clock: Clock
  readonly #onDue: () => void
  /** The number of open calls with a deadline. */
  open = 0
  /** The nearest deadline that the core knows. */
  nearest: number = Infinity
  /** True if there were such calls after the last round. */
  hasAny = false
  #timer: TimerHandle | undefined
  #at = Infinity

  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** Sets the timer. Called after the steps of a round, because they answer most calls. */
  update(): void {
    this.hasAny = this.open > 0
    if (this.hasAny) this.#set(this.nearest)
    else this.disarm()
  }

  /**
   * Sets the timer for a monotonic time in ms. A timer that is set for earlier stays; when it fires, the runtime sets
   * the next one.
   */
  #set(deadline: number): void {
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
