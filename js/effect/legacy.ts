/**
 * Compatible names, kept because programs written for an earlier effect library import them. New code uses
 * `effect(…).run()` instead of {@link runEffect}, and `createCancelToken` instead of {@link createScope}.
 */
import { callable } from '../internal/validate.ts'
import { type CancelToken, CancelTokenImpl } from './cancel.ts'
import { effect } from './constructors.ts'
import type { RunGiven } from './effect.ts'
import { ambientFiber } from '../internal/ambient-fiber.ts'
import { type EffectEnv, FiberEnv, type MutableContext } from './fiber/body.ts'
import { currentFiber, type FiberCore } from './fiber/fiber-core.ts'
import { ok } from './result.ts'

/**
 * Runs a function as an effect, at once. Resolves with what it returns and rejects with what it throws. Called inside
 * another effect, it runs as that effect's child.
 *
 * @throws InvalidArgumentError when `body` is no function; rejects with it for refused options.
 *
 * @example
 * ```ts
 * await runEffect(async (ctx) => {
 *   ctx.set('operation', 'cache_get')
 *   return lookUp(ctx)
 * })
 * ```
 */
export function runEffect<A>(body: (ctx: EffectEnv) => A | PromiseLike<A>, options?: RunGiven): Promise<A> {
  callable('body', body)
  return effect<unknown, A>(async (env) => ok(await body(env))).run(options)
}

/** Returns the context of the effect that the caller runs in, also after an `await`; `undefined` outside of effects. */
export function currentContext(): MutableContext | undefined {
  const fiber = (currentFiber() ?? ambientFiber()) as FiberCore | undefined
  return fiber === undefined ? undefined : new FiberEnv(fiber)
}

let lastId = 0

/** A scope that can be cancelled. Created by {@link createScope}. */
export class ScopeImpl {
  /** Identifies the scope in logs. */
  readonly id: string = `scope-${++lastId}`
  /** The argument of {@link createScope}. */
  readonly parentId: string | undefined
  readonly #token: CancelToken = new CancelTokenImpl()

  /** @internal */
  constructor(parentId?: string) {
    this.parentId = parentId
  }

  /** Returns whether it was cancelled. */
  isCancelled(): boolean {
    return this.#token.isCanceled()
  }

  /** Calls back once when it is cancelled, at once if it is already. Returns a function that removes the callback. */
  onCancel(callback: () => unknown): () => void {
    return this.#token.onCancel(callback)
  }

  /** Cancels it. Later calls do nothing. */
  cancel(reason?: unknown): void {
    this.#token.cancel(reason)
  }
}

/** Creates a scope that is cancelled by `cancel`. `parentId` is only stored: it links nothing. */
export const createScope = (parentId?: string): ScopeImpl => new ScopeImpl(parentId)
