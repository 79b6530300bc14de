import { callable } from '../arguments.ts'
import { type EffectEnv, Env } from './body.ts'
import { InterruptedError } from './errors.ts'
import type { Fiber } from './fiber.ts'
import { BODY, ERR, OK, Op } from './op.ts'
import { ok, type Result } from './result.ts'
import { childOp } from './regions.ts'
import { interruptedBy } from './run.ts'

/** What a policy hands to each attempt. */
export interface PolicyTaskContext {
  /** Aborted when the policy gives the attempt up. */
  readonly signal: AbortSignal
  /** Which attempt it is, from 1. */
  readonly attempt: number
}

/** Anything that runs a task its own way: with a timeout, again, behind a breaker. */
export interface PolicyLike {
  execute<T>(
    task: (context: PolicyTaskContext) => T | PromiseLike<T>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<T>
}

/** Each attempt of the policy is a child fibre; its failure reaches the policy, and then the caller, as it is. */
export function underPolicy(source: Op, policy: PolicyLike): Op {
  callable('policy.execute', (policy as PolicyLike | null | undefined)?.execute)
  const body = (env: EffectEnv): Promise<Result<never, unknown>> => {
    const fiber = Env.fiberOf(env) as Fiber
    const options = {
      get signal(): AbortSignal {
        return env.signal
      },
    }
    return policy.execute((context) => attempt(fiber, source, context), options).then(ok)
  }
  return childOp(new Op(BODY, undefined, body, undefined), 'what a policy runs')
}

function attempt(fiber: Fiber, source: Op, context: PolicyTaskContext): Promise<unknown> {
  if (fiber.closing || fiber.interruptNow) return Promise.reject(new InterruptedError(fiber.reason))
  const child = fiber.spawn(source, 'an attempt under a policy')
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined
    const settle = (): void => {
      stop?.()
      if (child.kind === OK) resolve(child.value)
      else reject(child.kind === ERR ? child.value : (child.reason ?? new InterruptedError()))
    }
    if (child.done) {
      settle()
      return
    }
    child.observe(settle)
    const signal = context?.signal
    if (signal === undefined) return
    if (signal.aborted) child.interrupt(signal.reason)
    else stop = interruptedBy(child, signal)
  })
}
