/** What a cache has done. */
export class Counts {
  hits = 0
  staleHits = 0
  misses = 0
  loads = 0
  loadFailures = 0
  evictions = 0
  expirations = 0

  /** The share of hits among lookups; 0 when there were none. */
  get hitRate(): number {
    const asked = this.hits + this.misses
    return asked === 0 ? 0 : this.hits / asked
  }

  /** Begins to count lookups anew. */
  clear(): void {
    this.hits = 0
    this.staleHits = 0
    this.misses = 0
  }
}
