import type { Evidence } from './failure-window.ts'

/** Where a circuit stands. */
export type CircuitState =
  /** Calls pass, and are counted. */
  | 'closed'
  /** Calls are refused, for a time. */
  | 'open'
  /** A few calls pass at a time, to see. */
  | 'halfOpen'
  /** Calls are refused until somebody says otherwise. */
  | 'isolated'

/** How an admitted call ended. `ignored` says nothing about what is behind the circuit. */
export type Outcome = 'ok' | 'failed' | 'ignored'

/** What a circuit is told once. Durations are milliseconds. */
export interface CircuitTerms {
  readonly evidence: Evidence
  /** How long it stays open, by how often it has opened in a row, from 1. */
  readonly openForMs: (opens: number) => number
  /** How many probes may be out at a time. */
  readonly probes: number
  /** How many of them have to succeed. */
  readonly successes: number
  /** How many may fail before it opens again: that many minus one. */
  readonly failures: number
  /** A probe that takes longer has failed. */
  readonly probeTimeoutMs: number
  /** Told of each change, when it is complete. */
  readonly moved: (to: CircuitState, from: CircuitState) => void
}

/** {@link Circuit.enter}: refused. */
export const REFUSED = -1

/**
 * The decision of a circuit breaker: a state machine over events and the time they are given, with no timer. An open circuit
 * is half open from `openUntil` on, for whoever asks; a probe that does not come back has failed at its deadline. So there
 * is no state in which it can stay for ever, and nothing to keep it going.
 */
export class Circuit {
  readonly #terms: CircuitTerms
  #state: CircuitState = 'closed'
  /** Told apart: what was admitted before a change says nothing after it. */
  #generation = 0
  #opens = 0
  #openUntil = -Infinity
  #openForMs = 0
  /** Deadlines of the probes that are out, by number, so the oldest first. */
  readonly #probes = new Map<number, number>()
  #lastProbe = 0
  #successes = 0
  #failures = 0

  constructor(terms: CircuitTerms) {
    this.#terms = terms
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Increases with each change of state. */
  get generation(): number {
    return this.#generation
  }

  /** How often it has opened since it was last closed. */
  get opens(): number {
    return this.#opens
  }

  /** Monotonic time at which it ends being open. */
  get openUntil(): number {
    return this.#openUntil
  }

  /** How long it is open this time. */
  get openForMs(): number {
    return this.#openForMs
  }

  /** The state somebody would meet who asked at this time, without asking. */
  stateAt(now: number): CircuitState {
    return this.#state === 'open' && now >= this.#openUntil ? 'halfOpen' : this.#state
  }

  /** Asks for a call to pass: 0, the number of a probe, or {@link REFUSED}. */
  enter(now: number): number {
    const { probes, probeTimeoutMs } = this.#terms
    for (;;) {
      switch (this.#state) {
        case 'closed':
          return 0
        case 'isolated':
          return REFUSED
        case 'open':
          if (now < this.#openUntil) return REFUSED
          this.#move('halfOpen')
          break
        case 'halfOpen':
          if (this.#expire(now)) break
          if (this.#probes.size >= probes) return REFUSED
          this.#probes.set(++this.#lastProbe, now + probeTimeoutMs)
          return this.#lastProbe
      }
    }
  }

  /** An admitted call ended. `generation` is the one in which it was admitted. */
  settle(admission: number, generation: number, outcome: Outcome, now: number): void {
    if (admission === 0) {
      if (generation !== this.#generation || outcome === 'ignored') return
      if (this.#terms.evidence.record(outcome === 'ok', now)) this.#open(now)
      return
    }
    // A probe that had expired, or of an earlier half-open time, is not there any more.
    if (!this.#probes.delete(admission) || outcome === 'ignored') return
    if (outcome === 'failed') this.#probeFailed(now)
    else if (++this.#successes >= this.#terms.successes) this.#close()
  }

  /** When to ask again, in milliseconds; `undefined` when only a person knows. */
  retryAfterMs(now: number): number | undefined {
    if (this.#state === 'isolated') return undefined
    if (this.#state === 'open') return Math.max(this.#openUntil - now, 0)
    for (const deadline of this.#probes.values()) return Math.max(deadline - now, 0)
    return 0
  }

  /** Refuses everything until {@link reset}. */
  isolate(): void {
    if (this.#state !== 'isolated') this.#move('isolated')
  }

  /** Closes it and forgets what it knew. */
  reset(): void {
    this.#opens = 0
    if (this.#state === 'closed') this.#terms.evidence.reset()
    else this.#close()
  }

  /** Puts it where it was when it was saved. */
  restore(state: CircuitState, opens: number, openUntil: number, openForMs: number): void {
    this.#opens = opens
    this.#openUntil = openUntil
    this.#openForMs = openForMs
    if (state !== this.#state) this.#move(state)
  }

  #open(at: number): void {
    this.#opens++
    this.#openForMs = this.#terms.openForMs(this.#opens)
    this.#openUntil = at + this.#openForMs
    this.#move('open')
  }

  #close(): void {
    this.#opens = 0
    this.#move('closed')
  }

  /** Opens if that was one failure too many; whether it was. */
  #probeFailed(at: number): boolean {
    if (++this.#failures < this.#terms.failures) return false
    this.#open(at)
    return true
  }

  /** Counts probes as failed whose deadline has passed; whether that opened it. */
  #expire(now: number): boolean {
    for (const [probe, deadline] of this.#probes) {
      if (deadline > now) return false
      this.#probes.delete(probe)
      if (this.#probeFailed(deadline)) return true
    }
    return false
  }

  #move(to: CircuitState): void {
    const from = this.#state
    this.#state = to
    this.#generation++
    this.#probes.clear()
    this.#successes = 0
    this.#failures = 0
    if (to === 'closed') this.#terms.evidence.reset()
    this.#terms.moved(to, from)
  }
}
