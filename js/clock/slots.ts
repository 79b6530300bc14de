/** What JavaScript keeps beside the core's timers: the callback of each slot, and what reports say of it. */

/** What is known of a timer besides its callback. */
export interface TimerInfo {
  readonly kind: 'sleep' | 'deadline' | 'interval' | 'schedule'
  readonly label?: string | undefined
  /** Whether the event loop waits for it. */
  readonly ref: boolean
  /** Taken where the timer was made; its stack is formatted only when a report is read. */
  readonly site?: Error | undefined
}

const PLAIN: TimerInfo = { kind: 'schedule', ref: true }

/** Callbacks by slot. An id's low 32 bits are its slot, so `id >>> 0` finds it. */
export class Slots {
  readonly #callbacks: (undefined | (() => void))[] = []
  readonly #info: TimerInfo[] = []
  #holding = 0
  #waiting = 0

  /** Timers that are not intervals. */
  get waiting(): number {
    return this.#waiting
  }

  /** Timers for which the event loop waits. */
  get holding(): number {
    return this.#holding
  }

  put(id: number, callback: () => void, info: TimerInfo = PLAIN): void {
    const slot = id >>> 0
    this.#callbacks[slot] = callback
    this.#info[slot] = info
    if (info.ref) this.#holding++
    if (info.kind !== 'interval') this.#waiting++
  }

  /** Removes and returns the callback of a timer that fired or was cancelled. */
  take(id: number): () => void {
    const slot = id >>> 0
    const callback = this.#callbacks[slot] as () => void
    this.#callbacks[slot] = undefined
    const info = this.#info[slot] as TimerInfo
    if (info.ref) this.#holding--
    if (info.kind !== 'interval') this.#waiting--
    return callback
  }

  /** What is known of the timer in a slot, and its callback. */
  describe(slot: number): { info: TimerInfo; callback: (() => void) | undefined } {
    return { info: this.#info[slot] ?? PLAIN, callback: this.#callbacks[slot] }
  }

  clear(): void {
    this.#callbacks.length = 0
    this.#info.length = 0
    this.#holding = 0
    this.#waiting = 0
  }
}
