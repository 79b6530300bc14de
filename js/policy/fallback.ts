import { InvalidArgumentError } from '../errors/errors.ts'
import { optionalCallable, options as checkOptions } from '../internal/validate.ts'
import type { AbortScope } from './pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from './pipeline/base-policy.ts'
import { type PolicyCall, runTask, type Sink } from './pipeline/call.ts'
import type { PolicyContext, PolicyOptions } from './pipeline/types.ts'

/** Options of {@link fallback}. */
export interface FallbackOptions extends PolicyOptions {
  /** Returns whether an error is replaced. Default: every error is, unless the caller aborted the call. */
  readonly when?: (error: unknown) => boolean
  /** Returns whether a value is replaced. Default: none is. */
  readonly whenResult?: (value: unknown) => boolean
}

/**
 * A replacement: a value, or a function that returns one. The function gets the error, or `undefined` for a replaced
 * value.
 */
export type Substitute<F> = F | ((error: unknown, context: PolicyContext) => F | PromiseLike<F>)

/** Events of a {@link Fallback}, by name. */
export interface FallbackEvents {
  /** The task succeeded, and its value was not replaced. */
  readonly success: { readonly value: unknown }
  /** The task failed, and its error was not replaced. */
  readonly failure: { readonly error: unknown }
  /** The substitute is used: for `error`, or for the `value` that `whenResult` matched. */
  readonly fallback: { readonly error?: unknown; readonly value?: unknown }
}

/** Counters of a {@link Fallback} since its creation. */
export interface FallbackStats extends MeasuredStats {
  /** Calls whose own value was returned. */
  readonly succeeded: number
  /** Calls that rejected with the task's own error. */
  readonly failed: number
  /** Calls for which the substitute was used. */
  readonly replaced: number
}

const EVENTS: readonly (keyof FallbackEvents)[] = ['success', 'failure', 'fallback']

/** Replaces failures by a substitute. Created by {@link fallback}. */
export class Fallback extends BasePolicy<FallbackEvents> {
  /** @internal */
  readonly substitute: Substitute<unknown>
  /** @internal */
  readonly when: ((error: unknown) => boolean) | undefined
  /** @internal */
  readonly whenResult: ((value: unknown) => boolean) | undefined
  /** @internal */
  readonly counts: { succeeded: number; failed: number; replaced: number } = { succeeded: 0, failed: 0, replaced: 0 }

  /** @internal */
  constructor(substitute: Substitute<unknown>, options: FallbackOptions) {
    super('fallback', EVENTS, options)
    this.substitute = substitute
    this.when = optionalCallable('options.when', options.when)
    this.whenResult = optionalCallable('options.whenResult', options.whenResult)
  }

  /** A snapshot of the counters. */
  get stats(): FallbackStats {
    return { ...this.counts, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    const { succeeded, failed: failures, replaced } = this.counts
    return { calls: succeeded + failures + replaced, failures }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    call.start(next, scope, attempt, new FallbackCall(this, scope, attempt, sink))
  }
}

/** One call under a fallback. */
class FallbackCall implements Sink {
  readonly #policy: Fallback
  readonly #scope: AbortScope
  readonly #attempt: number
  readonly #sink: Sink

  constructor(policy: Fallback, scope: AbortScope, attempt: number, sink: Sink) {
    this.#policy = policy
    this.#scope = scope
    this.#attempt = attempt
    this.#sink = sink
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    if (policy.whenResult !== undefined && policy.callPredicate('whenResult', policy.whenResult, false, value)) {
      if (policy.isObserved) policy.emit('fallback', { value })
      this.#replace(undefined)
      return
    }
    policy.counts.succeeded++
    if (policy.isObserved) policy.emit('success', { value })
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    const isWanted = policy.when === undefined || policy.callPredicate('when', policy.when, false, error)
    if (isWanted && !this.#scope.isAborted) {
      if (policy.isObserved) policy.emit('fallback', { error })
      this.#replace(error)
      return
    }
    policy.counts.failed++
    if (policy.isObserved) policy.emit('failure', { error })
    this.#sink.failed(error)
  }

  /** Answers with the substitute. A failure of the substitute is the call's failure. */
  #replace(error: unknown): void {
    const { substitute, counts } = this.#policy
    counts.replaced++
    if (typeof substitute !== 'function') this.#sink.succeeded(substitute)
    else runTask((context) => substitute(error, context) as unknown, this.#scope, this.#attempt, this.#sink)
  }
}

/**
 * Creates a policy that returns a substitute when the task fails. A substitute that is a function runs as a task does;
 * a failure of it rejects the call.
 *
 * @param substitute - A value other than `undefined`, or a function of the error and the context.
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const cached = fallback(() => cache.get(key), { when: (error) => !isAuthError(error) })
 * const value = await cached.execute(() => fetchFresh(key))
 * ```
 */
export function fallback<F>(substitute: Substitute<F>, options?: FallbackOptions): Fallback {
  if (substitute === undefined) throw new InvalidArgumentError('substitute', 'a value or a function', substitute)
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['when', 'whenResult'])
  return new Fallback(substitute, settings)
}
