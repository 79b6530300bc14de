/** The policy `repeat`. The effect operator of that name is separate: `effect/operators/retry-repeat.ts` says why. */
import { ifRejected } from '../../internal/thenable.ts'
import { integer, optionalCallable, options as checkOptions } from '../../internal/validate.ts'
import type { AbortScope } from '../pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from '../pipeline/base-policy.ts'
import type { PolicyCall, Sink } from '../pipeline/call.ts'
import { PausableCall } from '../pipeline/pausable-call.ts'
import type { PolicyOptions } from '../pipeline/types.ts'
import { nextPause, type Pauses, type Schedule, scheduleOf } from './schedule.ts'

/** Options of {@link repeat}. Without `times`, `until` and a schedule that ends, the task repeats until it fails. */
export interface RepeatOptions extends PolicyOptions {
  /** The number of runs of the task in one call: an integer from 1. Default: no bound. */
  readonly times?: number
  /** Pauses between runs: a schedule, whose end ends the repetition, or milliseconds from 0. */
  readonly every: Schedule | number
  /** Returns whether a value ends the repetition. What it throws rejects the call. Default: none does. */
  readonly until?: (value: unknown, attempt: number) => boolean
}

/** Events of a {@link Repeat}, by name. */
export interface RepeatEvents {
  /** The last run succeeded. */
  readonly success: { readonly value: unknown; readonly attempts: number }
  /** A run failed, which ends the call. */
  readonly failure: { readonly error: unknown; readonly attempt: number }
  /** A run succeeded, and another follows after a pause. */
  readonly repeat: { readonly value: unknown; readonly attempt: number; readonly delayMs: number }
}

/** Counters of a {@link Repeat} since its creation. */
export interface RepeatStats extends MeasuredStats {
  /** Calls that began. */
  readonly calls: number
  /** Runs of tasks. */
  readonly runs: number
}

const EVENTS: readonly (keyof RepeatEvents)[] = ['success', 'failure', 'repeat']

/** Runs a task again after each success. Created by {@link repeat}. */
export class Repeat extends BasePolicy<RepeatEvents> {
  /** @internal */
  readonly times: number
  /** @internal */
  readonly every: Schedule
  /** @internal */
  readonly until: ((value: unknown, attempt: number) => boolean) | undefined
  /** @internal */
  readonly counts: { calls: number; runs: number } = { calls: 0, runs: 0 }

  /** @internal */
  constructor(options: RepeatOptions) {
    super('repeat', EVENTS, options)
    const { times } = options
    this.times = times === undefined ? Infinity : integer('options.times', 1, Number.MAX_SAFE_INTEGER, times)
    this.every = scheduleOf('options.every', options.every)
    this.until = optionalCallable('options.until', options.until)
  }

  /** @internal */
  get mayRepeat(): boolean {
    return this.times > 1
  }

  /** A snapshot of the counters. */
  get stats(): RepeatStats {
    return { ...this.counts, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    return { calls: this.counts.calls }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    new RepeatCall(this, call, next, scope, sink).resumed()
  }
}

/** One call with its runs. */
class RepeatCall extends PausableCall implements Sink {
  readonly #policy: Repeat
  readonly #call: PolicyCall
  readonly #next: number
  readonly #sink: Sink
  #attempt = 0
  #pauses: Pauses | undefined

  constructor(policy: Repeat, call: PolicyCall, next: number, scope: AbortScope, sink: Sink) {
    super(scope)
    this.#policy = policy
    this.#call = call
    this.#next = next
    this.#sink = sink
  }

  resumed(): void {
    this.#attempt++
    this.#policy.counts.runs++
    this.#call.start(this.#next, this.scope, this.#attempt, this)
  }

  abandoned(reason: unknown): void {
    this.#sink.failed(reason)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    if (policy.isObserved) policy.emit('failure', { error, attempt: this.#attempt })
    this.#sink.failed(error)
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    let delayMs: number | undefined
    try {
      delayMs = this.#delay(value)
    } catch (error) {
      this.failed(error)
      return
    }
    if (delayMs !== undefined) {
      if (policy.isObserved) policy.emit('repeat', { value, attempt, delayMs })
      if (this.pause(policy.system.clock, delayMs, policy.name)) return
    }
    if (policy.isObserved) policy.emit('success', { value, attempts: attempt })
    this.#sink.succeeded(value)
  }

  /** Returns the pause before the next run, `undefined` after the last. What user functions throw rejects the call. */
  #delay(value: unknown): number | undefined {
    const policy = this.#policy
    if (this.scope.isAborted || this.#attempt >= policy.times) return undefined
    const { until } = policy
    if (until !== undefined) {
      const answer: unknown = until(value, this.#attempt)
      if (answer === true) return undefined
      ifRejected(answer, (error) => policy.system.report(error, `until of ${policy.name}`))
    }
    this.#pauses ??= policy.every.begin(policy.system.random)
    return nextPause(this.#pauses)
  }
}

/**
 * Creates a policy that runs a task again as long as it succeeds, with pauses. A call resolves with the last value, and
 * rejects with the first error.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const polling = repeat({ every: 1000, until: (job) => job.done })
 * const job = await polling.execute(({ signal }) => api.job(id, { signal }))
 * ```
 */
export function repeat(options: RepeatOptions): Repeat {
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['times', 'every', 'until'])
  return new Repeat(settings)
}
