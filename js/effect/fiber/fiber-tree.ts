/** The tree of fibres, and the one place that ends a fibre. */
import { limitOn } from '../../clock/internal-timers.ts'
import { callerFrames } from '../../clock/sleepers.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import { UnfinishedError } from '../errors.ts'
import type { Body } from './body.ts'
import { coreOf } from './core-of.ts'
import type { FiberHost } from './fiber-host.ts'
import { type Cause, type FinalizerEntry, Finalizers } from './finalizers.ts'
import { LinkedList } from './linked-list.ts'
import { ERR, type FiberExitKind, INTERRUPTED, OK } from './op.ts'

/** States of a fibre. */
export const NEW = 0
export const RUNNING = 1
export const CLOSING = 2
export const DONE = 3

/** Phases of the end of a fibre, in order. */
const INTERRUPT_CHILDREN = 0
const AWAIT_CHILDREN = 1
const AWAIT_BODIES = 2
const RUN_FINALIZERS = 3

/** Failures of children that a fibre keeps before it drops those that were joined. */
const FAILURES_BEFORE_SWEEP = 64

/** Kinds of fibres, for reports. */
export const FINALIZER = 'a finalizer'
export const FORK = 'a fork'
export const DAEMON = 'a daemon'

const NO_VALUES: ReadonlyMap<string, unknown> = new Map()

/**
 * A fibre's place in the tree, and its end. First its children are interrupted and waited for, then functions that
 * still run although their fibres went on; then finalisers run, the last one first; then observers are called.
 */
export abstract class FiberNode {
  // Fields are declared without an initialiser and set by the constructor: an initialiser costs several times as much.
  declare readonly host: FiberHost<FiberNode>
  declare readonly clock: Clock
  declare readonly number: number
  /** The kind of fibre, for reports. */
  declare readonly what: string
  declare readonly site: Error | undefined
  declare parent: FiberNode | undefined
  declare previous: FiberNode | undefined
  declare next: FiberNode | undefined
  declare children: LinkedList<FiberNode> | undefined
  declare values: ReadonlyMap<string, unknown>
  /** Its outcome, or that of the wait it is about to leave. */
  declare kind: FiberExitKind
  declare value: unknown
  declare interrupted: boolean
  declare reason: unknown
  /** True if the interrupt takes effect at the next operation. */
  declare interruptNow: boolean
  /** The number of uninterruptible regions around the current operation. */
  declare mask: number
  /** The fibre that it waits for, to find cycles; or a text for reports. */
  declare waitsFor: string | FiberNode | undefined
  /** True if it was forked: then its failure is reported unless it is joined. */
  declare readonly forked: boolean
  /** True once its outcome was read through its handle. */
  declare joined: boolean
  /** True if it did not end in time, so that nothing waits for it any more. */
  declare isLeftBehind: boolean
  /** The time of a finaliser, in milliseconds. */
  declare finalizerTimeoutMs: number
  declare protected status: typeof NEW | typeof RUNNING | typeof CLOSING | typeof DONE
  declare private phase: number
  declare private observers: Set<() => void> | undefined
  declare protected openFinalizers: Finalizers | undefined
  /** Functions that still run although their fibres were interrupted and went on. */
  declare private bodies: Set<Body> | undefined
  declare private deadline: TimerHandle | undefined
  /** Forked children that failed and were not joined. */
  declare private failed: FiberNode[] | undefined
  declare private failedLimit: number

  constructor(
    host: FiberHost<FiberNode>,
    parent: FiberNode | undefined,
    clock: Clock,
    what: string,
    site: Error | undefined,
  ) {
    this.host = host
    this.parent = parent
    this.clock = clock
    this.what = what
    this.site = host.tracing ? site : undefined
    this.forked = what === FORK || what === DAEMON
    this.number = host.nextId()
    this.values = parent === undefined ? NO_VALUES : parent.values
    this.finalizerTimeoutMs = parent === undefined ? host.finalizerTimeoutMs : parent.finalizerTimeoutMs
    this.previous = undefined
    this.next = undefined
    this.children = undefined
    this.kind = OK
    this.value = undefined
    this.interrupted = false
    this.reason = undefined
    this.interruptNow = false
    this.mask = 0
    this.waitsFor = undefined
    this.joined = false
    this.isLeftBehind = false
    this.status = NEW
    this.phase = INTERRUPT_CHILDREN
    this.observers = undefined
    this.openFinalizers = undefined
    this.bodies = undefined
    this.deadline = undefined
    this.failed = undefined
    this.failedLimit = FAILURES_BEFORE_SWEEP
    if (parent === undefined) host.adopt(this)
    else parent.#addChild(this)
  }

