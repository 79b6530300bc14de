/** Keeps the callback of each of the core's timers, and its description in reports. */

/**
 * The kind of a timer: `sleep` and `deadline`, which the user waits for; `pause`, after which work of the package goes
 * on; `limit`, which ends a wait that takes too long; `interval`; and `schedule`, a callback.
 */
export type WaitKind = 'sleep' | 'deadline' | 'pause' | 'limit' | 'interval' | 'schedule'

/** A timer's description. */
export interface TimerInfo {
  readonly kind: WaitKind
  readonly label?: string | undefined
  /** Keeps the event loop open, or not. */
  readonly ref: boolean
  /** Taken where the timer was made; its stack is formatted only when a report is read. */
  readonly site?: Error | undefined
}

/** A timer that has more to it than a callback. */
interface Timed {
  readonly callback: () => unknown
  readonly info: TimerInfo
}

const PLAIN: TimerInfo = { kind: 'schedule', ref: true }

type TimerRecord = undefined | (() => unknown) | Timed

/** Slots a chunk; a power of two. */
const CHUNK_BITS = 10
const CHUNK = 1 << CHUNK_BITS

/**
 * Callbacks by slot: an id's low 32 bits are its slot, so `id >>> 0` finds it. A plain callback is stored bare, since
 * with many timers the cost of firing one is the memory it touches; and in chunks, since one array that grows to a
 * million is copied a dozen times.
 */
export class TimerSlots {
  readonly #chunks: TimerRecord[][] = []
  #holding = 0
  #waiting = 0
  #deadlines = 0

  /** Timers for wall time. */
  get deadlines(): number {
    return this.#deadlines
  }

  /** Lists the timers that a user waits for: no intervals, and none that leaves the event loop alone. */
  get waiting(): number {
    return this.#waiting
  }

  /** Timers for which the event loop waits. */
  get holding(): number {
    return this.#holding
  }

  put(id: number, callback: () => unknown, info?: TimerInfo): void {
    const slot = id >>> 0
    const chunk = this.#chunks[slot >>> CHUNK_BITS] ?? this.#grow()
    chunk[slot % CHUNK] = info === undefined ? callback : { callback, info }
    this.#count(info, 1)
  }

  /** Removes and returns the callback of a timer that fired or was cancelled. */
  take(id: number): () => unknown {
    const slot = id >>> 0
    const chunk = this.#chunks[slot >>> CHUNK_BITS] as TimerRecord[]
    const timer = chunk[slot % CHUNK] as (() => unknown) | Timed
    chunk[slot % CHUNK] = undefined
    if (typeof timer === 'function') {
      this.#count(undefined, -1)
      return timer
    }
    this.#count(timer.info, -1)
    return timer.callback
  }

  /**
   * Looks at a slot and at what kind of thing is in it, for the look's sake; the count keeps it from being left out.
   */
  touch(slot: number): void {
    if (typeof this.#chunks[slot >>> CHUNK_BITS]?.[slot % CHUNK] === 'object') this.touched++
  }
  /** @internal */
  touched = 0

  /** Returns the description and the callback of the timer in a slot. */
  describe(slot: number): { info: TimerInfo; callback: (() => unknown) | undefined } {
    const timer = this.#chunks[slot >>> CHUNK_BITS]?.[slot % CHUNK]
    return typeof timer === 'object' ? timer : { info: PLAIN, callback: timer }
  }

  /** Replaces the description of a timer in place, so that its order among timers stays. */
  redescribe(id: number, info: TimerInfo): void {
    const slot = id >>> 0
    const chunk = this.#chunks[slot >>> CHUNK_BITS] as TimerRecord[]
    const { info: before, callback } = chunk[slot % CHUNK] as Timed
    this.#count(before, -1)
    chunk[slot % CHUNK] = { callback, info }
    this.#count(info, 1)
  }

  clear(): void {
    this.#chunks.length = 0
    this.#holding = 0
    this.#waiting = 0
    this.#deadlines = 0
  }

  /** The core gives out slots one by one, so the next chunk is the one that is missing. */
  #grow(): TimerRecord[] {
    const chunk = Array<TimerRecord>(CHUNK).fill(undefined)
    this.#chunks.push(chunk)
    return chunk
  }

  #count(info: TimerInfo | undefined, by: 1 | -1): void {
    const ref = info === undefined || info.ref
    if (ref) this.#holding += by
    if (ref && info?.kind !== 'interval') this.#waiting += by
    if (info?.kind === 'deadline') this.#deadlines += by
  }
}
