/** The older names: an effect that is run at once, and a scope that only cancels. */
import { callable } from '../internal/validate.ts'
import { type EffectEnv, Env, type MutableContext } from './fiber/body.ts'
import { type CancelToken, CancelTokenImpl } from './cancel.ts'
import { bodyOf } from './fiber/ambient.ts'
import { effect, type RunGiven } from './effect.ts'
import { currentFiber, type Fiber } from './fiber/fiber.ts'
import { ok } from './result.ts'

/**
 * Runs a function as an effect, at once: resolves with what it returns and rejects with what it throws. Inside another
 * effect it is that effect's child.
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

/** The values of the effect that the caller is part of, also after an `await`; undefined outside of any. */
export function currentContext(): MutableContext | undefined {
  const fiber = (currentFiber() ?? bodyOf()) as Fiber | undefined
  return fiber === undefined ? undefined : new Env(fiber)
}

let made = 0

/** Something that can be cancelled. */
export class ScopeImpl {
  readonly id: string = `scope-${++made}`
  readonly parentId: string | undefined
  readonly #token: CancelToken = new CancelTokenImpl()

  constructor(parentId?: string) {
    this.parentId = parentId
  }

  isCancelled(): boolean {
    return this.#token.isCanceled()
  }

  /** Calls back once when it is cancelled, at once if it is already. */
  onCancel(callback: () => unknown): () => void {
    return this.#token.onCancel(callback)
  }

  cancel(reason?: unknown): void {
    this.#token.cancel(reason)
  }
}

/** A scope that can be cancelled by hand. `parentId` is for the reader alone. */
export const createScope = (parentId?: string): ScopeImpl => new ScopeImpl(parentId)
