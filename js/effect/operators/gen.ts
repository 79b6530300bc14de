/** Effects as generators: `yield*` waits for an effect and gets its value. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import { fieldOf } from '../../internal/validate.ts'
import { type Enter, type FiberCore, Frame, type Suspend } from '../fiber/fiber-core.ts'
import { UnprotectFrame } from './resources.ts'
import { ENTER, type ERR, FAIL, type FiberExitKind, INTERRUPTED, isOp, OK, Op, SUCCEED, SUSPEND } from '../fiber/op.ts'

/** The part of a generator that a run uses. */
type Steps = Iterator<unknown, unknown, unknown>

/** Runs a generator function: each yielded effect is run, and its outcome goes back into the generator. */
export const generate =
  (fn: () => Steps): Enter =>
  () => {
    const steps = fn()
    if (typeof fieldOf(steps, 'next') !== 'function' || typeof fieldOf(steps, 'throw') !== 'function') {
      throw new InvalidArgumentError("what gen's function returns", 'a generator', steps)
    }
    return new Op(ENTER, undefined, (fiber: FiberCore) => new GenFrame(steps).step(fiber, OK, undefined), undefined)
  }

/** One run of a generator. It waits on the stack for each effect that the generator yields. */
class GenFrame extends Frame {
  readonly #steps: Steps

  constructor(steps: Steps) {
    super()
    this.#steps = steps
  }

  /** Hands an outcome to the generator. Returns the effect that it yields next, or its end. */
  step(fiber: FiberCore, kind: typeof OK | typeof ERR, value: unknown): Op {
    const next = kind === OK ? this.#steps.next(value) : (this.#steps.throw as (error: unknown) => never)(value)
    return this.#follow(fiber, next)
  }

  exit(fiber: FiberCore, kind: FiberExitKind, value: unknown): Op | undefined {
    if (kind !== INTERRUPTED) return this.step(fiber, kind, value)
    // `finally` blocks run as finalisers do: uninterruptibly, with a deadline, and with an owner of their errors.
    const close = (): Op => new Op(ENTER, undefined, (child: FiberCore) => this.#close(child), undefined)
    fiber.protect()
    fiber.push(new UnprotectFrame())
    const run: Suspend = (waiting, epoch) =>
      waiting.runFinalizer({ finalizer: close, site: waiting.site }, 'interrupted', () =>
        waiting.resume(epoch, OK, undefined),
      )
    return new Op(SUSPEND, undefined, run, undefined)
  }

  /** Ends the generator early. Returns the effect that a `finally` block yields, or its end. */
  #close(fiber: FiberCore): Op {
    const { return: end } = this.#steps
    return end === undefined
      ? new Op(SUCCEED, undefined, undefined, undefined)
      : this.#follow(fiber, end.call(this.#steps))
  }

  #follow(fiber: FiberCore, next: IteratorResult<unknown, unknown>): Op {
    if (next.done === true) return new Op(SUCCEED, undefined, next.value, undefined)
    fiber.push(this)
    if (isOp(next.value)) return next.value
    const error = new InvalidArgumentError('what a generator yields', 'an effect, by yield*', next.value)
    return new Op(FAIL, undefined, error, undefined)
  }
}
