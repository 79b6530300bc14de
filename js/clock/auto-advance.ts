/** The clock that moves by itself. */
interface AdvancedClock {
  readonly closed: boolean
  readonly advancing: boolean
  report(error: unknown, origin: string): void
  /** Fires the next timer, whenever it is due; whether there was one. */
  jumpToNext(): boolean
  /** Resolves after a turn of the event loop or more, once nothing of the package is in flight. */
  settled(): Promise<void>
  /** Returns whether a wait is pending; an interval alone does not count. */
  readonly awaited: boolean
}

/** Turns of the event loop without a new timer that count as idle. */
const IDLE_TURNS = 2

/**
 * Jumps to the next timer whenever the program is idle: no asynchronous advance is under way, nothing of the package
 * and no external promise is in flight, and two turns of the event loop brought no new timer. Intervals alone are not a
 * reason to move, or a program with one would spin for ever.
 */
export class AutoAdvance {
  readonly #clock: AdvancedClock
  #enabled = false
  #running = false
  /** Counts what postpones a jump. */
  #activity = 0

  constructor(clock: AdvancedClock) {
    this.#clock = clock
  }

  get enabled(): boolean {
    return this.#enabled
  }

  set enabled(enabled: boolean) {
    this.#enabled = enabled
    this.wake()
  }

  /** Something was scheduled or finished. */
  wake(): void {
    if (!this.#enabled) return
    this.#activity++
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#enabled && !this.#clock.closed) {
        if (!(await this.#idle())) continue
        if (!this.#enabled || this.#clock.closed) break
        if (!this.#clock.awaited) break
        this.#clock.jumpToNext()
      }
    } catch (error) {
      this.#enabled = false
      this.#clock.report(error, 'autoAdvance')
    } finally {
      this.#running = false
    }
  }

  async #idle(): Promise<boolean> {
    const before = this.#activity
    for (let index = 0; index < IDLE_TURNS; index++) await this.#clock.settled()
    return this.#activity === before && !this.#clock.advancing
  }
}
