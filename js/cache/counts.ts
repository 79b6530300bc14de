/** The content and the counters of a cache. The counters only grow. */
export interface ObservedCache {
  /** Entries, with those that have expired and are not removed yet. */
  readonly entries: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  readonly loads: number
}

/** Counters of a cache. */
export class Counts {
  hits = 0
  staleHits = 0
  misses = 0
  loads = 0
  loadFailures = 0
  evictions = 0
  expirations = 0

  /** Lookups before the last {@link clear}. */
  #hitsBefore = 0
  #missesBefore = 0

  /** Hits since the creation of the cache. It only grows. */
  get allHits(): number {
    return this.#hitsBefore + this.hits
  }

  /** Misses since the creation of the cache. It only grows. */
  get allMisses(): number {
    return this.#missesBefore + this.misses
  }

  /** The share of hits among lookups; 0 when there were no lookups. */
  get hitRate(): number {
    const lookups = this.hits + this.misses
    return lookups === 0 ? 0 : this.hits / lookups
  }

  /** Resets the counters of lookups. */
  clear(): void {
    this.#hitsBefore += this.hits
    this.#missesBefore += this.misses
    this.hits = 0
    this.staleHits = 0
    this.misses = 0
  }
}
