/** Counters of a cache. */
export class Counts {
  hits = 0
  staleHits = 0
  misses = 0
  loads = 0
  loadFailures = 0
  evictions = 0
  expirations = 0

  /** The share of hits among lookups; 0 when there were no lookups. */
  get hitRate(): number {
    const lookups = this.hits + this.misses
    return lookups === 0 ? 0 : this.hits / lookups
  }

  /** Resets the counters of lookups. */
  clear(): void {
    this.hits = 0
    this.staleHits = 0
    this.misses = 0
  }
}