  /** Interrupts it: it stops where it waits, or at its next operation. Later calls do nothing. */
  abstract interrupt(reason: unknown): void

  /** Captures the asynchronous context of its run, for finalisers. */
  protected abstract keepContext(): void

  /** Starts a child that runs one finaliser, uninterruptibly. */
  protected abstract startFinalizer(entry: FinalizerEntry, cause: Cause): FiberNode

  get id(): string {
    return `fiber-${this.number}`
  }

  get done(): boolean {
    return this.status === DONE
  }

  /** Returns whether it ends or has ended: then it takes no children but finalisers. */
  get closing(): boolean {
    return this.status >= CLOSING
  }

  /** Functions that still run although their fibres went on, and that this fibre waits for. */
  get leftBodies(): Iterable<Body> {
    return this.bodies ?? []
  }

  /** Finalisers that have not started. */
  get finalizers(): readonly FinalizerEntry[] {
    return this.openFinalizers?.entries ?? []
  }

  /** Calls back when it has ended, or was left behind. Returns a function that removes the observer. */
  observe(observer: () => void): () => void {
    const observers = (this.observers ??= new Set())
    observers.add(observer)
    return () => void observers.delete(observer)
  }

  /** Enters an uninterruptible region. */
  protect(): void {
    this.mask++
    this.interruptNow = false
  }

  /** Leaves an uninterruptible region. An interrupt that came meanwhile takes effect. */
  unprotect(): void {
    this.mask--
    if (this.mask > 0 || !this.interrupted) return
    this.interruptNow = true
    this.#clearDeadline()
  }

  /** Returns the finalisers of the fibre, created at first use. */
  scope(): Finalizers {
    if (this.openFinalizers === undefined) {
      // While the fibre waits, its context must be captured here; otherwise the loop does it at the next wait.
      if (this.waitsFor !== undefined) this.keepContext()
      this.openFinalizers = new Finalizers(
        (entry, cause, ended) => this.runFinalizer(entry, cause, ended),
        () => this.host.site(),
      )
      if (this.status >= CLOSING) this.openFinalizers.seal()
    }
    return this.openFinalizers
  }

  /** Hands an error without a caller to the runtime. */
  report(error: unknown, origin: string): void {
    this.host.report(error, origin)
  }

  /** Goes on with the end once the last function it waits for has ended. */
  bodyEnded(body: Body): void {
    this.bodies?.delete(body)
    if (this.phase === AWAIT_BODIES && this.bodies?.size === 0) this.#close()
  }

  /** Waits for a running function in place of the fibre that was interrupted. */
  leave(body: Body): void {
    body.holder = this
    this.bodies ??= new Set()
    this.bodies.add(body)
  }

  /** Begins the end of the fibre, after its last operation. */
  protected finish(): void {
    if (this.children?.last === undefined && this.openFinalizers === undefined && this.failed === undefined) {
      this.#end()
      return
    }
    this.status = CLOSING
    if (this.kind === OK) this.#handOver()
    this.openFinalizers?.seal()
    const reason = this.kind === INTERRUPTED ? this.reason : undefined
    for (const child of this.children?.reversed() ?? []) child.interrupt(reason)
    this.phase = AWAIT_CHILDREN
    this.#close()
  }

