import { InvalidArgumentError } from '../errors/errors.ts'
import { callbacks, fieldOf, options as checkOptions, positiveMillis, text } from '../internal/validate.ts'
import type { AbortScope } from './pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from './pipeline/base-policy.ts'
import type { PolicyCall, Sink } from './pipeline/call.ts'
import { CustomLayer } from './pipeline/custom-layer.ts'
import type { PolicyOptions } from './pipeline/types.ts'

/** Decides whether work may run. An `Atrion` is one; any object with this `run` will do. */
export interface Admission {
  /** Runs `work` on a route, or rejects without running it. */
  run<T>(
    route: string,
    work: (context: { readonly signal: AbortSignal }) => T | PromiseLike<T>,
    options?: {
      readonly priority?: never
      readonly timeoutMs?: number | undefined
      readonly signal?: AbortSignal | undefined
      readonly isFailure?: ((error: unknown) => boolean) | undefined
    },
  ): Promise<T>
}

/** Options of {@link admit}. */
export interface AdmitPolicyOptions extends PolicyOptions {
  /** Importance of the calls: a name that the admission knows, or a voltage. Default: the admission's own default. */
  readonly priority?: string | number
  /** Time for waiting and running together, in milliseconds, above 0. Default: the admission's own default. */
  readonly timeoutMs?: number
  /** Returns whether an error counts as a failure of the route. Default: every error does. */
  readonly isFailure?: (error: unknown) => boolean
}

/** Events of an {@link Admit}, by name. */
export interface AdmitEvents {
  /** The admission let the call in, and the task succeeded. */
  readonly success: { readonly value: unknown }
  /** The admission rejected the call, or the task failed. */
  readonly failure: { readonly error: unknown }
}

/** Counters of an {@link Admit} since its creation. */
export interface AdmitStats extends MeasuredStats {
  /** Calls that succeeded. */
  readonly succeeded: number
  /** Calls that failed, or that the admission rejected. */
  readonly failed: number
}

const EVENTS: readonly (keyof AdmitEvents)[] = ['success', 'failure']

/** Asks an admission before each call. Created by {@link admit}. */
export class Admit extends BasePolicy<AdmitEvents> {
  readonly #layer: CustomLayer
  #succeeded = 0
  #failed = 0

  /** @internal */
  constructor(admission: Admission, route: string, options: AdmitPolicyOptions) {
    super('admission', EVENTS, options)
    const { priority, timeoutMs, isFailure } = options
    this.#layer = new CustomLayer(
      (work, signal) => admission.run(route, work, { priority: priority as never, timeoutMs, isFailure, signal }),
      false,
    )
  }

  /** A snapshot of the counters. */
  get stats(): AdmitStats {
    return { succeeded: this.#succeeded, failed: this.#failed, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    return { calls: this.#succeeded + this.#failed, failures: this.#failed }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    this.#layer.enter(call, next, scope, attempt, {
      succeeded: (value) => {
        this.#succeeded++
        if (this.isObserved) this.emit('success', { value })
        sink.succeeded(value)
      },
      failed: (error) => {
        this.#failed++
        if (this.isObserved) this.emit('failure', { error })
        sink.failed(error)
      },
    })
  }
}

/**
 * Creates a policy that runs each call through an admission: `atrion.run` as one policy of a stack. A call that is not
 * admitted rejects with the admission's error; its task is not run.
 *
 * @param route - The route that the admission counts the calls under.
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const policy = wrap(retry({ budget }), admit(new Atrion(), 'db', { priority: 'critical' }))
 * ```
 */
export function admit(admission: Admission, route: string, options?: AdmitPolicyOptions): Admit {
  callbacks('admission', admission, ['run'])
  if (typeof fieldOf(admission, 'run') !== 'function') {
    throw new InvalidArgumentError('admission', 'an Atrion, or what has its run', admission)
  }
  text('route', route)
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['priority', 'timeoutMs', 'isFailure'])
  if (settings.timeoutMs !== undefined) positiveMillis('options.timeoutMs', settings.timeoutMs)
  if (settings.isFailure !== undefined && typeof settings.isFailure !== 'function') {
    throw new InvalidArgumentError('options.isFailure', 'a function', settings.isFailure)
  }
  return new Admit(admission, route, settings)
}
