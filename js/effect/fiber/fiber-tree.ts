import { callerFrames } from '../../clock/sleepers.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import type { Body } from './body.ts'
import { UnfinishedError } from '../errors.ts'
import { type Cause, type Entry, Finalizers } from './finalizers.ts'
import { coreOf } from './core-of.ts'
import type { Host } from './host.ts'
import { ERR, type ExitKind, INTERRUPTED, OK } from './op.ts'
import { Siblings } from './linked-list.ts'

export const NEW = 0
export const RUNNING = 1
export const CLOSING = 2
export const DONE = 3

/** How far the closing is. */
const INTERRUPT_CHILDREN = 0
const AWAIT_CHILDREN = 1
const AWAIT_BODIES = 2
const RUN_FINALIZERS = 3

/** Failures that a fibre remembers before it looks which were joined. */
const FAILED = 64

/** What fibres are, for reports. */
export const FINALIZER = 'a finalizer'
export const FORK = 'a fork'
export const DAEMON = 'a daemon'

const NO_VALUES: ReadonlyMap<string, unknown> = new Map()

/**
 * A fibre's place in the tree, and its end: children are interrupted and waited for, then what was left running, then
 * finalisers run, the last one first, and only then has it ended.
 */
export abstract class FiberNode {
  // Declared here and made by the constructor: a field with an initialiser costs several times as much.
  declare readonly host: Host<FiberNode>
  declare readonly clock: Clock
  declare readonly number: number
  /** What it is, for reports. */
  declare readonly what: string
  declare readonly site: Error | undefined
  declare parent: FiberNode | undefined
  declare previous: FiberNode | undefined
  declare next: FiberNode | undefined
  declare children: Siblings<FiberNode> | undefined
  declare values: ReadonlyMap<string, unknown>
  /** How it has ended, or what it is about to go on with. */
  declare kind: ExitKind
  declare value: unknown
  declare interrupted: boolean
  declare reason: unknown
  /** Whether the next operation gives way to the interrupt. */
  declare interruptNow: boolean
  /** Depth of what must not be interrupted. */
  declare mask: number
  /** For reports, and to find cycles. */
  declare waitsFor: string | FiberNode | undefined
  /** Somebody has a handle on it, and may ask how it ended. */
  declare readonly forked: boolean
  declare joined: boolean
  /** It did not end in time, and nobody waits for it any more. */
  declare left: boolean
  declare finalizerTimeoutMs: number
  declare protected status: typeof NEW | typeof RUNNING | typeof CLOSING | typeof DONE
  declare private phase: number
  declare private observers: Set<() => void> | undefined
  declare protected opened: Finalizers | undefined
  /** Bodies that were left when they did not stop at once. */
  declare private bodies: Set<Body> | undefined
  declare private bound: TimerHandle | undefined
  /** Children that failed, and that nobody has joined. */
  declare private failed: FiberNode[] | undefined
  declare private failedLimit: number

  constructor(
    host: Host<FiberNode>,
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
    this.left = false
    this.status = NEW
    this.phase = INTERRUPT_CHILDREN
    this.observers = undefined
    this.opened = undefined
    this.bodies = undefined
    this.bound = undefined
    this.failed = undefined
    this.failedLimit = FAILED
    if (parent === undefined) host.adopt(this)
    else parent.#addChild(this)
  }

  abstract interrupt(reason: unknown): void

  /** Remembers the context of this run, for what runs when it ends. */
  protected abstract keepContext(): void

  /** Starts a child that runs one finaliser and is not interrupted. */
  protected abstract startFinalizer(entry: Entry, cause: Cause): FiberNode

  get id(): string {
    return `fiber-${this.number}`
  }

  get done(): boolean {
    return this.status === DONE
  }

  /** Whether it takes no more children but its finalisers. */
  get closing(): boolean {
    return this.status >= CLOSING
  }

  /** Functions that run although their fibres have gone on, and that this one waits for. */
  get leftBodies(): Iterable<Body> {
    return this.bodies ?? []
  }

  /** Finalisers that have not run. */
  get finalizers(): readonly Entry[] {
    return this.opened?.entries ?? []
  }

  /** Calls back when it has ended, or was left behind. */
  observe(observer: () => void): () => void {
    const observers = (this.observers ??= new Set())
    observers.add(observer)
    return () => void observers.delete(observer)
  }

  /** Begins what runs to its end even when the fibre is interrupted. */
  protect(): void {
    this.mask++
    this.interruptNow = false
  }

  unprotect(): void {
    this.mask--
    if (this.mask > 0 || !this.interrupted) return
    this.interruptNow = true
    this.#unbind()
  }

  scope(): Finalizers {
    if (this.opened === undefined) {
      // Whoever ends a wait would run its finalisers; the loop sees to it where there is no wait yet.
      if (this.waitsFor !== undefined) this.keepContext()
      this.opened = new Finalizers(
        (entry, cause, ended) => this.runFinalizer(entry, cause, ended),
        () => this.host.site(),
      )
      if (this.status >= CLOSING) this.opened.seal()
    }
    return this.opened
  }

