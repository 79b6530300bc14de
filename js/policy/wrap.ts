import { InvalidArgumentError } from '../errors/errors.ts'
import { callable, callbacks, fieldOf, isA, oneOf } from '../internal/validate.ts'
import { getDefaultSystem } from '../system/default.ts'
import type { System } from '../system/system.ts'
import { type FetchInit, type FetchInput, fetchThrough, type PolicyFetchOptions } from './fetch.ts'
import { BasePolicy } from './pipeline/base-policy.ts'
import { type CallCounts, Meter } from './measure/meter.ts'
import type { LatencyStats } from './measure/latency-window.ts'
import { execute, type Layer, NO_ARGS } from './pipeline/call.ts'
import { CustomLayer } from './pipeline/custom-layer.ts'
import type { ExecuteOptions, ForeignPolicy, Policy, PolicyTask } from './pipeline/types.ts'

/** The window of a stack's latencies, in milliseconds. */
const STACK_WINDOW_MS = 60_000

/** Several policies as one. Created by {@link wrap}. */
export class Stack implements Policy {
  /**
   * @internal All layers, outermost first, for who puts it into another stack: its meter, then those of its policies. A
   * stack in a stack is flattened.
   */
  layers: readonly Layer[]
  /** The layers of its policies. */
  #policyLayers: readonly Layer[]
  /** The arguments of {@link wrap}, outermost first. */
  readonly policies: readonly ForeignPolicy[]
  readonly #first: BasePolicy<object> | undefined
  readonly #meter: Meter

  /** @internal */
  constructor(policies: readonly ForeignPolicy[]) {
    this.policies = policies
    const layers = policies.flatMap((policy, index) => layersOf(`policies[${index}]`, policy))
    this.#first = layers.find((layer) => layer instanceof BasePolicy)
    this.#meter = new Meter(this.#system.clock, STACK_WINDOW_MS)
    this.#policyLayers = layers
    this.layers = [this.#meter, ...layers]
  }

  /** @internal Puts a layer in front of its own. Stacks that have it already are not changed. */
  addFront(layer: Layer): void {
    this.layers = [layer, ...this.layers]
    this.#policyLayers = [layer, ...this.#policyLayers]
  }

  /** The names of its policies, outermost first, joined by ` > `. */
  get name(): string {
    return this.policies.map((policy) => nameOf(policy)).join(' > ')
  }

  /** A snapshot of the counts and latencies of its calls, and of the counters of each policy in it. */
  get stats(): StackStats {
    const policies = this.#ownPolicies.map((policy) => ({
      name: policy.name,
      stats: (policy as { readonly stats?: object }).stats ?? {},
    }))
    return { ...this.#meter.counts, latency: this.#meter.latency, policies }
  }

  /**
   * Adds a listener for one event of all policies in the stack that have it. The listener also gets the policy's name.
   * Returns a function that removes the listener.
   *
   * @throws InvalidArgumentError for an event that none of its policies has.
   */
  on(event: string, listener: (event: object, policy: string) => unknown): () => void {
    callable('listener', listener)
    const known = this.#ownPolicies.filter((policy) => policy.events.includes(event))
    if (known.length === 0) {
      const all = [...new Set(this.#ownPolicies.flatMap((policy) => policy.events))]
      oneOf('event', all, event)
    }
    const removals = known.map((policy) => policy.on(event as never, (what: object) => listener(what, policy.name)))
    return () => {
      for (const remove of removals) remove()
    }
  }

  /** The layers that are policies of this package, and so have events and counters. */
  get #ownPolicies(): readonly BasePolicy<object>[] {
    return this.layers.filter((layer) => layer instanceof BasePolicy)
  }

  /**
   * Runs a task under all policies of the stack. The promise settles exactly once.
   *
   * @throws InvalidArgumentError (rejecting) when the task is no function or the signal is no signal; nothing was run.
   */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T> {
    return execute(this.#policyLayers, this.#system, task, options, NO_ARGS, this.#meter)
  }

  /** Returns a function that runs `fn` under all policies of the stack, with its own `this` and arguments. */
  wrapFunction<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => T | PromiseLike<T>,
  ): (this: This, ...args: Args) => Promise<T> {
    if (typeof fn !== 'function') throw new InvalidArgumentError('fn', 'a function', fn)
    const run = (task: PolicyTask<T>, args: Args): Promise<T> =>
      execute(this.#policyLayers, this.#system, task, undefined, args, this.#meter)
    return function wrapped(this: This, ...args: Args): Promise<T> {
      return run(() => fn.apply(this, args), args)
    }
  }

  /**
   * Calls the global `fetch` under the stack, with the call's signal. Resolves with the last response, as `fetch` does:
   * also with one that counts as a failure, when the policies gave up. To them such a response is a
   * {@link FailedResponseError}, whose `retryAfterMs` a retry honours. The bodies of all other responses are cancelled.
   *
   * @throws InvalidArgumentError (rejecting) for a body that is a stream, if the request may be sent more than once.
   * @example
   * ```ts
   * const response = await wrap(timeout(2000), retry()).fetch('https://example.com/users', { signal }, { isFailure: ({ ok }) => !ok })
   * ```
   */
  fetch(input: FetchInput, init?: FetchInit, options?: PolicyFetchOptions): Promise<Response> {
    return fetchThrough(this.#policyLayers, this.#system, input, init, options, this.#meter)
  }

  get #system(): System {
    return this.#first?.system ?? getDefaultSystem()
  }
}

/** The state of a {@link Stack}: its calls since its creation, and its policies. */
export interface StackStats extends CallCounts {
  /** How long calls took that succeeded or failed in the last minute, on the clock of its first policy's system. */
  readonly latency: LatencyStats
  /** The counters of each policy of this package in it, outermost first. */
  readonly policies: readonly PolicyStats[]
}

/** The counters of one policy in a {@link Stack}. */
export interface PolicyStats {
  /** The policy's name. */
  readonly name: string
  /** The policy's `stats`; empty for a policy that counts nothing. */
  readonly stats: object
}

const nameOf = (policy: ForeignPolicy): string =>
  policy instanceof BasePolicy || policy instanceof Stack ? policy.name : 'a policy'

/** Returns the layers of a policy of this package, or one layer around a policy of another library. */
export function layersOf(field: string, policy: unknown): readonly Layer[] {
  if (isA(policy, BasePolicy) || isA(policy, Stack)) return policy.layers
  const custom = policy as ForeignPolicy
  callbacks(field, custom, ['execute'])
  if (typeof fieldOf(custom, 'execute') !== 'function') {
    throw new InvalidArgumentError(field, 'a policy: something with execute', policy)
  }
  return [
    new CustomLayer(
      (work, signal) => custom.execute(work, signal as (AbortSignal & { readonly signal: AbortSignal }) | undefined),
      true,
    ),
  ]
}

/**
 * Composes policies into one. The first is the outermost. Policies of other libraries work if they have `execute(task,
 * { signal })` or `execute(task, signal)`, as cockatiel does, and call the task with `{ signal }` or with nothing.
 *
 * @throws InvalidArgumentError naming the argument that is no policy.
 * @example
 * ```ts
 * const policy = wrap(fallback([]), timeout(2000), retry({ budget }), breaker, bulkhead({ limit: 50 }), timeout(500))
 * ```
 */
export function wrap(...policies: ForeignPolicy[]): Stack {
  if (policies.length === 0) throw new InvalidArgumentError('policies', 'at least one policy', policies)
  return new Stack(policies)
}
