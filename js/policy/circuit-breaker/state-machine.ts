/** The decision of a circuit breaker, as a state machine without a clock. */
import type { FailureWindow } from './failure-window.ts'

/** The state of a circuit. */
export type CircuitState =
  /** Calls pass, and their outcomes are counted. */
  | 'closed'
  /** Calls are rejected, for a time. */
  | 'open'
  /** A few calls pass as probes; others are rejected. */
  | 'halfOpen'
  /** Calls are rejected until `reset()`. */
  | 'isolated'

/** The outcome of an admitted call. `ignored` says nothing about the service behind the circuit. */
export type CallOutcome = 'ok' | 'failed' | 'ignored'

/** The settings of a circuit, checked. Durations are milliseconds. */
export interface CircuitSettings {
  /** Decides when a closed circuit opens. */
  readonly failureWindow: FailureWindow
  /** Returns how long it stays open, from how often it has opened in a row, from 1. */
  readonly openForMs: (opens: number) => number
  /** The most probes under way at a time. */
  readonly probes: number
  /** The number of successful probes that closes it. */
  readonly successes: number
  /** The number of failed probes that opens it again. */
  readonly failures: number
  /** A probe that takes longer counts as failed. */
  readonly probeTimeoutMs: number
  /** Called after each change of state. */
  readonly onTransition: (to: CircuitState, from: CircuitState) => void
}

/** The answer of {@link Circuit.enter} for a call that is rejected. */
export const REJECTED = -1

/**
 * The decision of a circuit breaker: a state machine over events, with time as an argument and no timer. An open
 * circuit is half open from `openUntil` on, at the next call. A probe that never ends has failed at its deadline. So no
 * state but `isolated` can last for ever, and nothing has to keep the machine going.
 */
export class Circuit {
  readonly #settings: CircuitSettings
  #state: CircuitState = 'closed'
  /** Outcomes of calls that were admitted before a change of state do not count after it. */
  #generation = 0
  #opens = 0
  #openUntil = -Infinity
  #openForMs = 0
  /** Deadlines of the probes under way, by the probe's number, so the oldest comes first. */
  readonly #probes = new Map<number, number>()
  #lastProbe = 0
  #successes = 0
  #failures = 0

  constructor(settings: CircuitSettings) {
    this.#settings = settings
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Increases with each change of state. */
  get generation(): number {
    return this.#generation
  }

  /** The number of times it has opened since it was last closed. */
  get opens(): number {
    return this.#opens
  }

  /** Monotonic time in ms at which an open circuit becomes half open. */
  get openUntil(): number {
    return this.#openUntil
  }

  /** The time it stays open in all, in ms. */
  get openForMs(): number {
    return this.#openForMs
  }

  /** Returns the state that a call at this time would meet. Changes nothing. */
  stateAt(now: number): CircuitState {
    return this.#state === 'open' && now >= this.#openUntil ? 'halfOpen' : this.#state
  }

  /** Asks to let a call in. Returns 0 for a normal call, the number of a probe, or {@link REJECTED}. */
  enter(now: number): number {
    const { probes, probeTimeoutMs } = this.#settings
    for (;;) {
      switch (this.#state) {
        case 'closed':
          return 0
        case 'isolated':
          return REJECTED
        case 'open':
          if (now < this.#openUntil) return REJECTED
          this.#transition('halfOpen')
          break
        case 'halfOpen':
          if (this.#expire(now)) break
          if (this.#probes.size >= probes) return REJECTED
          this.#probes.set(++this.#lastProbe, now + probeTimeoutMs)
          return this.#lastProbe
      }
    }
  }

  /** Takes in how an admitted call ended. `generation` is that of its admission. */
  settle(admission: number, generation: number, outcome: CallOutcome, now: number): void {
    if (admission === 0) {
      if (generation !== this.#generation || outcome === 'ignored') return
      if (this.#settings.failureWindow.record(outcome === 'ok', now)) this.#open(now)
      return
    }
    // Probes that had expired, or belong to an earlier half-open time, are not in the map any more.
    if (!this.#probes.delete(admission) || outcome === 'ignored') return
    if (outcome === 'failed') this.#probeFailed(now)
    else if (++this.#successes >= this.#settings.successes) this.#close()
  }

  /** Returns how long to wait before another call, in ms; `undefined` when it is isolated. */
  retryAfterMs(now: number): number | undefined {
    if (this.#state === 'isolated') return undefined
    if (this.#state === 'open') return Math.max(this.#openUntil - now, 0)
    for (const deadline of this.#probes.values()) return Math.max(deadline - now, 0)
    return 0
  }

  /** Rejects all calls until {@link reset}. */
  isolate(): void {
    if (this.#state !== 'isolated') this.#transition('isolated')
  }

  /** Closes it and forgets all outcomes. */
  reset(): void {
    this.#opens = 0
    if (this.#state === 'closed') this.#settings.failureWindow.reset()
    else this.#close()
  }

  /** Restores a saved state. */
  restore(state: CircuitState, opens: number, openUntil: number, openForMs: number): void {
    this.#opens = opens
    this.#openUntil = openUntil
    this.#openForMs = openForMs
    if (state !== this.#state) this.#transition(state)
  }

  #open(at: number): void {
    this.#opens++
    this.#openForMs = this.#settings.openForMs(this.#opens)
    this.#openUntil = at + this.#openForMs
    this.#transition('open')
  }

  #close(): void {
    this.#opens = 0
    this.#transition('closed')
  }

  /** Counts a failed probe. Returns whether that opened the circuit. */
  #probeFailed(at: number): boolean {
    if (++this.#failures < this.#settings.failures) return false
    this.#open(at)
    return true
  }

  /** Counts probes as failed whose deadline has passed. Returns whether that opened the circuit. */
  #expire(now: number): boolean {
    for (const [probe, deadline] of this.#probes) {
      if (deadline > now) return false
      this.#probes.delete(probe)
      if (this.#probeFailed(deadline)) return true
    }
    return false
  }

  #transition(to: CircuitState): void {
    const from = this.#state
    this.#state = to
    this.#generation++
    this.#probes.clear()
    this.#successes = 0
    this.#failures = 0
    if (to === 'closed') this.#settings.failureWindow.reset()
    this.#settings.onTransition(to, from)
  }
}