  report(error: unknown, origin: string): void {
    this.host.report(error, origin)
  }

  bodyEnded(body: Body): void {
    this.bodies?.delete(body)
    if (this.phase === AWAIT_BODIES && this.bodies?.size === 0) this.#close()
  }

  /** A body that cannot be stopped was left. */
  leave(body: Body): void {
    body.leftTo = this
    this.bodies ??= new Set()
    this.bodies.add(body)
  }

  /** Everything was walked: closes what was opened, children first. */
  protected finish(): void {
    if (this.children?.last === undefined && this.opened === undefined && this.failed === undefined) {
      this.#end()
      return
    }
    this.status = CLOSING
    if (this.kind === OK) this.#handOver()
    this.opened?.seal()
    const reason = this.kind === INTERRUPTED ? this.reason : undefined
    for (const child of this.children?.reversed() ?? []) child.interrupt(reason)
    this.phase = AWAIT_CHILDREN
    this.#close()
  }

  #close(): void {
    if (this.phase === AWAIT_CHILDREN) {
      if (this.children?.last !== undefined) return
      this.phase = AWAIT_BODIES
    }
    if (this.phase === AWAIT_BODIES) {
      if (this.bodies !== undefined && this.bodies.size > 0 && this.finalizers.length > 0) {
        this.#boundBodies()
        return
      }
      this.#unbind()
      this.phase = RUN_FINALIZERS
    }
    for (let ended = true; ended;) {
      ended = false
      let returned = false
      const any = this.opened?.runLast(causeOf(this.kind), () => {
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
    const { parent } = this
    for (const body of this.bodies ?? []) {
      // Whoever is above may have finalisers that it would disturb.
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
    this.#tellObservers()
    if (parent !== undefined) parent.#childGone()
  }

  #addChild(child: FiberNode): void {
    this.children ??= new Siblings()
    this.children.add(child)
  }

  #childGone(): void {
    if (this.status === CLOSING && this.phase === AWAIT_CHILDREN) this.#close()
  }

  #tellObservers(): void {
    const observers = this.observers
    this.observers = undefined
    for (const observer of observers ?? []) {
      try {
        observer()
      } catch (error) {
        // The others are told all the same.
        this.report(error, `who waits for ${this.id}`)
      }
    }
  }

  /** Fibres that are the result go to whoever asked for it. */
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

  /** Remembers a failure until somebody joins it, or else until this ends. */
  #childFailed(child: FiberNode): void {
    if (child.kind !== ERR || !child.forked || child.joined) return
    this.failed ??= []
    // Those that were joined meanwhile are let go of now and then, so that a fibre which lives long does not collect them.
    if (this.failed.length >= this.failedLimit) {
      this.failed = this.failed.filter(({ joined }) => !joined)
      this.failedLimit = Math.max(FAILED, this.failed.length * 2)
    }
    this.failed.push(child)
  }

  /** Gives it to the system, and tells those who wait for it that it was interrupted. */
  leaveBehind(): void {
    const { parent } = this
    this.kind = INTERRUPTED
    parent?.children?.remove(this)
    this.parent = undefined
    this.host.leave(this)
    this.left = true
    this.#tellObservers()
    if (parent !== undefined) parent.#childGone()
  }

  /** Runs a finaliser to its end or its deadline. */
  runFinalizer(entry: Entry, cause: Cause, ended: () => void): void {
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
      this.#tellUnfinished('a finalizer', entry.site)
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

  #unbind(): void {
    this.bound?.cancel()
    this.bound = undefined
  }

  /** An interrupted fibre that must not stop now has to stop within the deadline, or is left behind. */
  protected boundMask(): void {
    this.bound = this.#limit(`the deadline of an acquisition of ${this.id}`, () => {
      this.bound = undefined
      this.#tellUnfinished('the acquisition', this.site)
      this.leaveBehind()
    })
  }

  #boundBodies(): void {
    this.bound ??= this.#limit(`the deadline of what ${this.id} has left`, () => {
      this.#tellUnfinished('what its finalizers wait for', this.site)
      for (const body of this.bodies ?? []) this.host.abandon(body)
      this.bodies?.clear()
      this.#close()
    })
  }

  /** Calls back when the time of a finaliser is over; never, when the clock is closed. */
  #limit(label: string, over: () => void): TimerHandle | undefined {
    try {
      return limitOn(this.clock, this.finalizerTimeoutMs, label, over)
    } catch {
      return undefined
    }
  }

  #tellUnfinished(what: string, site: Error | undefined): void {
    this.report(new UnfinishedError(what, this.id, this.finalizerTimeoutMs, callerFrames(site)), this.id)
  }
}

/** Fibres that a value hands on: itself, or the items of a list. A list that cannot be read has none. */
function fibersIn(value: unknown): FiberNode[] {
  try {
    const items: unknown[] = Array.isArray(value) ? value : [value]
    return items.map(coreOf).filter((fiber) => fiber !== undefined) as FiberNode[]
  } catch {
    return []
  }
}

const causeOf = (kind: ExitKind): Cause => (kind === OK ? 'ok' : kind === ERR ? 'error' : 'interrupted')
