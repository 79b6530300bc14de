import { callable, callbacks, fieldOf, isA, oneOf } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { getDefaultSystem } from '../system/default.ts'
import { BasePolicy } from './pipeline/base-policy.ts'
import { execute, type Layer } from './pipeline/call.ts'
import { ForeignLayer } from './pipeline/custom-policy.ts'
import type { ExecuteOptions, Policy, PolicyTask } from './pipeline/types.ts'

/** Policies as one. Made by {@link wrap}. */
export class Stack implements Policy {
  /** @internal Outermost first, flat: a stack in a stack costs nothing. */
  readonly layers: readonly Layer[]
  /** The policies, outermost first, as they were given. */
  readonly policies: readonly Policy[]
  readonly #first: BasePolicy<object> | undefined

  /** @internal */
  constructor(policies: readonly Policy[]) {
    this.policies = policies
    this.layers = policies.flatMap((policy, index) => layersOf(`policies[${index}]`, policy))
    this.#first = this.layers.find((layer) => layer instanceof BasePolicy)
  }

  /** What reports call it: the names of its policies, outermost first. */
  get name(): string {
    return this.policies.map((policy) => nameOf(policy)).join(' > ')
  }

  /** What each of its policies has counted, outermost first. */
  get stats(): readonly PolicyStats[] {
    return this.#own.map((policy) => ({
      name: policy.name,
      stats: (policy as { readonly stats?: object }).stats ?? {},
    }))
  }

  /**
   * Calls back at each event of a kind of any of its policies, with the policy's name. Returns a function that ends it.
   *
   * @throws InvalidArgumentError for an event that none of its policies has.
   */
  on(event: string, listener: (event: object, policy: string) => unknown): () => void {
    callable('listener', listener)
    const known = this.#own.filter((policy) => policy.events.includes(event))
    if (known.length === 0) {
      const all = [...new Set(this.#own.flatMap((policy) => policy.events))]
      oneOf('event', all, event)
    }
    const ends = known.map((policy) => policy.on(event as never, (what: object) => listener(what, policy.name)))
    return () => {
      for (const end of ends) end()
    }
  }

  /** The policies of this package's making. */
  get #own(): readonly BasePolicy<object>[] {
    return this.layers.filter((layer) => layer instanceof BasePolicy)
  }

  /** Runs a task under all of them. The promise settles exactly once. */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T> {
    return execute(this.layers, this.#first?.system ?? getDefaultSystem(), task, options)
  }

  /** A function that runs `fn` under all of them, with its own `this` and arguments. */
  wrapFunction<This, Args extends unknown[], T>(
    fn: (this: This, ...args: Args) => T | PromiseLike<T>,
  ): (this: This, ...args: Args) => Promise<T> {
    if (typeof fn !== 'function') throw new InvalidArgumentError('fn', 'a function', fn)
    const run = <R>(task: PolicyTask<R>): Promise<R> => this.execute(task)
    return function wrapped(this: This, ...args: Args): Promise<T> {
      return run(() => fn.apply(this, args))
    }
  }
}

/** What a policy of a {@link Stack} has counted. */
export interface PolicyStats {
  readonly name: string
  readonly stats: object
}

const nameOf = (policy: Policy): string =>
  policy instanceof BasePolicy || policy instanceof Stack ? policy.name : 'a policy'

/** What a policy is made of, whoever has made it. */
export function layersOf(field: string, policy: unknown): readonly Layer[] {
  if (isA(policy, BasePolicy) || isA(policy, Stack)) return policy.layers
  const foreign = policy as Policy
  callbacks(field, foreign, ['execute'])
  if (typeof fieldOf(foreign, 'execute') !== 'function') {
    throw new InvalidArgumentError(field, 'a policy: something with execute', policy)
  }
  return [
    new ForeignLayer(
      (work, signal) => foreign.execute(work as PolicyTask<unknown>, signal as ExecuteOptions | undefined),
      true,
    ),
  ]
}

/**
 * Makes policies into one, the first the outermost. A policy of another library will do, if it has
 * `execute(task, { signal })` or `execute(task, signal)`, as cockatiel has, and gives the task `{ signal }` or nothing.
 *
 * @throws InvalidArgumentError naming the argument that is no policy.
 * @example
 * ```ts
 * const policy = wrap(fallback([]), timeout(2000), retry({ budget }), breaker, bulkhead({ limit: 50 }), timeout(500))
 * ```
 */
export function wrap(...policies: Policy[]): Stack {
  if (policies.length === 0) throw new InvalidArgumentError('policies', 'at least one policy', policies)
  return new Stack(policies)
}
