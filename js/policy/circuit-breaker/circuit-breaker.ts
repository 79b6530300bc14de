import { options as checkOptions } from '../../internal/validate.ts'
import type { Clock } from '../../clock/types.ts'
import { isTimeoutError } from '../../errors/errors.ts'
import { BasePolicy, knownOptions } from '../pipeline/base-policy.ts'
import type { Call, Sink } from '../pipeline/call.ts'
import { Circuit, type CircuitState, type Outcome, REFUSED } from './state-machine.ts'
import { circuitTerms, type SavedCircuit, savedCircuit } from './options.ts'
import type { CircuitBreakerOptions } from './options.ts'
import type { CircuitRefusal } from '../rejection-reasons.ts'
import { circuitRefused, isRefusal } from '../rejections.ts'
import type { Evidence } from './failure-window.ts'
import { Abortable, type Scope } from '../pipeline/scope.ts'

/** What a {@link CircuitBreaker} tells. */
export interface CircuitBreakerEvents {
  readonly success: { readonly value: unknown; readonly durationMs: number }
  /** A call failed, or succeeded too slowly or with a value that is a failure: then there is no error. */
  readonly failure: { readonly error?: unknown; readonly durationMs: number }
  readonly reject: { readonly reason: CircuitRefusal }
  /** It opened; `error` is the failure that did it, if it was one. */
  readonly open: { readonly openForMs: number; readonly opens: number; readonly error?: unknown }
  readonly halfOpen: Record<never, never>
  readonly close: Record<never, never>
  readonly isolate: Record<never, never>
}

/** What a {@link CircuitBreaker} has counted, and where it stands. */
export interface CircuitBreakerStats {
  readonly state: CircuitState
  readonly succeeded: number
  readonly failed: number
  readonly rejected: number
  /** Calls that were given up before they ended. */
  readonly ignored: number
  /** How often it has opened since it was last closed. */
  readonly opens: number
}

const EVENTS: readonly (keyof CircuitBreakerEvents)[] = [
  'success',
  'failure',
  'reject',
  'open',
  'halfOpen',
  'close',
  'isolate',
]

/** Refuses calls while what is behind it fails. Made by {@link circuitBreaker}. */
export class CircuitBreaker extends BasePolicy<CircuitBreakerEvents> {
  /** @internal */
  readonly circuit: Circuit
  /** @internal Whether calls are timed: something depends on their duration or their date. */
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
  readonly #evidence: Evidence
  /** The failure that is being taken in, for the event of what it does. */
  #failing: unknown

  /** @internal */
  constructor(options: CircuitBreakerOptions) {
    super('circuit breaker', EVENTS, options)
    const terms = circuitTerms(options, this.system.random)
    this.slowAfterMs = terms.slowAfterMs
    this.isFailure = terms.isFailure
    this.isFailureResult = terms.isFailureResult
    this.#evidence = terms.evidence
    this.isTimed = terms.evidence.isTimed || terms.slowAfterMs < Infinity
    this.circuit = new Circuit({ ...terms, moved: (to) => this.#moved(to) })
    if (options.state !== undefined) this.restore(options.state)
  }

  /** Where it stands: what somebody would meet who called now. */
  get state(): CircuitState {
    return this.circuit.stateAt(this.system.clock.monoMs())
  }

  /** What was counted since it was made, and where it stands. */
  get stats(): CircuitBreakerStats {
    return { state: this.state, ...this.counts, opens: this.circuit.opens }
  }

  /** Refuses every call until {@link reset}. */
  isolate(): void {
    this.circuit.isolate()
  }

  /** Closes it, and forgets what it has seen. */
  reset(): void {
    this.circuit.reset()
  }

  /** Its state as plain data, for `JSON.stringify`, the option `state` and {@link restore}. */
  toJSON(): SavedCircuit {
    const { clock } = this.system
    const now = clock.monoMs()
    const { state, opens, openForMs, openUntil } = this.circuit
    const savedAtMs = clock.now().wallMs
    const saved = { version: 1 as const, savedAtMs, opens, evidence: this.#evidence.save(now) }
    if (state === 'closed' || state === 'isolated') return { ...saved, state }
    // Probes cannot be handed on: who takes over makes its own, at once.
    const leftMs = state === 'open' ? Math.max(openUntil - now, 0) : 0
    return { ...saved, state: 'open', openForMs, openUntilMs: savedAtMs + leftMs }
  }

  /**
   * Takes over a state that {@link toJSON} gave, in this process or another, by wall time: a clock that is wrong keeps it
   * open at most as long as it was to be open.
   *
   * @throws InvalidArgumentError for anything else; nothing is changed.
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
    this.#evidence.reset()
    this.#evidence.load(saved.evidence, now, Math.max(wallMs - saved.savedAtMs, 0))
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    const { circuit, system } = this
    const now = call.now(system.clock)
    const admission = circuit.enter(now)
    if (admission === REFUSED) {
      sink.failed(this.#refusal(now))
      return
    }
    const frame = new Frame(this, scope, sink, admission, now)
    scope.enter(frame)
    call.start(inside, scope, attempt, frame)
  }

  /** @internal Takes in how an admitted call ended. */
  settle(
    admission: number,
    generation: number,
    outcome: Outcome,
    startedAt: number,
    clock: Clock,
    error?: unknown,
  ): void {
    const needsNow = this.isTimed || outcome === 'failed' || admission > 0
    const now = needsNow ? clock.monoMs() : startedAt
    this.#failing = error
    this.circuit.settle(admission, generation, outcome, now)
    this.#failing = undefined
  }

  /** @internal What an error says. A refusal of a policy inside says nothing: nobody asked what is behind it. */
  outcomeOf(error: unknown): Outcome {
    if (this.isFailure !== undefined) return this.ask('isFailure', this.isFailure, true, error) ? 'failed' : 'ok'
    return isRefusal(error) ? 'ignored' : 'failed'
  }

  #refusal(now: number): Error {
    this.counts.rejected++
    const { state } = this.circuit
    const reason: CircuitRefusal = state === 'isolated' ? 'isolated' : state === 'open' ? 'open' : 'probing'
    if (this.observed) this.tell('reject', { reason })
    return circuitRefused(this.name, reason, this.circuit.retryAfterMs(now))
  }

  #moved(to: CircuitState): void {
    if (!this.observed) return
    const { openForMs, opens } = this.circuit
    if (to === 'open') {
      const failing = this.#failing
      this.tell('open', failing === undefined ? { openForMs, opens } : { openForMs, opens, error: failing })
    } else this.tell(to === 'closed' ? 'close' : to === 'isolated' ? 'isolate' : 'halfOpen', {})
  }
}

/** One admitted call. */
class Frame extends Abortable implements Sink {
  readonly #policy: CircuitBreaker
  readonly #scope: Scope
  readonly #sink: Sink
  readonly #admission: number
  readonly #generation: number
  readonly #startedAt: number
  #counted = false

