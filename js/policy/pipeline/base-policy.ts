import { channel } from 'node:diagnostics_channel'

import { known, oneOf, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { Listeners } from '../../internal/listeners.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { assertSystem, type System } from '../../system/system.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { type Call, execute, type Layer, type Sink } from './call.ts'
import type { Scope } from './scope.ts'
import type { PolicyOptions, ExecuteOptions, Policy, PolicyTask } from './types.ts'

const observed = channel('keelson:policy')

/** What all policies share: running tasks, wrapping functions, telling listeners. */
export abstract class BasePolicy<Events extends object> implements Policy {
  /** What events and errors call it. */
  readonly name: string
  /** @internal */
  readonly system: System
  /** @internal What it is made of, outermost first. */
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
   * @throws InvalidArgumentError (rejecting) for what is no function or no signal; nothing was run.
   */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T> {
    return execute(this.layers, this.system, task, options)
  }

  /** A function that runs `fn` under the policy, with its own `this` and arguments. */
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
   * Calls back at each event of a kind, in order of registration, before the call goes on. Its errors go to the system's
   * `onError`. Returns a function that ends it.
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

  /** @internal */
  abstract enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void

  /** @internal Whether somebody listens: events are made for listeners only. */
  get observed(): boolean {
    return this.#listeners.size > 0 || observed.hasSubscribers
  }

  /** @internal */
  tell<K extends keyof Events & string>(event: K, what: Events[K]): void {
    this.#listeners.get(event)?.tell(what)
    if (observed.hasSubscribers) observed.publish({ policy: this.name, event, ...what })
  }

  /** @internal Asks a user's function for a yes or no; one that throws has answered `otherwise`. */
  ask<A extends unknown[]>(what: string, fn: (...args: A) => boolean, otherwise: boolean, ...args: A): boolean {
    const failed = (error: unknown): void => this.system.report(error, `${what} of ${this.name}`)
    try {
      const answer = fn(...args) as unknown
      if (typeof answer === 'boolean') return answer
      // A promise is a yes, and what it rejects with is not lost.
      ifRejected(answer, failed)
      return Boolean(answer)
    } catch (error) {
      failed(error)
      return otherwise
    }
  }
}

/** Refuses options that do not exist; the common ones always do. */
export function knownOptions(given: object, names: readonly string[]): void {
  known('options', given, [...names, 'name', 'system'])
}
