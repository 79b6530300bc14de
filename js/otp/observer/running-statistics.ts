/** The number of samples after which older ones begin to fade. */
const MEMORY = 1000

/**
 * Mean and deviation of samples in constant memory, by the algorithm of B. P. Welford ("Note on a method for
 * calculating corrected sums of squares and products", Technometrics 4(3), 1962). After 1000 samples, each new one
 * weighs a thousandth, so that older ones fade.
 */
export class RunningStatistics {
  mean = 0
  /** The number of samples, at most 1000. */
  count = 0
  /** The sum of the squares of differences from the mean. */
  #squares = 0

  add(sample: number): void {
    if (this.count < MEMORY) this.count++
    else this.#squares *= 1 - 1 / MEMORY
    const before = sample - this.mean
    this.mean += before / this.count
    this.#squares += before * (sample - this.mean)
  }

  /** The deviation of the samples; 0 for fewer than two. */
  get deviation(): number {
    return this.count < 2 ? 0 : Math.sqrt(Math.max(this.#squares, 0) / (this.count - 1))
  }
}
