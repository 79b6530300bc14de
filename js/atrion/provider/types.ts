/** What a process tells others of a route. */
export interface SharedState {
  /** Which process says so. */
  readonly node: string
  /** Its own scar of the route, ohms. */
  readonly scar: number
  /** R as it sees it, ohms; for people. */
  readonly resistance: number
}

/** One route in an exchange. */
export interface Offer {
  readonly route: string
  /** The tick of the newest state this process has seen; 0 for none. A write that has not seen the newest is refused. */
  readonly seen: number
  /** What it has to say; `undefined` only asks. */
  readonly state: SharedState | undefined
}

/** What became of an offer. */
export interface Answer {
  /** The tick of what is stored now. */
  readonly tick: number
  /** What is stored instead of the offer, and how old it is in milliseconds; `undefined` when the offer was taken, or nothing is stored. */
  readonly stored: { readonly state: SharedState; readonly ageMs: number } | undefined
}

/**
 * Where processes share what they know of routes. An exchange writes and reads many routes in one go, and a write counts
 * only if its writer has seen the newest state (last write wins, fenced by a tick that only the provider counts up).
 */
export interface StateProvider {
  /** What it is called in events and errors. */
  readonly name: string
  /** Most routes in one exchange. */
  readonly maxBatch: number
  /** Gets ready. A rejection means "not now", except for a `DependencyMissingError`, which is final. */
  connect(): Promise<void>
  /**
   * One answer an offer, in order; an answer that makes no sense is `undefined`. Rejects when it cannot be reached. It
   * must settle, if not at once then after {@link reset}.
   */
  exchange(offers: readonly Offer[]): Promise<readonly (Answer | undefined)[]>
  /** Gives up what is under way: an exchange took too long. */
  reset(): void
  /** Lets go of everything that is its own. */
  disconnect(): Promise<void>
}

/** How routes' state is shared. */
export interface SyncOptions {
  /** Weight of what others say, 0 to 1. Default 0.3. */
  readonly blend?: number
  /** Mean time between exchanges, milliseconds; each is up to a quarter off. Default 100. */
  readonly intervalMs?: number
  /** An exchange may take this long, milliseconds. Default 1000. */
  readonly timeoutMs?: number
  /** What is older counts for nothing, milliseconds. Default 60 000. */
  readonly maxAgeMs?: number
  /** Who this process is to others. Default: a name nobody chose. */
  readonly node?: string
}
