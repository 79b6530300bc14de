import { holdTime } from '../../clock/internal-timers.ts'
import type { Clock } from '../../clock/types.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { hold, release } from '../../internal/inbox.ts'

/** Readers of a journal that wait for entries. */
export class WaitingReaders {
  readonly #clock: Clock
  readonly #pollMs: number | undefined
  readonly #waiting = new Set<() => void>()
  #resumeTime: (() => void) | undefined
  /** The last sequence that was appended here. */
  #appended = -1

  /** @param pollMs The pause between two looks of a journal that nobody wakes. */
  constructor(clock: Clock, pollMs: number | undefined) {
    this.#clock = clock
    this.#pollMs = pollMs
  }

  /** Resolves with true at the next {@link wake}, or when a signal aborts. */
  wait(next: number, signal: AbortSignal | undefined, end: AbortSignal, keepAlive: boolean): Promise<boolean> {
    // An aborted signal would wake before there is anything to wake.
    if (signal?.aborted === true || end.aborted) return Promise.resolve(true)
    return new Promise((resolve) => {
      const poll =
        this.#pollMs === undefined
          ? undefined
          : this.#clock.schedule(this.#pollMs as never, () => wake(), { ref: keepAlive })
      const wake = (): void => {
        this.#waiting.delete(wake)
        if (this.#waiting.size === 0) this.#resume()
        stop()
        stopEnd()
        poll?.cancel()
        if (keepAlive) release()
        resolve(true)
      }
      if (keepAlive) hold()
      this.#waiting.add(wake)
      if (this.#appended >= next) this.appended(this.#appended)
      const stop = whenAborted(signal, wake)
      const stopEnd = whenAborted(end, wake)
    })
  }

  /** Holds the clock until the readers that wait have received what was appended. */
  appended(last: number): void {
    this.#appended = last
    if (this.#waiting.size > 0) this.#resumeTime ??= holdTime(this.#clock, 'the readers of a journal on disk')
  }

  /** Wakes all readers that wait. */
  wake(): void {
    for (const wake of this.#waiting) wake()
    this.#resume()
  }

  #resume(): void {
    this.#resumeTime?.()
    this.#resumeTime = undefined
  }
}
