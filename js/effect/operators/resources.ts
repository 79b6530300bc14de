/** Parts of an effect that something holds for: values, cleaning up, a resource. */
import { BaseClock } from '../../clock/base.ts'
import type { Clock } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { contextKey, withValue } from '../context.ts'
import { checked, type Enter, type Fiber, Frame, type Suspend } from '../fiber/fiber.ts'
import type { Cause } from '../fiber/finalizers.ts'
import { ENTER, type ExitKind, INTERRUPTED, NOTHING, OK, Op, SUSPEND } from '../fiber/op.ts'

/** Runs the source as a child, so that what it opens is closed when it ends. */
export const asChild =
  (source: Op, what: string, site?: Error): Suspend =>
  (fiber, epoch) =>
    fiber.awaitChild(epoch, fiber.spawn(source, what, site))

export const childOp = (source: Op, what: string): Op => new Op(SUSPEND, undefined, asChild(source, what), undefined)

class RestoreValues extends Frame {
  readonly #values: ReadonlyMap<string, unknown>
  constructor(values: ReadonlyMap<string, unknown>) {
    super()
    this.#values = values
  }
  exit(fiber: Fiber): undefined {
    fiber.values = this.#values
  }
}

/** A value for the source and for what it starts. The key `clock` sets its clock. */
export function valued(source: Op, key: string, value: unknown): Enter | Suspend {
  contextKey(key)
  return (fiber: Fiber) => {
    fiber.push(new RestoreValues(fiber.values))
    fiber.values = withValue(fiber.values, key, value)
    return source
  }
}

/** A run of its own on another clock. */
export const onClock =
  (source: Op, clock: Clock): Suspend =>
  (fiber, epoch) => {
    if (clock instanceof BaseClock && clock.closed) throw new InvalidArgumentError('clock', 'open', clock)
    fiber.awaitChild(epoch, fiber.spawnOn(clock, source))
  }

class OnInterrupt extends Frame {
  readonly #cleanup: () => unknown
  constructor(cleanup: () => unknown) {
    super()
    this.#cleanup = cleanup
  }
  exit(fiber: Fiber, kind: ExitKind): Op | undefined {
    if (kind !== INTERRUPTED) return undefined
    fiber.protect()
    fiber.push(new Unprotect())
    return new Op(SUSPEND, undefined, cleaning(this.#cleanup), undefined)
  }
}

/** Ends the protection; the interrupt goes on with the next operation. */
class Unprotect extends Frame {
  exit(fiber: Fiber): Op {
    fiber.unprotect()
    return NOTHING
  }
}

const cleaning =
  (cleanup: () => unknown): Suspend =>
  (fiber, epoch) =>
    fiber.runFinalizer({ finalizer: cleanup, site: fiber.site }, 'interrupted', () =>
      fiber.resume(epoch, OK, undefined),
    )

/** Cleans up when the source is interrupted, and is waited for. */
export const cleanedUp =
  (source: Op, cleanup: () => unknown): Enter =>
  (fiber) => {
    fiber.push(new OnInterrupt(cleanup))
    return source
  }

class Acquired extends Frame {
  readonly #use: (resource: unknown) => unknown
  readonly #release: (resource: unknown, cause: Cause) => unknown
  constructor(use: (resource: unknown) => unknown, release: (resource: unknown, cause: Cause) => unknown) {
    super()
    this.#use = use
    this.#release = release
  }
  exit(fiber: Fiber, kind: ExitKind, acquired: unknown): Op | undefined {
    if (kind === OK) fiber.scope().push((cause) => this.#release(acquired, cause), fiber.site)
    fiber.unprotect()
    if (kind !== OK) return undefined
    // An interrupt that came meanwhile takes the place of the use.
    return fiber.interruptNow ? NOTHING : checked('use', this.#use(acquired))
  }
}

/** Acquires without interruption, uses, and releases with how the use has ended. A fibre of its own: see {@link asChild}. */
export function resource(
  acquire: Op,
  use: (resource: unknown) => unknown,
  release: (resource: unknown, cause: Cause) => unknown,
): Op {
  const enter: Enter = (fiber) => {
    fiber.protect()
    fiber.push(new Acquired(use, release))
    return acquire
  }
  return new Op(ENTER, undefined, enter, undefined)
}

/** What a resource says of its own release. */
export function disposeOf(given: unknown): unknown {
  const disposable = given as Partial<AsyncDisposable & Disposable> | null | undefined
  const dispose = disposable?.[Symbol.asyncDispose] ?? disposable?.[Symbol.dispose]
  if (typeof dispose === 'function') return dispose.call(disposable)
  throw new InvalidArgumentError(
    'the resource',
    'one with Symbol.asyncDispose or Symbol.dispose, or release given',
    given,
  )
}
