/** A process's view of a route, as others get it. */
export interface SharedState {
  /** The process that wrote it. */
  readonly node: string
  /** The scar that the process saw itself, in ohms. */
  readonly scar: number
  /** R as the process sees it, in ohms; for people, no engine reads it. */
  readonly resistance: number
}

/** One route in an exchange. */
export interface ProviderOffer {
  /** The route. */
  readonly route: string
  /**
   * The tick of the newest state this process has seen; 0 for none. A write that has not seen the newest is refused.
   */
  readonly seen: number
  /** The state to write; `undefined` only reads. */
  readonly state: SharedState | undefined
}

/** The provider's answer to an offer. */
export interface ProviderAnswer {
  /** The tick of the state that is stored now; 0 for none. */
  readonly tick: number
  /**
   * The state that is stored instead of the offer, with its age in milliseconds; `undefined` when the offer was
   * written, or nothing is stored.
   */
  readonly stored: { readonly state: SharedState; readonly ageMs: number } | undefined
}

/**
 * A store through which processes share the state of routes.
 *
 * An exchange writes and reads many routes at once. A write counts only if its writer has seen the newest state: the
 * last write wins, fenced by a tick that only the provider counts up.
 */
export interface StateProvider {
  /** The name in events and errors. */
  readonly name: string
  /** Most routes in one exchange. */
  readonly maxBatch: number
  /**
   * Opens the store. A rejection means "not now" and is tried again, except a `DependencyMissingError`, which is final.
   */
  connect(): Promise<void>
  /**
   * Resolves to one answer for each offer, in order; `undefined` for an answer that makes no sense. Rejects when the
   * store cannot be reached. The promise must settle, at the latest after {@link reset}.
   */
  exchange(offers: readonly ProviderOffer[]): Promise<readonly (ProviderAnswer | undefined)[]>
  /** Gives up what is under way, because an exchange took too long. */
  reset(): void
  /** Releases everything that the provider opened. */
  disconnect(): Promise<void>
}

/** Options of sharing routes' state through a provider. */
export interface SyncOptions {
  /** Weight of the scars of other processes, 0 to 1. Default 0.3. */
  readonly blend?: number
  /** Mean time between exchanges, in milliseconds; each differs by up to a quarter. Default 100. */
  readonly intervalMs?: number
  /** Longest time of an exchange, in milliseconds. Default 1000. */
  readonly timeoutMs?: number
  /** Age beyond which a state is ignored, in milliseconds. Default 60 000. */
  readonly maxAgeMs?: number
  /** The name of this process to others, at most 64 characters. Default: a random one. */
  readonly node?: string
}
