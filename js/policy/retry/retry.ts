/** The policy `retry`. The effect operator of that name is separate: `effect/operators/retry-repeat.ts` says why. */
import { isInvalidArgumentError } from '../../errors/errors.ts'
import { integer, optionalCallable, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import type { AbortScope } from '../pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from '../pipeline/base-policy.ts'
import type { PolicyCall, Sink } from '../pipeline/call.ts'
import { PausableCall } from '../pipeline/pausable-call.ts'
import type { PolicyOptions } from '../pipeline/types.ts'
import { isRejection } from '../rejections.ts'
import { optionalBudget, type RetryBudget } from './budget.ts'
import { nextPause, type Pauses, type Schedule, schedule, scheduleOf } from './schedule.ts'

/** Options of {@link retry}. */
export interface RetryOptions extends PolicyOptions {
  /** The most runs of the task in one call, with the first: an integer from 1. Default 3. */
  readonly maxAttempts?: number
  /**
   * Pauses between attempts: a schedule, or milliseconds from 0. Default: exponential from 100 ms to 30 s, full jitter.
   */
  readonly backoff?: Schedule | number
  /**
   * Returns the pause that an error asks for, in milliseconds, or `undefined`. The longer of this and the backoff
   * applies. Default: the error's `retryAfterMs`, if it has one.
   */
  readonly delayFrom?: (error: unknown, attempt: number) => number | undefined
  /**
   * The longest pause an error may ask for, in milliseconds, above 0. One that asks for more is not retried. Default 30
   * 000.
   */
  readonly maxDelayMs?: number
  /**
   * Returns whether to retry after an error. Default: after all errors but bad arguments and rejections (of a circuit
   * breaker, a bulkhead or admission), which mean that the service wants less load.
   */
  readonly when?: (error: unknown, attempt: number) => boolean
  /**
   * Returns whether to retry after a value. When no attempt is left, the call resolves with the last value. Default:
   * never.
   */
  readonly whenResult?: (value: unknown, attempt: number) => boolean
  /** The budget that retries are taken from. Default: no budget. */
  readonly budget?: RetryBudget
}

/** The reason for which a retry made no further attempt. */
export type GaveUp =
  /** `maxAttempts` were made, or the schedule ended. */
  | 'attempts'
  /** `when` returned false. */
  | 'unwanted'
  /** The budget had no token. */
  | 'budget'
  /** The error asked for more than `maxDelayMs`, or computing the pause failed. */
  | 'delay'
  /** The call was aborted, or the clock was closed. */
  | 'aborted'

/** Events of a {@link Retry}, by name. */
export interface RetryEvents {
  /** An attempt succeeded, which ends the call. */
  readonly success: { readonly value: unknown; readonly attempts: number }
  /** An attempt failed, or returned a `value` that `whenResult` matched. */
  readonly failure: { readonly error?: unknown; readonly value?: unknown; readonly attempt: number }
  /** Another attempt follows after a pause. */
  readonly retry: { readonly error?: unknown; readonly attempt: number; readonly delayMs: number }
  /** No further attempt follows: the call ends with its last outcome. */
  readonly giveUp: { readonly error?: unknown; readonly attempts: number; readonly because: GaveUp }
}

/** Counters of a {@link Retry} since its creation. */
export interface RetryStats extends MeasuredStats {
  /** Calls that began. */
  readonly calls: number
  /** Attempts beyond the first of each call. */
  readonly retries: number
  /** Calls that succeeded. */
  readonly succeeded: number
  /** Calls that ended without success. */
  readonly gaveUp: number
}

const EVENTS: readonly (keyof RetryEvents)[] = ['success', 'failure', 'retry', 'giveUp']

/** Returns the pause an error asks for; `undefined` for an error that cannot be read. */
function retryAfterOf(error: unknown): number | undefined {
  try {
    return (error as { retryAfterMs?: number } | null)?.retryAfterMs
  } catch {
    return undefined
  }
}
const isRetryable = (error: unknown): boolean => !isRejection(error) && !isInvalidArgumentError(error)

/** Runs a task again after failures. Created by {@link retry}. */
export class Retry extends BasePolicy<RetryEvents> {
  /** @internal */
  readonly maxAttempts: number
  /** @internal */
  readonly backoff: Schedule
  /** @internal */
  readonly delayFrom: (error: unknown, attempt: number) => number | undefined
  /** @internal */
  readonly maxDelayMs: number
  /** @internal */
  readonly when: (error: unknown, attempt: number) => boolean
  /** @internal */
  readonly whenResult: ((value: unknown, attempt: number) => boolean) | undefined
  /** @internal */
  readonly budget: RetryBudget | undefined
  /** @internal */
  readonly counts: { calls: number; retries: number; succeeded: number; gaveUp: number } = {
    calls: 0,
    retries: 0,
    succeeded: 0,
    gaveUp: 0,
  }

  /** @internal */
  constructor(options: RetryOptions) {
    super('retry', EVENTS, options)
    const { maxAttempts = 3, maxDelayMs = 30_000 } = options
    this.maxAttempts = integer('options.maxAttempts', 1, Number.MAX_SAFE_INTEGER, maxAttempts)
    this.backoff =
      options.backoff === undefined ? schedule.exponential() : scheduleOf('options.backoff', options.backoff)
    this.delayFrom =
      optionalCallable<(error: unknown, attempt: number) => number>('options.delayFrom', options.delayFrom) ??
      retryAfterOf
    this.maxDelayMs = positiveMillis('options.maxDelayMs', maxDelayMs)
    this.when =
      optionalCallable<(error: unknown, attempt: number) => boolean>('options.when', options.when) ?? isRetryable
    this.whenResult = optionalCallable('options.whenResult', options.whenResult)
    this.budget = optionalBudget('options.budget', options.budget)
  }

  /** @internal */
  get mayRepeat(): boolean {
    return this.maxAttempts > 1
  }

  /** A snapshot of the counters. */
  get stats(): RetryStats {
    return { ...this.counts, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    const { calls, gaveUp: failures } = this.counts
    return { calls, failures }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    this.budget?.deposit()
    call.start(next, scope, 1, new RetryCall(this, call, next, scope, sink))
  }
}

/** One call with its attempts. */
class RetryCall extends PausableCall implements Sink {
  readonly #policy: Retry
  readonly #call: PolicyCall
  readonly #next: number
  readonly #sink: Sink
  #attempt = 1
  #pauses: Pauses | undefined

  constructor(policy: Retry, call: PolicyCall, next: number, scope: AbortScope, sink: Sink) {
    super(scope)
    this.#policy = policy
    this.#call = call
    this.#next = next
    this.#sink = sink
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    if (
      policy.whenResult !== undefined &&
      policy.callPredicate('whenResult', policy.whenResult, false, value, attempt)
    ) {
      if (policy.isObserved) policy.emit('failure', { value, attempt })
      const because = this.#scheduleRetry(false, undefined)
      if (because === undefined) return
      this.#gaveUp(because)
    } else {
      policy.counts.succeeded++
      if (policy.isObserved) policy.emit('success', { value, attempts: attempt })
    }
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    if (policy.isObserved) policy.emit('failure', { error, attempt })
    const because = this.#scheduleRetry(true, error)
    if (because === undefined) return
    this.#gaveUp(because, error)
    this.#sink.failed(error)
  }

  /** The call was aborted during a pause. */
  abandoned(reason: unknown): void {
    this.#gaveUp('aborted', reason)
    this.#sink.failed(reason)
  }

  resumed(): void {
    this.#attempt++
    this.#call.start(this.#next, this.scope, this.#attempt, this)
  }

  /** Schedules another attempt, or returns why there is none. */
  #scheduleRetry(isFailure: boolean, error: unknown): GaveUp | undefined {
    const policy = this.#policy
    const attempt = this.#attempt
    if (this.scope.isAborted) return 'aborted'
    if (attempt >= policy.maxAttempts) return 'attempts'
    if (isFailure && !policy.callPredicate('when', policy.when, false, error, attempt)) return 'unwanted'
    const delayMs = this.#delay(error)
    if (typeof delayMs === 'string') return delayMs
    if (policy.budget?.withdraw(policy.system.clock.monoMs()) === false) return 'budget'
    policy.counts.retries++
    if (policy.isObserved) policy.emit('retry', { error, attempt, delayMs })
    return this.pause(policy.system.clock, delayMs, policy.name) ? undefined : 'aborted'
  }

  /**
   * Returns how long to pause: the longer of the schedule's pause and the error's; or why there is no further attempt.
   */
  #delay(error: unknown): number | GaveUp {
    const policy = this.#policy
    try {
      this.#pauses ??= policy.backoff.begin(policy.system.random)
      const planned = nextPause(this.#pauses)
      if (planned === undefined) return 'attempts'
      const asked = error === undefined ? undefined : policy.delayFrom(error, this.#attempt)
      if (typeof asked !== 'number' || !(asked > planned)) return planned
      return asked > policy.maxDelayMs ? 'delay' : asked
    } catch (second) {
      policy.system.report(second, `the pause of ${policy.name}`)
      return 'delay'
    }
  }

  #gaveUp(because: GaveUp, error?: unknown): void {
    const policy = this.#policy
    policy.counts.gaveUp++
    if (policy.isObserved) policy.emit('giveUp', { error, attempts: this.#attempt, because })
  }
}

/**
 * Creates a policy that runs a task again when it fails, after pauses. When no attempt is left, the call rejects with
 * the last error, unchanged.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const policy = retry({ maxAttempts: 4, backoff: schedule.exponential({ initialMs: 50 }), budget: retryBudget() })
 * const user = await policy.execute(() => db.find(id))
 * ```
 */
export function retry(options?: RetryOptions): Retry {
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['maxAttempts', 'backoff', 'delayFrom', 'maxDelayMs', 'when', 'whenResult', 'budget'])
  return new Retry(settings)
}
