import type { Clock, TimerHandle } from '../../clock/types.ts'

/** With `'flush'` and `'memory'`, what was written is synced this much later at the latest. */
const SYNC_WITHIN_MS = 1000

/** Syncs a journal within a second of the first append that was not synced. Holds no process open. */
export class SyncTimer {
  readonly #clock: Clock
  readonly #sync: () => void
  #timer: TimerHandle | undefined

  constructor(clock: Clock, sync: () => void) {
    this.#clock = clock
    this.#sync = sync
  }

  set(): void {
    if (this.#timer !== undefined) return
    const due = (): void => {
      this.#timer = undefined
      this.#sync()
    }
    try {
      this.#timer = this.#clock.schedule(SYNC_WITHIN_MS as never, due, { ref: false })
    } catch {
      // The clock was closed before the journal: then sooner.
      due()
    }
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}
