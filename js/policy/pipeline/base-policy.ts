/** The base class of all policies. */
import { channel } from 'node:diagnostics_channel'

import { InvalidArgumentError } from '../../errors/errors.ts'
import { Listeners } from '../../internal/listeners.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { known, oneOf, text } from '../../internal/validate.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import type { AbortScope } from './abort-scope.ts'
import { execute, type Layer, type PolicyCall, type Sink } from './call.ts'
import type { ExecuteOptions, Policy, PolicyOptions, PolicyTask } from './types.ts'

const policyChannel = channel('keelson:policy')

/** The base of all policies of this package: runs tasks, wraps functions and notifies listeners. */
export abstract class BasePolicy<Events extends object> implements Policy {
  /** The policy's name in events and errors. Default: the kind of policy, such as `retry`. */
  readonly name: string
  /** @internal */
  readonly system: System
  /** @internal Its layers, outermost first: itself. */
  readonly layers: readonly Layer[]
  /** @internal */
  readonly events: readonly string[]
  readonly #listeners = new Map<keyof Events, Listeners<Events[keyof Events]>>()

  constructor(kind: string, events: readonly string[], options: PolicyOptions, layers?: readonly Layer[]) {
    this.name = options.name === undefined ? kind : text('options.name', options.name)
    const system = options.system ?? getDefaultSystem()
    assertSystem('options.system', system)
    this.system = system
    this.events = events
    this.layers = layers ?? [this]
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
    const { layers, system } = this
    return function wrapped(this: This, ...args: Args): Promise<T> {
      return execute<T>(layers, system, () => fn.apply(this, args), undefined)
    }
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

/** Refuses option names other than `names` and those of every policy. */
export function assertPolicyOptions(options: object, names: readonly string[]): void {
  known('options', options, [...names, 'name', 'system'])
}
