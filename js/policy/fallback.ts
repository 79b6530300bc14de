import { optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { BasePolicy, knownOptions } from './pipeline/base-policy.ts'
import { type Call, runTask, type Sink } from './pipeline/call.ts'
import type { Scope } from './pipeline/scope.ts'
import type { PolicyOptions, PolicyContext } from './pipeline/types.ts'

/** Options of {@link fallback}. */
export interface FallbackOptions extends PolicyOptions {
  /** Whether an error is to be replaced. Default: every error is, unless the caller gave the call up. */
  readonly when?: (error: unknown) => boolean
  /** Whether a value is to be replaced. Default: none is. */
  readonly whenResult?: (value: unknown) => boolean
}

/** What is given instead: a value, or a function that makes one from the error, if there was one. */
export type Substitute<F> = F | ((error: unknown, context: PolicyContext) => F | PromiseLike<F>)

/** What a {@link Fallback} tells. */
export interface FallbackEvents {
  readonly success: { readonly value: unknown }
  readonly failure: { readonly error: unknown }
  /** The substitute is used. */
  readonly fallback: { readonly error?: unknown; readonly value?: unknown }
}

/** What a {@link Fallback} has counted. */
export interface FallbackStats {
  readonly succeeded: number
  readonly failed: number
  /** How often the substitute was used. */
  readonly replaced: number
}

const EVENTS: readonly (keyof FallbackEvents)[] = ['success', 'failure', 'fallback']

/** Gives something else instead of a failure. Made by {@link fallback}. */
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

  /** What was counted since it was made. */
  get stats(): FallbackStats {
    return { ...this.counts }
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    call.start(inside, scope, attempt, new Frame(this, scope, attempt, sink))
  }
}

/** One call. */
class Frame implements Sink {
  readonly #policy: Fallback
  readonly #scope: Scope
  readonly #attempt: number
  readonly #sink: Sink

  constructor(policy: Fallback, scope: Scope, attempt: number, sink: Sink) {
    this.#policy = policy
    this.#scope = scope
    this.#attempt = attempt
    this.#sink = sink
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    if (policy.whenResult !== undefined && policy.ask('whenResult', policy.whenResult, false, value)) {
      if (policy.observed) policy.tell('fallback', { value })
      this.#replace(undefined)
      return
    }
    policy.counts.succeeded++
    if (policy.observed) policy.tell('success', { value })
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    const isWanted = policy.when === undefined || policy.ask('when', policy.when, false, error)
    if (isWanted && !this.#scope.isAborted) {
      if (policy.observed) policy.tell('fallback', { error })
      this.#replace(error)
      return
    }
    policy.counts.failed++
    if (policy.observed) policy.tell('failure', { error })
    this.#sink.failed(error)
  }

  /** The substitute's own failure is the call's. */
  #replace(error: unknown): void {
    const { substitute, counts } = this.#policy
    counts.replaced++
    if (typeof substitute !== 'function') this.#sink.succeeded(substitute)
    else runTask((context) => substitute(error, context) as unknown, this.#scope, this.#attempt, this.#sink)
  }
}

/**
 * Gives a value, or what a function makes, instead of a failure.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const cached = fallback(() => cache.get(key), { when: (error) => !isAuthError(error) })
 * const value = await cached.execute(() => fetchFresh(key))
 * ```
 */
export function fallback<F>(substitute: Substitute<F>, options?: FallbackOptions): Fallback {
  if (substitute === undefined) throw new InvalidArgumentError('substitute', 'a value or a function', substitute)
  const given = checkOptions('options', options)
  knownOptions(given, ['when', 'whenResult'])
  return new Fallback(substitute, given)
}
