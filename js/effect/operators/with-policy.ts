/** An effect as what a policy runs: each attempt is a child fibre, and nothing crosses over by a promise. */
import { InterruptedError } from '../errors.ts'
import type { Fiber } from '../fiber/fiber.ts'
import { ERR, INTERRUPTED, OK, Op, SUSPEND } from '../fiber/op.ts'
import { Call, type Layer, type Sink } from '../../policy/pipeline/call.ts'
import { Abortable, Scope } from '../../policy/pipeline/scope.ts'
import type { Policy } from '../../policy/pipeline/types.ts'
import { layersOf } from '../../policy/wrap.ts'
import { childOp } from './resources.ts'
import { interruptedError } from '../result.ts'

/**
 * Runs the source under a policy. What the policy decides is how it ends, once every attempt has ended; an interrupt gives
 * the policy's call up, wherever it waits.
 */
export function underPolicy(source: Op, policy: Policy): Op {
  const layers = layersOf('policy', policy)
  const run = (fiber: Fiber, epoch: number): void => {
    const scope = new Scope(true)
    fiber.waitsFor = 'a policy'
    fiber.cancelWait = () => {
      scope.abort(fiber.reason)
      fiber.resume(epoch, INTERRUPTED, undefined)
    }
    new EffectCall(layers, source, fiber, epoch).begin(scope)
  }
  return childOp(new Op(SUSPEND, undefined, run, undefined), 'what a policy runs')
}

/** One run under the policies: the fibre waits for it, and its attempts are the fibre's children. */
class EffectCall extends Call {
  readonly #source: Op
  readonly #fiber: Fiber
  readonly #epoch: number

  constructor(layers: readonly Layer[], source: Op, fiber: Fiber, epoch: number) {
    super(layers)
    this.#source = source
    this.#fiber = fiber
    this.#epoch = epoch
  }

  succeeded(value: unknown): void {
    this.#fiber.resume(this.#epoch, OK, value)
  }

  failed(error: unknown): void {
    this.#fiber.resume(this.#epoch, ERR, error)
  }

  protected innermost(scope: Scope, _attempt: number, sink: Sink): void {
    const fiber = this.#fiber
    // A policy of another library may try again although it was given up.
    if (fiber.closing || fiber.interruptNow) {
      sink.failed(new InterruptedError(fiber.reason))
      return
    }
    const child = fiber.spawn(this.#source, 'an attempt under a policy')
    if (child.done) {
      tell(sink, scope, child)
      return
    }
    const attempt = new Attempt(child)
    child.observe(() => {
      scope.leave(attempt)
      tell(sink, scope, child)
    })
    scope.enter(attempt)
  }
}

/** A fibre that ends when the policy gives its attempt up. */
class Attempt extends Abortable {
  readonly #child: Fiber
  constructor(child: Fiber) {
    super()
    this.#child = child
  }
  aborted(reason: unknown): void {
    this.#child.interrupt(reason)
  }
}

/** Says how an attempt ended; one that was given up fails with why, as what obeys a signal does. */
function tell(sink: Sink, scope: Scope, child: Fiber): void {
  if (child.kind === OK) sink.succeeded(child.value)
  else if (child.kind === ERR) sink.failed(child.value)
  else sink.failed(scope.isAborted ? scope.reason : interruptedError(child.reason))
}
