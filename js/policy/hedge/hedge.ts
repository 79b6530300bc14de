import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import { finite, integer, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import { AbortScope } from '../pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from '../pipeline/base-policy.ts'
import { bindContext } from '../pipeline/bind-context.ts'
import type { PolicyCall, Sink } from '../pipeline/call.ts'
import type { PolicyOptions } from '../pipeline/types.ts'
import { optionalBudget, type RetryBudget } from '../retry/budget.ts'
import { Latencies } from './latencies.ts'

/** Options of {@link hedge}. */
export interface HedgeOptions extends PolicyOptions {
  /**
   * The time an attempt may take before another starts beside it, in milliseconds, above 0. With `percentile`, it
   * applies until 20 calls succeeded.
   */
  readonly afterMs: number
  /** Another attempt starts when one takes longer than this share of the last 256 successes: above 0, below 1. */
  readonly percentile?: number
  /** The most attempts of one call, with the first: an integer from 2 to 1000. Default 2. */
  readonly max?: number
  /** The budget that additional attempts are taken from. Default: no budget. */
  readonly budget?: RetryBudget
}

/** Events of a {@link Hedge}, by name. */
export interface HedgeEvents {
  /** An attempt won: the first to succeed. */
  readonly success: { readonly value: unknown; readonly attempt: number }
  /** An attempt failed before any had won. */
  readonly failure: { readonly error: unknown; readonly attempt: number }
  /** Another attempt starts, with this number. */
  readonly hedge: { readonly attempt: number }
  /** An attempt ended after another had won. `error` is there if it failed on its own. */
  readonly late: { readonly attempt: number; readonly error?: unknown }
}

/** Counters of a {@link Hedge} since its creation. */
export interface HedgeStats extends MeasuredStats {
  /** Calls that began. */
  readonly calls: number
  /** Attempts beyond the first of each call. */
  readonly hedges: number
  /** Calls that such an attempt won. */
  readonly won: number
  /** Attempts that still run although their call is over. */
  readonly late: number
}

const EVENTS: readonly (keyof HedgeEvents)[] = ['success', 'failure', 'hedge', 'late']
/** The number of latencies that the percentile is computed from, and the number that it needs. */
const SAMPLES = 256
const MIN_SAMPLES = 20

/** Starts further attempts beside slow ones. Created by {@link hedge}. */
export class Hedge extends BasePolicy<HedgeEvents> {
  /** @internal */
  readonly max: number
  /** @internal */
  readonly budget: RetryBudget | undefined
  /** @internal */
  readonly latencies: Latencies | undefined
  /** @internal */
  readonly counts: { calls: number; hedges: number; won: number; late: number } = {
    calls: 0,
    hedges: 0,
    won: 0,
    late: 0,
  }
  readonly #afterMs: number

  /** @internal */
  constructor(options: HedgeOptions) {
    super('hedge', EVENTS, options)
    const { afterMs, percentile, max = 2, budget } = options
    this.#afterMs = positiveMillis('options.afterMs', afterMs)
    if (percentile !== undefined && (finite('options.percentile', percentile) <= 0 || percentile >= 1)) {
      throw new InvalidArgumentError('options.percentile', 'above 0 and below 1', percentile)
    }
    this.latencies = percentile === undefined ? undefined : new Latencies(SAMPLES, percentile)
    this.max = integer('options.max', 2, 1000, max)
    this.budget = optionalBudget('options.budget', budget)
  }

  /** @internal */
  get mayRepeat(): boolean {
    return true
  }

  /** A snapshot of the counters. */
  get stats(): HedgeStats {
    return { ...this.counts, ...this.measured }
  }

  /** The time an attempt may take now before another starts beside it, in milliseconds. */
  get afterMs(): number {
    const { latencies } = this
    if (latencies === undefined || latencies.count < MIN_SAMPLES) return this.#afterMs
    return latencies.value() as number
  }

  /** @internal */
  override get reading(): PolicyReading {
    return { calls: this.counts.calls }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    this.budget?.deposit()
    new HedgedCall(this, call, next, scope, sink).startAttempt()
  }
}

/** One call: the state that its attempts share. */
class HedgedCall {
  readonly policy: Hedge
  readonly #call: PolicyCall
  readonly #next: number
  readonly #scope: AbortScope
  readonly #sink: Sink
  readonly #attempts: HedgeAttempt[] = []
  #running = 0
  #isOver = false
  #timer: TimerHandle | undefined

  constructor(policy: Hedge, call: PolicyCall, next: number, scope: AbortScope, sink: Sink) {
    this.policy = policy
    this.#call = call
    this.#next = next
    this.#scope = scope
    this.#sink = sink
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Starts another attempt, and the timer of the next. */
  startAttempt(): void {
    const { policy } = this
    const number = this.#attempts.length + 1
    const attempt = new HedgeAttempt(this, number, policy.latencies === undefined ? 0 : policy.system.clock.monoMs())
    this.#attempts.push(attempt)
    this.#running++
    this.#scope.enter(attempt)
    if (number < policy.max) this.#armNext()
    this.#call.start(this.#next, attempt, number, attempt)
  }

  /** An attempt succeeded first. */
  won(attempt: HedgeAttempt, value: unknown): void {
    const { policy } = this
    this.#end(attempt)
    if (attempt.number > 1) policy.counts.won++
    policy.latencies?.add(policy.system.clock.monoMs() - attempt.startedAt)
    if (policy.isObserved) policy.emit('success', { value, attempt: attempt.number })
    this.#abortOthers(attempt)
    this.#sink.succeeded(value)
  }

  /** An attempt failed. Another starts at once if one may; else the last attempt to fail rejects the call. */
  lost(attempt: HedgeAttempt, error: unknown): void {
    const { policy } = this
    this.#running--
    this.#scope.leave(attempt)
    if (policy.isObserved) policy.emit('failure', { error, attempt: attempt.number })
    if (!this.#scope.isAborted && this.#mayTry()) {
      this.#hedge()
      return
    }
    if (this.#running > 0) return
    this.#end(attempt)
    this.#sink.failed(error)
  }

  /** Starts no further attempt. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #mayTry(): boolean {
    const { policy } = this
    if (this.#isOver || this.#attempts.length >= policy.max) return false
    return policy.budget?.withdraw(policy.system.clock.monoMs()) !== false
  }

  #hedge(): void {
    const { policy } = this
    this.#timer?.cancel()
    policy.counts.hedges++
    if (policy.isObserved) policy.emit('hedge', { attempt: this.#attempts.length + 1 })
    this.startAttempt()
  }

  #armNext(): void {
    const { clock } = this.policy.system
    const onTimer = bindContext(() => {
      if (!this.#isOver && !this.#scope.isAborted && timer === this.#timer && this.#mayTry()) this.#hedge()
    })
    let timer: TimerHandle | undefined
    try {
      timer = limitOn(clock, this.policy.afterMs, this.policy.name, onTimer)
    } catch {
      // The clock is closed: the running attempts go on by themselves.
    }
    this.#timer = timer
  }

  #end(attempt: HedgeAttempt): void {
    this.#isOver = true
    this.#scope.leave(attempt)
    this.stop()
  }

  #abortOthers(winner: HedgeAttempt): void {
    if (this.#running < 2) return
    const reason = new DOMException('another try was faster', 'AbortError')
    for (const attempt of this.#attempts) {
      if (attempt === winner || attempt.hasEnded) continue
      this.policy.counts.late++
      this.#scope.leave(attempt)
      attempt.abort(reason)
    }
  }
}

/** One attempt. It is also the scope of the policies inside, so that it can be aborted alone. */
class HedgeAttempt extends AbortScope implements Sink {
  readonly number: number
  readonly startedAt: number
  hasEnded = false
  readonly #call: HedgedCall

  constructor(call: HedgedCall, number: number, startedAt: number) {
    super(true)
    this.#call = call
    this.number = number
    this.startedAt = startedAt
  }

  succeeded(value: unknown): void {
    this.hasEnded = true
    if (this.#call.isOver) this.#late({ attempt: this.number })
    else this.#call.won(this, value)
  }

  failed(error: unknown): void {
    this.hasEnded = true
    if (this.#call.isOver) this.#late({ attempt: this.number, error })
    else this.#call.lost(this, error)
  }

  override aborted(reason: unknown): void {
    this.#call.stop()
    super.aborted(reason)
  }

  /** Ends after another attempt had won. Its failure is not reported, because the caller has a value. */
  #late(event: HedgeEvents['late']): void {
    const { policy } = this.#call
    policy.counts.late--
    if (!policy.isObserved) return
    policy.emit('late', 'error' in event && isAbortEcho(event.error, this.reason) ? { attempt: event.attempt } : event)
  }
}

/**
 * Creates a policy that starts another attempt beside a slow one. The first success is the call's value, and the
 * signals of the other attempts abort. Use it only for work that may run twice.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const fast = hedge({ afterMs: 200, percentile: 0.95, budget: retryBudget({ ratio: 0.05 }) })
 * const page = await fast.execute(({ signal }) => fetch(url, { signal }))
 * ```
 */
export function hedge(options: HedgeOptions): Hedge {
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['afterMs', 'percentile', 'max', 'budget'])
  return new Hedge(settings)
}
