import { channel } from 'node:diagnostics_channel'

import { monoMsOf } from '../../clock/observed-time.ts'
import type { Clock } from '../../clock/types.ts'
import { isTimeoutError } from '../../errors/errors.ts'
import { options as checkOptions } from '../../internal/validate.ts'
import { Abortable, type AbortScope } from '../pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from '../pipeline/base-policy.ts'
import type { PolicyCall, Sink } from '../pipeline/call.ts'
import type { CircuitRefusal } from '../rejection-reasons.ts'
import { circuitOpenError, isRejection } from '../rejections.ts'
import type { FailureWindow } from './failure-window.ts'
import { breakerSettings, type SavedCircuit, savedCircuit } from './options.ts'
import type { CircuitBreakerOptions } from './options.ts'
import type { System } from '../../system/system.ts'
import { type CallOutcome, Circuit, type CircuitState, REJECTED } from './state-machine.ts'

/** Events of a {@link CircuitBreaker}, by name. `durationMs` is the time that the task took, in milliseconds. */
export interface CircuitBreakerEvents {
  /** A call succeeded. */
  readonly success: { readonly value: unknown; readonly durationMs: number }
  /** A call failed. Without `error` it succeeded too slowly, or with a value that counts as a failure. */
  readonly failure: { readonly error?: unknown; readonly durationMs: number }
  /** A call was rejected with `CircuitOpenError`, for this `reason`; its task was not run. */
  readonly reject: { readonly reason: CircuitRefusal }
  /**
   * The circuit opened, for `openForMs` milliseconds; it has opened `opens` times since it was last closed. `error` is
   * the failure that opened it, if one did.
   */
  readonly open: { readonly openForMs: number; readonly opens: number; readonly error?: unknown }
  /** The circuit became half open: the next calls are probes. */
  readonly halfOpen: Record<never, never>
  /** The circuit closed. */
  readonly close: Record<never, never>
  /** `isolate()` was called. */
  readonly isolate: Record<never, never>
}

/** The state of a {@link CircuitBreaker}, and its counters since its creation. */
export interface CircuitBreakerStats extends MeasuredStats {
  /** The state that a call would meet now. */
  readonly state: CircuitState
  /** Calls that counted as successes. */
  readonly succeeded: number
  /** Calls that counted as failures. */
  readonly failed: number
  /** Calls that were rejected. */
  readonly rejected: number
  /** Calls that counted as nothing: aborted before they ended, or rejected by a policy inside. */
  readonly ignored: number
  /** The number of times it has opened since it was last closed. */
  readonly opens: number
}

/** A message of the diagnostics channel `keelson:circuit`: a circuit breaker changed its state. */
export interface CircuitChange {
  /** The name of the breaker. */
  readonly policy: string
  /** The system of the breaker. */
  readonly system: System
  /** The state before. */
  readonly from: CircuitState
  /** The state from now on. */
  readonly to: CircuitState
  /** The number of times it has opened since it was last closed. */
  readonly opens: number
  /** The time for which it opened last, in ms. */
  readonly openForMs: number
  /** The failure that opened it, if one did. */
  readonly error?: unknown
}

const circuits = channel('keelson:circuit')

const EVENTS: readonly (keyof CircuitBreakerEvents)[] = [
  'success',
  'failure',
  'reject',
  'open',
  'halfOpen',
  'close',
  'isolate',
]

/** Rejects calls while the service behind it fails. Created by {@link circuitBreaker}. */
export class CircuitBreaker extends BasePolicy<CircuitBreakerEvents> {
  /** @internal */
  readonly circuit: Circuit
  /** @internal True if outcomes need the time: for a time window or for `slowAfterMs`. */
  readonly isTimed: boolean
  /** @internal */
  readonly slowAfterMs: number
  /** @internal */
  readonly isFailure: ((error: unknown) => boolean) | undefined
  /** @internal */
  readonly isFailureResult: ((value: unknown) => boolean) | undefined
  /** @internal */
  readonly counts: { succeeded: number; failed: number; rejected: number; ignored: number } = {
    succeeded: 0,
    failed: 0,
    rejected: 0,
    ignored: 0,
  }
  readonly #failureWindow: FailureWindow
  /** The failure that is being settled, for the event `open`. */
  #currentError: unknown

