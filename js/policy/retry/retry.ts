import { integer, optionalCallable, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import { isInvalidArgumentError } from '../../errors/errors.ts'
import { BasePolicy, knownOptions } from '../pipeline/base-policy.ts'
import { budgetOf, type RetryBudget } from './budget.ts'
import type { Call, Sink } from '../pipeline/call.ts'
import { isRefusal } from '../rejections.ts'
import { Pause } from '../pipeline/pause.ts'
import { nextPause, type Pauses, type Schedule, schedule, scheduleOf } from './schedule.ts'
import type { Scope } from '../pipeline/scope.ts'
import type { PolicyOptions } from '../pipeline/types.ts'

/** Options of {@link retry}. */
export interface RetryOptions extends PolicyOptions {
  /** How often the task is run at most, the first time included. Default 3. */
  readonly maxAttempts?: number
  /** Pauses between tries: a plan, or milliseconds. Default: exponential from 100 ms up to 30 s, with full jitter. */
  readonly backoff?: Schedule | number
  /**
   * The pause an error asks for, in milliseconds, or `undefined`. The longer of this and the backoff is waited. Default: the
   * error's `retryAfterMs`, if it has one.
   */
  readonly delayFrom?: (error: unknown, attempt: number) => number | undefined
  /** The longest pause an error may ask for, in milliseconds; one that asks for more is not retried. Default 30 000. */
  readonly maxDelayMs?: number
  /**
   * Whether an error is worth another try. Default: all but bad arguments and refusals (of a circuit breaker, a bulkhead or
   * admission), which mean that more load is not wanted.
   */
  readonly when?: (error: unknown, attempt: number) => boolean
  /** Whether a value is a failure worth another try. The last value is the call's if no try is left. Default: none is. */
  readonly whenResult?: (value: unknown, attempt: number) => boolean
  /** What retries are taken from. Default: there is no budget. */
  readonly budget?: RetryBudget
}

/** Why no further try was made. */
export type GaveUp = 'attempts' | 'unwanted' | 'budget' | 'delay' | 'aborted'

/** What a {@link Retry} tells. */
export interface RetryEvents {
  readonly success: { readonly value: unknown; readonly attempts: number }
  /** A try failed; with `value` if it was one that `whenResult` does not want. */
  readonly failure: { readonly error?: unknown; readonly value?: unknown; readonly attempt: number }
  /** Another try will be made. */
  readonly retry: { readonly error?: unknown; readonly attempt: number; readonly delayMs: number }
  readonly giveUp: { readonly error?: unknown; readonly attempts: number; readonly because: GaveUp }
}

/** What a {@link Retry} has counted. */
export interface RetryStats {
  readonly calls: number
  /** Tries beyond each first. */
  readonly retries: number
  readonly succeeded: number
  readonly gaveUp: number
}

const EVENTS: readonly (keyof RetryEvents)[] = ['success', 'failure', 'retry', 'giveUp']

/** What an error asks for; one that cannot be read asks for nothing. */
function fromError(error: unknown): number | undefined {
  try {
    return (error as { retryAfterMs?: number } | null)?.retryAfterMs
  } catch {
    return undefined
  }
}
const wanted = (error: unknown): boolean => !isRefusal(error) && !isInvalidArgumentError(error)

/** Tries again. Made by {@link retry}. */
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
  readonly counts: { -readonly [Name in keyof RetryStats]: number } = {
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
      optionalCallable<(error: unknown, attempt: number) => number>('options.delayFrom', options.delayFrom) ?? fromError
    this.maxDelayMs = positiveMillis('options.maxDelayMs', maxDelayMs)
    this.when = optionalCallable<(error: unknown, attempt: number) => boolean>('options.when', options.when) ?? wanted
    this.whenResult = optionalCallable('options.whenResult', options.whenResult)
    this.budget = budgetOf('options.budget', options.budget)
  }

  /** What was counted since it was made. */
  get stats(): RetryStats {
    return { ...this.counts }
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    this.budget?.deposit()
    call.start(inside, scope, 1, new Frame(this, call, inside, scope, sink))
  }
}

/** One call with its tries. */
class Frame extends Pause implements Sink {
  readonly #policy: Retry
  readonly #call: Call
  readonly #inside: number
  readonly #sink: Sink
  #attempt = 1
  #pauses: Pauses | undefined

  constructor(policy: Retry, call: Call, inside: number, scope: Scope, sink: Sink) {
    super(scope)
    this.#policy = policy
    this.#call = call
    this.#inside = inside
    this.#sink = sink
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    if (policy.whenResult !== undefined && policy.ask('whenResult', policy.whenResult, false, value, attempt)) {
      if (policy.observed) policy.tell('failure', { value, attempt })
      const because = this.#again(false, undefined)
      if (because === undefined) return
      this.#gaveUp(because)
    } else {
      policy.counts.succeeded++
      if (policy.observed) policy.tell('success', { value, attempts: attempt })
    }
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    if (policy.observed) policy.tell('failure', { error, attempt })
    const because = this.#again(true, error)
    if (because === undefined) return
    this.#gaveUp(because, error)
    this.#sink.failed(error)
  }

  /** Given up during a pause. */
  abandoned(reason: unknown): void {
    this.#gaveUp('aborted', reason)
    this.#sink.failed(reason)
  }

  resumed(): void {
    this.#attempt++
    this.#call.start(this.#inside, this.scope, this.#attempt, this)
  }

  /** Arranges another try, or says why there is none. */
  #again(isFailure: boolean, error: unknown): GaveUp | undefined {
    const policy = this.#policy
    const attempt = this.#attempt
    if (this.scope.isAborted) return 'aborted'
    if (attempt >= policy.maxAttempts) return 'attempts'
    if (isFailure && !policy.ask('when', policy.when, false, error, attempt)) return 'unwanted'
    const delayMs = this.#delay(error)
    if (typeof delayMs === 'string') return delayMs
    if (policy.budget?.withdraw(policy.system.clock.monoMs()) === false) return 'budget'
    policy.counts.retries++
    if (policy.observed) policy.tell('retry', { error, attempt, delayMs })
    return this.pause(policy.system.clock, delayMs) ? undefined : 'aborted'
  }

  /** How long to wait: the longer of the plan's pause and the error's. */
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
    if (policy.observed) policy.tell('giveUp', { error, attempts: this.#attempt, because })
  }
}

/**
 * Runs a task again when it fails, after pauses. When no try is left the call rejects with the last error, as it is.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const policy = retry({ maxAttempts: 4, backoff: schedule.exponential({ initialMs: 50 }), budget: retryBudget() })
 * const user = await policy.execute(() => db.find(id))
 * ```
 */
export function retry(options?: RetryOptions): Retry {
  const given = checkOptions('options', options)
  knownOptions(given, ['maxAttempts', 'backoff', 'delayFrom', 'maxDelayMs', 'when', 'whenResult', 'budget'])
  return new Retry(given)
}
