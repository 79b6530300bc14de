import { BaseClock } from '../../clock/base.ts'
import { soon } from '../../clock/host.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import { callerFrames } from '../../clock/sleepers.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../../internal/report-error.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { type System, systemOf } from '../../system/system.ts'
import type { Body, Heir } from './body.ts'
import { UnfinishedError } from '../errors.ts'
import { BUDGET, type Host } from './host.ts'
import type { FiberNode } from './fiber-tree.ts'
import { ERR } from './op.ts'
import { Siblings } from './linked-list.ts'
import { siteNow, traceEffects } from './tracing.ts'

const FINALIZER_TIMEOUT_MS = 30_000
const traced = new WeakSet<System>()
/** With more fibres than this, new ones are not traced: nobody reads as many. */
const TRACED = 1000

/** Where fibres live: the roots of the tree, on one clock. */
export class EffectRuntime implements Host<FiberNode>, Heir {
  readonly clock: Clock
  readonly finalizerTimeoutMs: number = FINALIZER_TIMEOUT_MS
  budget: number = BUDGET
  tracing: boolean
  readonly #system: System | undefined
  readonly #owner: ErrorOwner
  readonly #roots: Siblings<FiberNode> = new Siblings()
  /** Those that did not end in time. */
  readonly #strays: Siblings<FiberNode> = new Siblings()
  /** Functions that nobody waits for any more, as long as something else holds them. */
  readonly #abandoned = new Set<WeakRef<Body>>()
  readonly #forget = new FinalizationRegistry<WeakRef<Body>>((ref) => this.#abandoned.delete(ref))
  readonly #refs = new WeakMap<Body, WeakRef<Body>>()
  #ids = 0
  #closed = false
  #idle: (() => void) | undefined

  constructor(clock: Clock, system: System | undefined, owner: ErrorOwner) {
    this.clock = clock
    this.#system = system
    this.#owner = owner
    this.tracing = system !== undefined && traced.has(system)
  }

  get system(): System {
    return this.#system ?? getDefaultSystem()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Fibres without a parent, in the order in which they began; then those that were left behind. */
  roots(): FiberNode[] {
    return [...this.#roots.reversed().toReversed(), ...this.#strays.reversed().toReversed()]
  }

  nextId(): number {
    return ++this.#ids
  }

  report(error: unknown, origin: string): void {
    tellOwner(this.#owner, error, origin)
  }

  adopt(fiber: FiberNode): void {
    this.#roots.add(fiber)
    if (this.#closed) fiber.interrupt(this.#reason())
  }

  leave(fiber: FiberNode): void {
    // A child is in its parent's list until now, and a root in this one.
    if (this.#has(fiber)) this.#roots.remove(fiber)
    this.#strays.add(fiber)
    this.#tellIdle()
  }

  abandon(body: Body): void {
    const ref = new WeakRef(body)
    this.#abandoned.add(ref)
    this.#refs.set(body, ref)
    this.#forget.register(body, ref)
    body.leftTo = this
  }

  bodyEnded(body: Body): void {
    const ref = this.#refs.get(body)
    if (ref !== undefined) this.#abandoned.delete(ref)
  }

  /** Functions that still run although nobody waits for them. */
  abandoned(): Body[] {
    return Array.from(this.#abandoned, (ref) => ref.deref()).filter((body) => body !== undefined)
  }

  unjoined(fiber: FiberNode): void {
    if (fiber.kind !== ERR || !fiber.forked || fiber.joined) return
    soon(() => {
      if (!fiber.joined) this.report(fiber.value, `${fiber.id}, which nobody has joined,`)
    })
  }

  ended(fiber: FiberNode): void {
    if (fiber.left) this.#strays.remove(fiber)
    else this.#roots.remove(fiber)
    this.unjoined(fiber)
    this.#tellIdle()
  }

  soon(run: () => void): void {
    soon(run)
  }

  site(): Error | undefined {
    return this.tracing && this.#roots.size < TRACED ? siteNow() : undefined
  }

  /**
   * The system closes: all roots are interrupted, the last one first, and waited for. A controlled clock moves by
   * itself meanwhile, since finalisers may sleep and nobody else will move it.
   */
  async close(): Promise<void> {
    this.#closed = true
    for (const root of this.#roots.reversed()) root.interrupt(this.#reason())
    if (this.#roots.size === 0) return
    const clock = this.clock as Clock & { autoAdvance?: boolean; readonly closed?: boolean }
    const drives = clock.autoAdvance === false && clock.closed === false
    if (drives) clock.autoAdvance = true
    await new Promise<void>((resolve) => {
      this.#idle = resolve
      this.#bound(clock)
    })
    if (drives && !clock.closed) clock.autoAdvance = false
  }

  /** What has not ended when the system's time to close is over is left behind: a finaliser may wait for this very close. */
  #bound(clock: Clock): void {
    const { closeTimeout } = this.system
    const over = (): void => {
      for (const root of this.#roots.reversed()) {
        const where = callerFrames(root.site)
        this.report(new UnfinishedError(root.what, root.id, closeTimeout, where), root.id)
        root.leaveBehind()
      }
    }
    try {
      const timer = limitOn(clock, closeTimeout, 'the end of effects', over)
      const idle = this.#idle
      this.#idle = () => {
        timer.cancel()
        idle?.()
      }
    } catch {
      // A closed clock brings no deadline.
    }
  }

  #has(fiber: FiberNode): boolean {
    return fiber.previous !== undefined || fiber.next !== undefined || this.#roots.last === fiber
  }

  #tellIdle(): void {
    if (this.#roots.size === 0) this.#idle?.()
  }

  #reason(): ClosedError {
    return new ClosedError(`the system ${this.system.name}`)
  }
}

const ofSystems = new WeakMap<System, EffectRuntime>()
const ofClocks = new WeakMap<Clock, EffectRuntime>()

/** The runtime of a system, made at first use and closed with it. */
export function runtimeOf(system: System): EffectRuntime {
  let runtime = ofSystems.get(system)
  if (runtime === undefined) {
    runtime = new EffectRuntime(system.clock, system, (error, origin) => system.report(error, origin))
    ofSystems.set(system, runtime)
    system.own(runtime)
  }
  return runtime
}

/** Makes the fibres of a system remember where they were made, until it closes. */
export function traceSystem(system: System): void {
  traced.add(system)
  const runtime = ofSystems.get(system)
  if (runtime !== undefined) runtime.tracing = true
  system.own({ close: traceEffects() })
}

/** @internal The runtime of a system, if effects have run there. */
export const knownRuntimeOf = (system: System): EffectRuntime | undefined => ofSystems.get(system)

/** The runtime of a clock: its system's, or one of its own, whose errors go to whoever owns those of its timers. */
export function runtimeOfClock(clock: Clock): EffectRuntime {
  const system = systemOf(clock)
  if (system !== undefined) return runtimeOf(system)
  let runtime = ofClocks.get(clock)
  if (runtime === undefined) {
    runtime = new EffectRuntime(clock, undefined, (error, origin) =>
      tellOwner(clock instanceof BaseClock ? clock.owner : warnOwner, error, origin),
    )
    ofClocks.set(clock, runtime)
  }
  return runtime
}
