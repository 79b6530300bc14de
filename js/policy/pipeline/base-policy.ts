/** The base class of all policies. */
import { channel } from 'node:diagnostics_channel'

import { InvalidArgumentError } from '../../errors/errors.ts'
import { Listeners } from '../../internal/listeners.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { known, oneOf, positiveMillis, text } from '../../internal/validate.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { Members } from '../../tables/members.ts'
import { offerMembers } from '../../tables/offers.ts'
import { type FetchInit, type FetchInput, fetchThrough, type PolicyFetchOptions } from '../fetch.ts'
import type { LatencyStats } from '../measure/latency-window.ts'
import { Meter } from '../measure/meter.ts'
import type { AbortScope } from './abort-scope.ts'
import { execute, type Layer, type PolicyCall, type Sink } from './call.ts'
import type { ExecuteOptions, Policy, PolicyOptions, PolicyTask } from './types.ts'

/** The part of a policy's `stats` that every policy has. */
export interface MeasuredStats {
  /** How long calls took, with the option `latencyWindowMs`. */
  readonly latency?: LatencyStats
}

/** The state of a policy for observers. The counts only grow. */
export interface PolicyReading {
  /** The state of a circuit; empty for other policies. */
  readonly state?: string
  /** Tasks that run. */
  readonly active?: number
  /** Calls that wait. */
  readonly queued?: number
  readonly calls?: number
  readonly failures?: number
  readonly rejected?: number
}

// oxlint-disable-next-line typescript/no-explicit-any -- a policy of any events
const policies = new Members<BasePolicy<any>>((policy) => !policy.isMade)

const policyChannel = channel('keelson:policy')

/** The base of all policies of this package: runs tasks, wraps functions and notifies listeners. */
export abstract class BasePolicy<Events extends object> implements Policy {
  /** The policy's name in events and errors. Default: the kind of policy, such as `retry`. */
  readonly name: string
  /** @internal */
  readonly system: System
  /** @internal Its layers, outermost first: itself, behind a meter if it is measured. */
  layers: readonly Layer[]
  /** @internal */
  readonly events: readonly string[]
  /** @internal The kind of policy. */
  readonly kind: string
  readonly #meter: Meter | undefined
  readonly #listeners = new Map<keyof Events, Listeners<Events[keyof Events]>>()

  constructor(kind: string, events: readonly string[], options: PolicyOptions) {
    this.kind = kind
    this.name = options.name === undefined ? kind : text('options.name', options.name)
    const system = options.system ?? getDefaultSystem()
    assertSystem('options.system', system)
    this.system = system
    this.events = events
    const { latencyWindowMs } = options
    if (latencyWindowMs !== undefined) {
      this.#meter = new Meter(system.clock, positiveMillis('options.latencyWindowMs', latencyWindowMs))
    }
    this.layers = this.#meter === undefined ? [this] : [this.#meter, this]
    policies.add(system, this, undefined)
  }

  /** @internal True once its constructor has what a reading needs. One whose options were refused never does. */
  get isMade(): boolean {
    return true
  }

  /** @internal Returns its state for observers. Runs no user code. */
  get reading(): PolicyReading {
    return {}
  }

  /** @internal Puts a layer in front of its own. Stacks that have the policy already are not changed. */
  addFront(layer: Layer): void {
    this.layers = [layer, ...this.layers]
  }

  /** @internal The part of `stats` that every policy has: the latencies, if they are measured. */
  protected get measured(): MeasuredStats {
    return this.#meter === undefined ? {} : { latency: this.#meter.latency }
  }

  /**
   * Runs a task under the policy. The promise settles exactly once: as the task does, or as the policy decides.
   *
   * @throws InvalidArgumentError (rejecting) when the task is no function or the signal is no signal; nothing was run.
   */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T> {
    return execute(this.layers, this.system, task, options)
  }