  /** Goes through the phases of the end, as far as nothing is waited for. */
  #close(): void {
    if (this.phase === AWAIT_CHILDREN) {
      if (this.children?.last !== undefined) return
      this.phase = AWAIT_BODIES
    }
    if (this.phase === AWAIT_BODIES) {
      if (this.bodies !== undefined && this.bodies.size > 0 && this.finalizers.length > 0) {
        this.#armBodiesDeadline()
        return
      }
      this.#clearDeadline()
      this.phase = RUN_FINALIZERS
    }
    for (let ended = true; ended;) {
      ended = false
      let returned = false
      const any = this.openFinalizers?.runLast(causeOf(this.kind), () => {
        ended = true
        if (returned) this.#close()
      })
      returned = true
      if (any !== true) {
        this.#end()
        return
      }
    }
  }

  #end(): void {
    this.status = DONE
    this.waitsFor = undefined
    if (this.kind === ERR) this.host.failedCount++
    const { parent } = this
    for (const body of this.bodies ?? []) {
      // The parent may have finalisers that must wait for the function.
      if (parent === undefined) this.host.abandon(body)
      else parent.leave(body)
    }
    for (const child of this.failed ?? []) {
      if (!child.joined) this.report(child.value, `${child.id}, which nobody has joined,`)
    }
    if (parent === undefined) this.host.ended(this)
    else {
      parent.children?.remove(this)
      parent.#childFailed(this)
    }
    this.#notifyObservers()
    if (parent !== undefined) parent.#childGone()
  }

  #addChild(child: FiberNode): void {
    this.children ??= new LinkedList()
    this.children.add(child)
  }

  #childGone(): void {
    if (this.status === CLOSING && this.phase === AWAIT_CHILDREN) this.#close()
  }

  #notifyObservers(): void {
    const observers = this.observers
    this.observers = undefined
    for (const observer of observers ?? []) {
      try {
        observer()
      } catch (error) {
        // The other observers are called all the same.
        this.report(error, `who waits for ${this.id}`)
      }
    }
  }

  /** Moves fibres that are part of the result to the parent, which gets the result. */
  #handOver(): void {
    const { parent } = this
    for (const fiber of fibersIn(this.value)) {
      if (fiber.parent !== this) continue
      fiber.parent = parent
      if (fiber.done) {
        this.failed = this.failed?.filter((child) => child !== fiber)
        if (parent === undefined) this.host.unjoined(fiber)
        else parent.#childFailed(fiber)
        continue
      }
      this.children?.remove(fiber)
      if (parent === undefined) this.host.adopt(fiber)
      else {
        parent.#addChild(fiber)
        if (parent.closing) fiber.interrupt(parent.reason)
      }
    }
  }

  /** Keeps a failed child until it is joined; the end of this fibre reports it otherwise. */
  #childFailed(child: FiberNode): void {
    if (child.kind !== ERR || !child.forked || child.joined) return
    this.failed ??= []
    // Children that were joined meanwhile are dropped now and then, so that a long-lived fibre does not keep them all.
    if (this.failed.length >= this.failedLimit) {
      this.failed = this.failed.filter(({ joined }) => !joined)
      this.failedLimit = Math.max(FAILURES_BEFORE_SWEEP, this.failed.length * 2)
    }
    this.failed.push(child)
  }

  /** Moves it to the runtime as a stray. Its observers see it as interrupted. */
  leaveBehind(): void {
    const { parent } = this
    this.kind = INTERRUPTED
    parent?.children?.remove(this)
    this.parent = undefined
    this.host.leave(this)
    this.isLeftBehind = true
    this.#notifyObservers()
    if (parent !== undefined) parent.#childGone()
  }

  /** Runs a finaliser to its end or its deadline, then calls `ended`. */
  runFinalizer(entry: FinalizerEntry, cause: Cause, ended: () => void): void {
    const child = this.startFinalizer(entry, cause)
    const report = (): void => {
      if (child.kind === ERR) this.report(child.value, `a finalizer of ${this.id}`)
      ended()
    }
    if (child.done) {
      report()
      return
    }
    const timer = this.#limit(`the deadline of a finalizer of ${this.id}`, () => {
      stop()
      this.#reportUnfinished('a finalizer', entry.site)
      child.mask = 0
      child.leaveBehind()
      child.interrupt(undefined)
      ended()
    })
    const stop = child.observe(() => {
      timer?.cancel()
      report()
    })
  }

  #clearDeadline(): void {
    this.deadline?.cancel()
    this.deadline = undefined
  }

  /** Leaves the fibre behind if its uninterruptible region does not end within the deadline. */
  protected armMaskDeadline(): void {
    this.deadline = this.#limit(`the deadline of an acquisition of ${this.id}`, () => {
      this.deadline = undefined
      this.#reportUnfinished('the acquisition', this.site)
      this.leaveBehind()
    })
  }

  #armBodiesDeadline(): void {
    this.deadline ??= this.#limit(`the deadline of what ${this.id} has left`, () => {
      this.#reportUnfinished('what its finalizers wait for', this.site)
      for (const body of this.bodies ?? []) this.host.abandon(body)
      this.bodies?.clear()
      this.#close()
    })
  }

  /** Arms the deadline of a finaliser. On a closed clock there is none. */
  #limit(label: string, over: () => void): TimerHandle | undefined {
    try {
      return limitOn(this.clock, this.finalizerTimeoutMs, label, over)
    } catch {
      return undefined
    }
  }

  #reportUnfinished(what: string, site: Error | undefined): void {
    this.report(new UnfinishedError(what, this.id, this.finalizerTimeoutMs, callerFrames(site)), this.id)
  }
}

/**
 * Returns the fibres in a result: the value itself, or the items of a list. Returns none for a list that cannot be
 * read.
 */
function fibersIn(value: unknown): FiberNode[] {
  try {
    const items: unknown[] = Array.isArray(value) ? value : [value]
    return items.map(coreOf).filter((fiber) => fiber !== undefined) as FiberNode[]
  } catch {
    return []
  }
}

const causeOf = (kind: FiberExitKind): Cause => (kind === OK ? 'ok' : kind === ERR ? 'error' : 'interrupted')
