import { callbacks, fieldOf, options as checkOptions, positiveMillis, text } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { BasePolicy, knownOptions } from './pipeline/base-policy.ts'
import type { Call, Sink } from './pipeline/call.ts'
import { ForeignLayer } from './pipeline/custom-policy.ts'
import type { Scope } from './pipeline/scope.ts'
import type { PolicyOptions } from './pipeline/types.ts'

/** What admits work: an `Atrion`, or anything with its `run`. */
export interface Admission {
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
  /** How important it is: a name that the admission knows, or a voltage. Default: the admission's. */
  readonly priority?: string | number
  /** Time for waiting and running together, in milliseconds. Default: the admission's. */
  readonly timeoutMs?: number
  /** Whether an error counts as a failure of the route. Default: every error does. */
  readonly isFailure?: (error: unknown) => boolean
}

/** What an {@link Admit} tells. */
export interface AdmitEvents {
  readonly success: { readonly value: unknown }
  readonly failure: { readonly error: unknown }
}

const EVENTS: readonly (keyof AdmitEvents)[] = ['success', 'failure']

/** Asks an admission before each call. Made by {@link admit}. */
export class Admit extends BasePolicy<AdmitEvents> {
  readonly #foreign: ForeignLayer

  /** @internal */
  constructor(admission: Admission, route: string, options: AdmitPolicyOptions) {
    super('admission', EVENTS, options)
    const { priority, timeoutMs, isFailure } = options
    this.#foreign = new ForeignLayer(
      (work, signal) => admission.run(route, work, { priority: priority as never, timeoutMs, isFailure, signal }),
      false,
    )
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    this.#foreign.enter(call, inside, scope, attempt, {
      succeeded: (value) => {
        if (this.observed) this.tell('success', { value })
        sink.succeeded(value)
      },
      failed: (error) => {
        if (this.observed) this.tell('failure', { error })
        sink.failed(error)
      },
    })
  }
}

/**
 * Lets a call in when admission says so: `atrion.run` as one policy of a stack.
 *
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
  const given = checkOptions('options', options)
  knownOptions(given, ['priority', 'timeoutMs', 'isFailure'])
  if (given.timeoutMs !== undefined) positiveMillis('options.timeoutMs', given.timeoutMs)
  if (given.isFailure !== undefined && typeof given.isFailure !== 'function') {
    throw new InvalidArgumentError('options.isFailure', 'a function', given.isFailure)
  }
  return new Admit(admission, route, given)
}
