/** A percentile of the latencies of recent successes. */
export class Latencies {
  readonly #recent: Float64Array
  #next = 0
  #count = 0
  #cached: number | undefined
  #addedSince = 0
  readonly #percentile: number

  /** @param size - The number of latencies that are kept. */
  constructor(size: number, percentile: number) {
    this.#recent = new Float64Array(size)
    this.#percentile = percentile
  }

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    this.#recent[this.#next] = ms
    this.#next = (this.#next + 1) % this.#recent.length
    if (this.#count < this.#recent.length) this.#count++
    this.#addedSince++
  }

  /**
   * Returns the percentile, `undefined` without any latency. It is computed anew when a tenth of the latencies is new.
   */
  value(): number | undefined {
    if (this.#count === 0) return undefined
    if (this.#cached === undefined || this.#addedSince * 10 >= this.#count) {
      const sorted = this.#recent.slice(0, this.#count).toSorted()
      this.#cached = sorted[Math.min(Math.ceil(this.#percentile * this.#count) - 1, this.#count - 1)] as number
      this.#addedSince = 0
    }
    return this.#cached
  }
}
