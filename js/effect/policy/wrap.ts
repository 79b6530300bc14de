import { callbacks } from '../../arguments.ts'
import { InvalidArgumentError } from '../../errors.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { BasePolicy } from './base.ts'
import { execute, type Layer } from './call.ts'
import { ForeignLayer } from './foreign.ts'
import type { ExecuteOptions, Policy, PolicyTask } from './types.ts'

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

/** What a policy is made of, whoever has made it. */
export function layersOf(field: string, policy: unknown): readonly Layer[] {
  if (policy instanceof BasePolicy || policy instanceof Stack) return policy.layers
  const foreign = policy as Policy | null | undefined
  callbacks(field, foreign, ['execute'])
  if (typeof foreign?.execute !== 'function') {
    throw new InvalidArgumentError(field, 'a policy: something with execute', policy)
  }
  return [new ForeignLayer((work, signal) => foreign.execute(work, signal === undefined ? undefined : { signal }))]
}

/**
 * Makes policies into one, the first the outermost. A policy of another library will do, if it has
 * `execute(task, { signal })` and gives the task `{ signal }`.
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
