/** The roots of the tree of fibres, for a system or for a clock. */
import { BaseClock } from '../../clock/base.ts'
import { soon } from '../../clock/host.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import { callerFrames } from '../../clock/sleepers.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { type ErrorOwner, tellOwner, warnOwner } from '../../internal/report-error.ts'
import { getDefaultSystem } from '../../system/default.ts'
import { type System, systemOf } from '../../system/system.ts'
import { offerTable, type TableItems } from '../../tables/offers.ts'
import { UnfinishedError } from '../errors.ts'
import type { Body, LeftBodyHolder } from './body.ts'
import { BUDGET, type FiberHost } from './fiber-host.ts'
import type { FiberNode } from './fiber-tree.ts'
import { LinkedList } from './linked-list.ts'
import { ERR } from './op.ts'
import { noteEffects } from './systems.ts'
import { siteNow } from './tracing.ts'

const FINALIZER_TIMEOUT_MS = 30_000
/** While there are more root fibres than this, new ones are not traced: no report lists that many. */
const MAX_TRACED = 1000

/** Owns the fibres without a parent of one system or clock, their errors, and their end when the system closes. */
export class EffectRuntime implements FiberHost<FiberNode>, LeftBodyHolder {
  readonly clock: Clock
  readonly finalizerTimeoutMs: number = FINALIZER_TIMEOUT_MS
  budget: number = BUDGET
  failedCount = 0
  tracing: boolean
  readonly #system: System | undefined
  readonly #owner: ErrorOwner
  readonly #roots: LinkedList<FiberNode> = new LinkedList()
  /** Fibres that did not end in time. */
  readonly #strays: LinkedList<FiberNode> = new LinkedList()
  /** Functions that nothing waits for any more. Held weakly: they end with whatever else refers to them. */
  readonly #abandoned = new Set<WeakRef<Body>>()
  readonly #forget = new FinalizationRegistry<WeakRef<Body>>((ref) => this.#abandoned.delete(ref))
  readonly #refs = new WeakMap<Body, WeakRef<Body>>()
  #ids = 0
  #closed = false
  #onIdle: (() => void) | undefined

  constructor(clock: Clock, system: System | undefined, owner: ErrorOwner) {
    this.clock = clock
    this.#system = system
    this.#owner = owner
    this.tracing = false
  }

  get system(): System {
    return this.#system ?? getDefaultSystem()
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Returns the fibres without a parent, in order of start, then those that were left behind. */
  roots(): FiberNode[] {
    return [...this.#roots.reversed().toReversed(), ...this.#strays.reversed().toReversed()]
  }

  /** The number of fibres that were started. */
  get startedCount(): number {
    return this.#ids
  }

  /** The number of fibres that have not ended. */
  get fiberCount(): number {
    let count = 0
    const open = this.roots()
    for (let fiber = open.pop(); fiber !== undefined; fiber = open.pop()) {
      count++
      for (const child of fiber.children?.reversed() ?? []) open.push(child)
    }
    return count
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
    // A child was in its parent's list; a root is in this one.
    if (this.#has(fiber)) this.#roots.remove(fiber)
    this.#strays.add(fiber)
    this.#notifyIdle()
  }

  abandon(body: Body): void {
    const ref = new WeakRef(body)
    this.#abandoned.add(ref)
    this.#refs.set(body, ref)
    this.#forget.register(body, ref)
    body.holder = this
  }

  bodyEnded(body: Body): void {
    const ref = this.#refs.get(body)
    if (ref !== undefined) this.#abandoned.delete(ref)
  }

  /** Returns the functions that still run although nothing waits for them. */
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
    if (fiber.isLeftBehind) this.#strays.remove(fiber)
    else this.#roots.remove(fiber)
    this.unjoined(fiber)
    this.#notifyIdle()
  }

  soon(run: () => void): void {
    soon(run)
  }

  site(): Error | undefined {
    return this.tracing && this.#roots.size < MAX_TRACED ? siteNow() : undefined
  }

  /**
   * Interrupts all roots, the last one first, and resolves when they have ended. A controlled clock advances by itself
   * meanwhile, because finalisers may sleep and nothing else advances it.
   */
  async close(): Promise<void> {
    this.#closed = true
    for (const root of this.#roots.reversed()) root.interrupt(this.#reason())
    if (this.#roots.size === 0) return
    const clock = this.clock as Clock & { autoAdvance?: boolean; readonly closed?: boolean }
    const mustAdvance = clock.autoAdvance === false && clock.closed === false
    if (mustAdvance) clock.autoAdvance = true
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#armCloseDeadline(clock)
    })
    if (mustAdvance && !clock.closed) clock.autoAdvance = false
  }

  /**
   * Leaves behind the roots that have not ended within the system's time to close. A finaliser may wait for this very
   * close.
   */
  #armCloseDeadline(clock: Clock): void {
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
      const onIdle = this.#onIdle
      this.#onIdle = () => {
        timer.cancel()
        onIdle?.()
      }
    } catch {
      // A closed clock has no deadlines.
    }
  }

  #has(fiber: FiberNode): boolean {
    return fiber.previous !== undefined || fiber.next !== undefined || this.#roots.last === fiber
  }

  #notifyIdle(): void {
    if (this.#roots.size === 0) this.#onIdle?.()
  }

  #reason(): ClosedError {
    return new ClosedError(`the system ${this.system.name}`)
  }
}

const runtimesOfSystems = new WeakMap<System, EffectRuntime>()
const runtimesOfClocks = new WeakMap<Clock, EffectRuntime>()

/** Returns the runtime of a system, created at first use and closed with the system. */
export function runtimeOf(system: System): EffectRuntime {
  let runtime = runtimesOfSystems.get(system)
  if (runtime === undefined) {
    runtime = new EffectRuntime(system.clock, system, (error, origin) => system.report(error, origin))
    runtimesOfSystems.set(system, runtime)
    noteEffects(system, runtime)
    system.own(runtime)
  }
  return runtime
}

offerTable('effect', (system) => rowOf(runtimesOfSystems.get(system)), {
  fibres: ({ fiberCount }) => fiberCount,
  started: ({ startedCount }) => startedCount,
  failed: ({ failedCount }) => failedCount,
})

const rowOf = (runtime: EffectRuntime | undefined): TableItems<EffectRuntime> | undefined =>
  runtime && { items: [runtime], key: () => 'effects' }

/**
 * Returns the runtime of a clock: its system's, or one of its own, whose errors go to the owner of its timers' errors.
 */
export function runtimeOfClock(clock: Clock): EffectRuntime {
  const system = systemOf(clock)
  if (system !== undefined) return runtimeOf(system)
  let runtime = runtimesOfClocks.get(clock)
  if (runtime === undefined) {
    runtime = new EffectRuntime(clock, undefined, (error, origin) =>
      tellOwner(clock instanceof BaseClock ? clock.owner : warnOwner, error, origin),
    )
    runtimesOfClocks.set(clock, runtime)
  }
  return runtime
}