  /** @internal */
  constructor(options: CircuitBreakerOptions) {
    super('circuit breaker', EVENTS, options)
    const settings = breakerSettings(options, this.system.random)
    this.slowAfterMs = settings.slowAfterMs
    this.isFailure = settings.isFailure
    this.isFailureResult = settings.isFailureResult
    this.#failureWindow = settings.failureWindow
    this.isTimed = settings.failureWindow.isTimed || settings.slowAfterMs < Infinity
    this.circuit = new Circuit({ ...settings, onTransition: (to, from) => this.#onTransition(to, from) })
    if (options.state !== undefined) this.restore(options.state)
  }

  /** The state that a call would meet now. */
  get state(): CircuitState {
    return this.circuit.stateAt(this.system.clock.monoMs())
  }

  /** A snapshot of the state and the counters. */
  get stats(): CircuitBreakerStats {
    return { state: this.state, ...this.counts, opens: this.circuit.opens, ...this.measured }
  }

  /** @internal */
  override get isMade(): boolean {
    return (this.circuit as Circuit | undefined) !== undefined
  }

  /** @internal */
  override get reading(): PolicyReading {
    const { succeeded, failed: failures, rejected, ignored } = this.counts
    const state = this.circuit.stateAt(monoMsOf(this.system.clock))
    return { state, calls: succeeded + failures + rejected + ignored, failures, rejected }
  }

  /** Rejects every call with `CircuitOpenError` (`'isolated'`) until {@link reset}. */
  isolate(): void {
    this.circuit.isolate()
  }

  /** Closes the circuit and forgets all outcomes. */
  reset(): void {
    this.circuit.reset()
  }

  /** Returns its state as plain data, for `JSON.stringify`, the option `state` and {@link restore}. */
  toJSON(): SavedCircuit {
    const { clock } = this.system
    const now = clock.monoMs()
    const { state, opens, openForMs, openUntil } = this.circuit
    const savedAtMs = clock.now().wallMs
    const saved = { version: 1 as const, savedAtMs, opens, evidence: this.#failureWindow.save(now) }
    if (state === 'closed' || state === 'isolated') return { ...saved, state }
    // Probes cannot be saved: a breaker that restores a half-open circuit starts its own, at once.
    const leftMs = state === 'open' ? Math.max(openUntil - now, 0) : 0
    return { ...saved, state: 'open', openForMs, openUntilMs: savedAtMs + leftMs }
  }

  /**
   * Restores a state that {@link toJSON} returned, in this process or another. Its times are wall time; a wrong clock
   * keeps the circuit open at most as long as it had been opened for.
   *
   * @throws InvalidArgumentError for any other value; nothing changes.
   */
  restore(state: SavedCircuit): void {
    const saved = savedCircuit('state', state)
    const { clock } = this.system
    const now = clock.monoMs()
    const { wallMs } = clock.now()
    const isOpen = saved.state === 'open'
    const openForMs = isOpen ? saved.openForMs : 0
    const leftMs = isOpen ? Math.min(Math.max(saved.openUntilMs - wallMs, 0), openForMs) : 0
    this.circuit.restore(saved.state, saved.opens, now + leftMs, openForMs)
    this.#failureWindow.reset()
    this.#failureWindow.load(saved.evidence, now, Math.max(wallMs - saved.savedAtMs, 0))
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    const { circuit, system } = this
    const now = call.now(system.clock)
    const admission = circuit.enter(now)
    if (admission === REJECTED) {
      sink.failed(this.#rejection(now))
      return
    }
    const admitted = new BreakerCall(this, scope, sink, admission, now)
    scope.enter(admitted)
    call.start(next, scope, attempt, admitted)
  }

  /** @internal Counts how an admitted call ended. */
  settle(
    admission: number,
    generation: number,
    outcome: CallOutcome,
    startedAt: number,
    clock: Clock,
    error?: unknown,
  ): void {
    const needsNow = this.isTimed || outcome === 'failed' || admission > 0
    const now = needsNow ? clock.monoMs() : startedAt
    this.#currentError = error
    this.circuit.settle(admission, generation, outcome, now)
    this.#currentError = undefined
  }

  /**
   * @internal Returns what an error says of the service. A rejection by a policy inside says nothing: it never called
   * it.
   */
  outcomeOf(error: unknown): CallOutcome {
    if (this.isFailure !== undefined)
      return this.callPredicate('isFailure', this.isFailure, true, error) ? 'failed' : 'ok'
    return isRejection(error) ? 'ignored' : 'failed'
  }

  #rejection(now: number): Error {
    this.counts.rejected++
    const { state } = this.circuit
    const reason: CircuitRefusal = state === 'isolated' ? 'isolated' : state === 'open' ? 'open' : 'probing'
    if (this.isObserved) this.emit('reject', { reason })
    return circuitOpenError(this.name, reason, this.circuit.retryAfterMs(now))
  }

  #onTransition(to: CircuitState, from: CircuitState): void {
    const { openForMs, opens } = this.circuit
    if (circuits.hasSubscribers) {
      const change: CircuitChange = { policy: this.name, system: this.system, from, to, opens, openForMs }
      circuits.publish(this.#currentError === undefined ? change : { ...change, error: this.#currentError })
    }
    if (!this.isObserved) return
    if (to === 'open') {
      const error = this.#currentError
      this.emit('open', error === undefined ? { openForMs, opens } : { openForMs, opens, error })
    } else this.emit(to === 'closed' ? 'close' : to === 'isolated' ? 'isolate' : 'halfOpen', {})
  }
}

/** One admitted call. */
class BreakerCall extends Abortable implements Sink {
  readonly #policy: CircuitBreaker
  readonly #scope: AbortScope
  readonly #sink: Sink
  readonly #admission: number
  readonly #generation: number
  readonly #startedAt: number
  #isCounted = false

  constructor(policy: CircuitBreaker, scope: AbortScope, sink: Sink, admission: number, startedAt: number) {
    super()
    this.#policy = policy
    this.#scope = scope
    this.#sink = sink
    this.#admission = admission
    this.#generation = policy.circuit.generation
    this.#startedAt = startedAt
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    if (!this.#isCounted) {
      const { isFailureResult } = policy
      const isFailure =
        (isFailureResult !== undefined && policy.callPredicate('isFailureResult', isFailureResult, true, value)) ||
        (policy.slowAfterMs < Infinity && this.#durationMs() > policy.slowAfterMs)
      this.#count(isFailure ? 'failed' : 'ok', undefined, value)
    }
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    if (!this.#isCounted) {
      this.#count(policy.outcomeOf(error), error, undefined)
    }
    this.#sink.failed(error)
  }

  /**
   * Counts at once, as the service may never answer. A timeout counts as its failure; any other reason is the caller's.
   */
  aborted(reason: unknown): void {
    if (this.#isCounted) return
    this.#count(isTimeoutError(reason) ? this.#policy.outcomeOf(reason) : 'ignored', reason, undefined)
  }

  #count(outcome: CallOutcome, error: unknown, value: unknown): void {
    const policy = this.#policy
    this.#isCounted = true
    this.#scope.leave(this)
    if (outcome === 'ok') policy.counts.succeeded++
    else if (outcome === 'failed') policy.counts.failed++
    else policy.counts.ignored++
    if (policy.isObserved) this.#emit(outcome, error, value)
    policy.settle(this.#admission, this.#generation, outcome, this.#startedAt, policy.system.clock, error)
  }

  #emit(outcome: CallOutcome, error: unknown, value: unknown): void {
    const durationMs = this.#durationMs()
    if (outcome === 'ok') this.#policy.emit('success', { value, durationMs })
    else if (outcome === 'failed') {
      this.#policy.emit('failure', error === undefined ? { durationMs } : { error, durationMs })
    }
  }

  #durationMs(): number {
    return this.#policy.system.clock.monoMs() - this.#startedAt
  }
}

/**
 * Creates a policy that rejects calls with `CircuitOpenError` while the service behind it fails. After a time it lets
 * single calls through as probes, and closes when they succeed.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const openForMs = { initialMs: 1000, maxMs: 60_000 }
 * const breaker = circuitBreaker({ failureRatio: 0.5, windowMs: 10_000, openForMs })
 * breaker.on('open', ({ openForMs }) => log.warn(`the database fails, next probe in ${openForMs} ms`))
 * const rows = await breaker.execute(({ signal }) => db.query(sql, { signal }))
 * ```
 */
export function circuitBreaker(options?: CircuitBreakerOptions): CircuitBreaker {
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, [
    'consecutive',
    'failureRatio',
    'calls',
    'windowMs',
    'minimumCalls',
    'slowAfterMs',
    'openForMs',
    'halfOpen',
    'isFailure',
    'isFailureResult',
    'state',
  ])
  return new CircuitBreaker(settings)
}