  constructor(policy: CircuitBreaker, scope: Scope, sink: Sink, admission: number, startedAt: number) {
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
    if (!this.#counted) {
      const { isFailureResult } = policy
      const isBad =
        (isFailureResult !== undefined && policy.ask('isFailureResult', isFailureResult, true, value)) ||
        (policy.slowAfterMs < Infinity && this.#durationMs() > policy.slowAfterMs)
      this.#count(isBad ? 'failed' : 'ok', undefined, value)
    }
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    if (!this.#counted) {
      this.#count(policy.outcomeOf(error), error, undefined)
    }
    this.#sink.failed(error)
  }

  /** Counts now: who is behind the circuit may never answer. A timeout is their failure; anything else is the caller's wish. */
  aborted(reason: unknown): void {
    if (this.#counted) return
    this.#count(isTimeoutError(reason) ? this.#policy.outcomeOf(reason) : 'ignored', reason, undefined)
  }

  #count(outcome: Outcome, error: unknown, value: unknown): void {
    const policy = this.#policy
    this.#counted = true
    this.#scope.leave(this)
    if (outcome === 'ok') policy.counts.succeeded++
    else if (outcome === 'failed') policy.counts.failed++
    else policy.counts.ignored++
    if (policy.observed) this.#tell(outcome, error, value)
    policy.settle(this.#admission, this.#generation, outcome, this.#startedAt, policy.system.clock, error)
  }

  #tell(outcome: Outcome, error: unknown, value: unknown): void {
    const durationMs = this.#durationMs()
    if (outcome === 'ok') this.#policy.tell('success', { value, durationMs })
    else if (outcome === 'failed') {
      this.#policy.tell('failure', error === undefined ? { durationMs } : { error, durationMs })
    }
  }

  #durationMs(): number {
    return this.#policy.system.clock.monoMs() - this.#startedAt
  }
}

/**
 * Refuses calls while what is behind it fails, and finds out by itself when it works again.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const breaker = circuitBreaker({ failureRatio: 0.5, windowMs: 10_000, openForMs: { initialMs: 1000, maxMs: 60_000 } })
 * breaker.on('open', ({ openForMs }) => log.warn(`database is out, next look in ${openForMs} ms`))
 * const rows = await breaker.execute(({ signal }) => db.query(sql, { signal }))
 * ```
 */
export function circuitBreaker(options?: CircuitBreakerOptions): CircuitBreaker {
  const given = checkOptions('options', options)
  knownOptions(given, [
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
  return new CircuitBreaker(given)
}
