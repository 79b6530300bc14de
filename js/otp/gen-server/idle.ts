import type { Clock, TimerHandle } from '../../clock/types.ts'

/** The part of a process that its idle time depends on. */
interface IdleProcess {
  /** True while it handles a message, has one that waits, or has a call to answer. */
  readonly hasWork: boolean
  readonly label: string
}

/**
 * Measures how long a process has had nothing to do. It has one timer, which is set again only when it fires: a message
 * costs a read of the clock. The timer does not keep the event loop alive.
 */
export class IdleTime {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #process: IdleProcess
  readonly #onIdle: () => void
  /** The time at which it last had work, in monotonic ms. */
  #since = 0
  #timer: TimerHandle | undefined

  constructor(clock: Clock, timeoutMs: number, process: IdleProcess, onIdle: () => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#process = process
    this.#onIdle = onIdle
  }

  /** Notes that the process has work, or has just had some. */
  touch(): void {
    this.#since = this.#clock.monoMs()
  }

  /** Begins a new period. */
  begin(): void {
    this.touch()
    this.#arm(this.#timeoutMs)
  }

  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    const label = `idle time of ${this.#process.label}`
    this.#timer = this.#clock.schedule(delayMs, () => this.#look(), { label, ref: false })
  }

  #look(): void {
    this.#timer = undefined
    if (this.#process.hasWork) {
      this.begin()
      return
    }
    const left = this.#since + this.#timeoutMs - this.#clock.monoMs()
    if (left > 0) this.#arm(left)
    else this.#onIdle()
  }
}
