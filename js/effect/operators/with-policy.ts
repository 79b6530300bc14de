/** Runs an effect as the task of a policy: each attempt is a child fibre, and no promise lies between the two. */
import { Abortable, AbortScope } from '../../policy/pipeline/abort-scope.ts'
import { type Layer, NO_ARGS, PolicyCall, type Sink } from '../../policy/pipeline/call.ts'
import type { ForeignPolicy } from '../../policy/pipeline/types.ts'
import { layersOf } from '../../policy/wrap.ts'
import { InterruptedError } from '../errors.ts'
import type { FiberCore } from '../fiber/fiber-core.ts'
import { ERR, INTERRUPTED, OK, Op, SUSPEND } from '../fiber/op.ts'
import { interruptedError } from '../result.ts'
import { childOp } from './resources.ts'

/**
 * Runs the source under a policy. It ends as the policy decides, once every attempt has ended. An interrupt aborts the
 * call, wherever it waits.
 */
export function underPolicy(source: Op, policy: ForeignPolicy): Op {
  const layers = layersOf('policy', policy)
  const run = (fiber: FiberCore, epoch: number): void => {
    const scope = new AbortScope(true)
    fiber.waitsFor = 'a policy'
    fiber.cancelWait = () => {
      scope.abort(fiber.reason)
      fiber.resume(epoch, INTERRUPTED, undefined)
    }
    new EffectCall(layers, source, fiber, epoch).begin(scope)
  }
  return childOp(new Op(SUSPEND, undefined, run, undefined), 'what a policy runs')
}

/** One call under the policies. A fibre waits for it, and its attempts are children of that fibre. */
class EffectCall extends PolicyCall {
  readonly #source: Op
  readonly #fiber: FiberCore
  readonly #epoch: number

  constructor(layers: readonly Layer[], source: Op, fiber: FiberCore, epoch: number) {
    super(layers, NO_ARGS, undefined)
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

  protected innermost(scope: AbortScope, _attempt: number, sink: Sink): void {
    const fiber = this.#fiber
    // A policy of another library may retry although its call was aborted.
    if (fiber.closing || fiber.interruptNow) {
      sink.failed(new InterruptedError(fiber.reason))
      return
    }
    const child = fiber.spawn(this.#source, 'an attempt under a policy')
    if (child.done) {
      settle(sink, scope, child)
      return
    }
    const attempt = new ChildAttempt(child)
    child.observe(() => {
      scope.leave(attempt)
      settle(sink, scope, child)
    })
    scope.enter(attempt)
  }
}

/** Interrupts the child fibre of an attempt when the policy aborts the attempt. */
class ChildAttempt extends Abortable {
  readonly #child: FiberCore
  constructor(child: FiberCore) {
    super()
    this.#child = child
  }
  aborted(reason: unknown): void {
    this.#child.interrupt(reason)
  }
}

/**
 * Hands the outcome of an attempt to `sink`. An aborted attempt fails with the reason, as a task that obeys its signal
 * does.
 */
function settle(sink: Sink, scope: AbortScope, child: FiberCore): void {
  if (child.kind === OK) sink.succeeded(child.value)
  else if (child.kind === ERR) sink.failed(child.value)
  else sink.failed(scope.isAborted ? scope.reason : interruptedError(child.reason))
}
