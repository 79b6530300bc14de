/** How long recent successes took: what a percentile is read from. */
export class Latencies {
  readonly #recent: Float64Array
  #next = 0
  #count = 0
  #known: number | undefined
  #sinceKnown = 0
  readonly #percentile: number

  /** @param size How many are kept. */
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
    this.#sinceKnown++
  }

  /** The latency that the percentile of the recent ones does not exceed; sorted anew when a tenth of them is new. */
  get(): number | undefined {
    if (this.#count === 0) return undefined
    if (this.#known === undefined || this.#sinceKnown * 10 >= this.#count) {
      const sorted = this.#recent.slice(0, this.#count).toSorted()
      this.#known = sorted[Math.min(Math.ceil(this.#percentile * this.#count) - 1, this.#count - 1)] as number
      this.#sinceKnown = 0
    }
    return this.#known
  }
}
