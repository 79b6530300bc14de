/** Decides when a server that failed is asked again. A state machine over events: no timer, no clock. */

/** The first wait after a failure; each further one doubles it. */
const FIRST_BACKOFF_MS = 100

/** Whether a server answers. While it does not, one call at a time tries again, after waits that grow. */
export class Outage {
  readonly #maxBackoffMs: number
  #failures = 0
  #retryAt = 0
  #isTrying = false

  constructor(maxBackoffMs: number) {
    this.#maxBackoffMs = maxBackoffMs
  }

  /** True from a failure until the next success. */
  get isAway(): boolean {
    return this.#failures > 0
  }

  /** Returns whether a call may ask the server now. While it is away, that is one call after each wait. */
  mayAsk(now: number): boolean {
    if (this.#failures === 0) return true
    if (this.#isTrying || now < this.#retryAt) return false
    this.#isTrying = true
    return true
  }

  /** The server answered. Returns whether that ended an outage. */
  succeeded(): boolean {
    const wasAway = this.isAway
    this.#failures = 0
    this.#isTrying = false
    return wasAway
  }

  /** The server failed. Returns whether that began an outage: calls that were sent before it began do not count. */
  failed(now: number): boolean {
    const begins = this.#failures === 0
    if (!begins && !this.#isTrying) return false
    this.#isTrying = false
    this.#retryAt = now + Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, this.#maxBackoffMs)
    this.#failures++
    return begins
  }
}
