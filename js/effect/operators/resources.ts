/** Operators with a scope: context values, another clock, cleanup after an interrupt, resources. */
import { BaseClock } from '../../clock/base.ts'
import type { Clock } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { contextKey, withValue } from '../context.ts'
import { assertEffect, type Enter, type FiberCore, Frame, type Suspend } from '../fiber/fiber-core.ts'
import type { Cause } from '../fiber/finalizers.ts'
import { ENTER, type FiberExitKind, INTERRUPTED, NOTHING, OK, Op, SUSPEND } from '../fiber/op.ts'

/** Runs the source as a child fibre, so that its finalisers run when it ends. */
export const asChild =
  (source: Op, what: string, site?: Error): Suspend =>
  (fiber, epoch) =>
    fiber.awaitChild(epoch, fiber.spawn(source, what, site))

/** Returns the operation that runs the source as a child fibre. */
export const childOp = (source: Op, what: string): Op => new Op(SUSPEND, undefined, asChild(source, what), undefined)

class RestoreValuesFrame extends Frame {
  readonly #values: ReadonlyMap<string, unknown>
  constructor(values: ReadonlyMap<string, unknown>) {
    super()
    this.#values = values
  }
  exit(fiber: FiberCore): undefined {
    fiber.values = this.#values
  }
}

/** Runs the source with one more context value. */
export function withContextValue(source: Op, key: string, value: unknown): Enter | Suspend {
  contextKey(key)
  return (fiber: FiberCore) => {
    fiber.push(new RestoreValuesFrame(fiber.values))
    fiber.values = withValue(fiber.values, key, value)
    return source
  }
}

/** Runs the source as a child fibre on another clock. */
export const withClock =
  (source: Op, clock: Clock): Suspend =>
  (fiber, epoch) => {
    if (clock instanceof BaseClock && clock.closed) throw new InvalidArgumentError('clock', 'open', clock)
    fiber.awaitChild(epoch, fiber.spawnOn(clock, source))
  }

class CleanupFrame extends Frame {
  readonly #cleanup: () => unknown
  constructor(cleanup: () => unknown) {
    super()
    this.#cleanup = cleanup
  }
  exit(fiber: FiberCore, kind: FiberExitKind): Op | undefined {
    if (kind !== INTERRUPTED) return undefined
    fiber.protect()
    fiber.push(new UnprotectFrame())
    return new Op(SUSPEND, undefined, runCleanup(this.#cleanup), undefined)
  }
}

/** Leaves an uninterruptible region; an interrupt takes effect at the next operation. */
export class UnprotectFrame extends Frame {
  exit(fiber: FiberCore): Op {
    fiber.unprotect()
    return NOTHING
  }
}

const runCleanup =
  (cleanup: () => unknown): Suspend =>
  (fiber, epoch) =>
    fiber.runFinalizer({ finalizer: cleanup, site: fiber.site }, 'interrupted', () =>
      fiber.resume(epoch, OK, undefined),
    )

/** Runs the source. Calls `cleanup` when it is interrupted, and waits for it. */
export const withCleanup =
  (source: Op, cleanup: () => unknown): Enter =>
  (fiber) => {
    fiber.push(new CleanupFrame(cleanup))
    return source
  }

/** Registers the release of an resource resource, and continues with its use. */
class UseFrame extends Frame {
  readonly #use: (resource: unknown) => unknown
  readonly #release: (resource: unknown, cause: Cause) => unknown
  constructor(use: (resource: unknown) => unknown, release: (resource: unknown, cause: Cause) => unknown) {
    super()
    this.#use = use
    this.#release = release
  }
  exit(fiber: FiberCore, kind: FiberExitKind, resource: unknown): Op | undefined {
    if (kind === OK) fiber.scope().push((cause) => this.#release(resource, cause), fiber.site)
    fiber.unprotect()
    if (kind !== OK) return undefined
    // An interrupt that came during the acquisition replaces the use.
    return fiber.interruptNow ? NOTHING : assertEffect('use', this.#use(resource))
  }
}

/**
 * Acquires uninterruptibly, uses, and releases with the outcome of the use. Must run as a child: see {@link asChild}.
 */
export function acquireRelease(
  acquire: Op,
  use: (resource: unknown) => unknown,
  release: (resource: unknown, cause: Cause) => unknown,
): Op {
  const enter: Enter = (fiber) => {
    fiber.protect()
    fiber.push(new UseFrame(use, release))
    return acquire
  }
  return new Op(ENTER, undefined, enter, undefined)
}

/** Releases a resource by its own `Symbol.asyncDispose` or `Symbol.dispose`. */
export function dispose(resource: unknown): unknown {
  const disposable = resource as Partial<AsyncDisposable & Disposable> | null | undefined
  const method = disposable?.[Symbol.asyncDispose] ?? disposable?.[Symbol.dispose]
  if (typeof method === 'function') return method.call(disposable)
  throw new InvalidArgumentError(
    'the resource',
    'one with Symbol.asyncDispose or Symbol.dispose, or release given',
    resource,
  )
}
