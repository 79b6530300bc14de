/** How long recent calls took: a bounded window in time and number. */

/** How long calls took, of those that a rolling window holds. Times are milliseconds. */
export interface LatencyStats {
  /** The length of the window, in milliseconds. */
  readonly windowMs: number
  /**
   * The number of calls in the window, at most 1024. While there are more, one in eight is measured, so the percentiles
   * are those of a sample.
   */
  readonly count: number
  /** Half of the calls took at most this long; `undefined` without calls, as the next three. */
  readonly p50Ms: number | undefined
  /** 90 % of the calls took at most this long. */
  readonly p90Ms: number | undefined
  /** 99 % of the calls took at most this long. */
  readonly p99Ms: number | undefined
  /** The longest call. */
  readonly maxMs: number | undefined
}

/** The most calls that a window holds. */
const MOST_CALLS = 1024
const FIRST_CALLS = 16

/** The latencies of the latest calls, with the times of their ends. A function of calls and monotonic time. */
export class LatencyWindow {
  readonly windowMs: number
  #latencies: Float64Array = new Float64Array(FIRST_CALLS)
  #endedAt: Float64Array = new Float64Array(FIRST_CALLS)
  #next = 0
  #count = 0

  constructor(windowMs: number) {
    this.windowMs = windowMs
  }

  /**
   * Adds a call that took `ms` and ended at `now`. Returns true if a call had to leave that ended within the window: then
   * there are more calls than it holds.
   */
  add(ms: number, now: number): boolean {
    if (this.#next === this.#latencies.length) this.#startOver()
    const index = this.#next++
    const isFull = index < this.#count && (this.#endedAt[index] as number) > now - this.windowMs
    this.#latencies[index] = ms
    this.#endedAt[index] = now
    if (this.#count < this.#next) this.#count = this.#next
    return isFull
  }

  /** Returns percentiles of the calls that ended within the window. */
  stats(now: number): LatencyStats {
    const since = now - this.windowMs
    const sorted = this.#latencies.slice(0, this.#count).filter((_, index) => (this.#endedAt[index] as number) > since)
    sorted.sort()
    const count = sorted.length
    const percentile = (share: number): number | undefined => sorted[Math.max(Math.ceil(share * count) - 1, 0)]
    return {
      windowMs: this.windowMs,
      count,
      p50Ms: percentile(0.5),
      p90Ms: percentile(0.9),
      p99Ms: percentile(0.99),
      maxMs: percentile(1),
    }
  }

  /** Makes room for more calls, or replaces the oldest ones from now on. */
  #startOver(): void {
    const size = this.#latencies.length
    if (size === MOST_CALLS) {
      this.#next = 0
      return
    }
    const [latencies, endedAt] = [this.#latencies, this.#endedAt]
    this.#latencies = new Float64Array(size * 2)
    this.#endedAt = new Float64Array(size * 2)
    this.#latencies.set(latencies)
    this.#endedAt.set(endedAt)
  }
}