  /** Returns a function that runs `fn` under the policy, with its own `this` and arguments. */
  wrapFunction<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => T | PromiseLike<T>,
  ): (this: This, ...args: Args) => Promise<T> {
    if (typeof fn !== 'function') throw new InvalidArgumentError('fn', 'a function', fn)
    const run = (task: PolicyTask<T>, args: Args): Promise<T> =>
      execute(this.layers, this.system, task, undefined, args)
    return function wrapped(this: This, ...args: Args): Promise<T> {
      return run(() => fn.apply(this, args), args)
    }
  }

  /**
   * Calls the global `fetch` under the policy, with the call's signal. Resolves with the last response, as `fetch` does:
   * also with one that counts as a failure, when the policies gave up. To them such a response is a
   * {@link FailedResponseError}, whose `retryAfterMs` a retry honours. The bodies of all other responses are cancelled.
   *
   * @throws InvalidArgumentError (rejecting) for a body that is a stream, if the request may be sent more than once.
   * @example
   * ```ts
   * const response = await retry().fetch('https://example.com/users', { signal }, { isFailure: ({ ok }) => !ok })
   * ```
   */
  fetch(input: FetchInput, init?: FetchInit, options?: PolicyFetchOptions): Promise<Response> {
    return fetchThrough(this.layers, this.system, input, init, options)
  }

  /**
   * Adds a listener for one event. Listeners run in order of registration, before the call goes on; what they throw
   * goes to the system's `onError`. Returns a function that removes the listener.
   *
   * @throws InvalidArgumentError for an event that the policy does not have.
   */
  on<K extends keyof Events & string>(event: K, listener: (event: Events[K]) => unknown): () => void {
    oneOf('event', this.events, event)
    let listeners = this.#listeners.get(event)
    if (listeners === undefined) {
      listeners = new Listeners('listener', (error) =>
        this.system.report(error, `a listener of '${event}' of ${this.name}`),
      )
      this.#listeners.set(event, listeners)
    }
    return listeners.add(listener as (event: Events[keyof Events]) => unknown)
  }

  /** @internal Runs the layers inside under this policy's rules: see {@link Layer}. */
  abstract enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void

  /** @internal Returns whether an event would have a listener. Events are built for listeners only. */
  get isObserved(): boolean {
    return this.#listeners.size > 0 || policyChannel.hasSubscribers
  }

  /** @internal Notifies the listeners of an event, and the diagnostics channel `keelson:policy`. */
  emit<K extends keyof Events & string>(event: K, payload: Events[K]): void {
    this.#listeners.get(event)?.tell(payload)
    if (policyChannel.hasSubscribers) policyChannel.publish({ policy: this.name, event, ...payload })
  }

  /** @internal Calls a user's predicate. Returns `fallback` when it throws; the error goes to the system. */
  callPredicate<A extends unknown[]>(
    option: string,
    predicate: (...args: A) => boolean,
    fallback: boolean,
    ...args: A
  ): boolean {
    const failed = (error: unknown): void => this.system.report(error, `${option} of ${this.name}`)
    try {
      const answer = predicate(...args) as unknown
      if (typeof answer === 'boolean') return answer
      // A promise counts as true, and its rejection is reported.
      ifRejected(answer, failed)
      return Boolean(answer)
    } catch (error) {
      failed(error)
      return fallback
    }
  }
}

offerMembers('policy', policies, {
  name: ({ item }) => item.name,
  type: ({ item }) => item.kind,
  state: ({ item }) => item.reading.state ?? '',
  active: ({ item }) => item.reading.active ?? 0,
  queued: ({ item }) => item.reading.queued ?? 0,
  calls: ({ item }) => item.reading.calls ?? 0,
  failures: ({ item }) => item.reading.failures ?? 0,
  rejected: ({ item }) => item.reading.rejected ?? 0,
})

/** Refuses option names other than `names` and those of every policy. */
export function assertPolicyOptions(options: object, names: readonly string[]): void {
  known('options', options, [...names, 'name', 'system', 'latencyWindowMs'])
}
