import { AsyncResource } from 'node:async_hooks'
import type { Clock } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { Body, Env } from './body.ts'
import { type CancelToken, CancelTokenImpl } from '../cancel.ts'
import { withValue } from '../context.ts'
import { runInside } from './ambient.ts'
import { tell } from '../events.ts'
import type { Cause, Entry } from './finalizers.ts'
import { BUDGET, type Host } from './host.ts'
import { CLOSING, DAEMON, FiberNode, FINALIZER, RUNNING } from './fiber-tree.ts'
import {
  BODY,
  CATCH,
  ENTER,
  ERR,
  type ExitKind,
  FAIL,
  FLAT_MAP,
  FRAME,
  INTERRUPTED,
  isOp,
  MAP,
  NOTHING,
  OK,
  Op,
  RAW_BODY,
  SUCCEED,
  SUSPEND,
  SYNC,
} from './op.ts'
import { interruptedError } from '../result.ts'

/** Something on a fibre's stack with a method of its own. */
export abstract class Frame {
  declare readonly tag: typeof FRAME

  constructor() {
    this.tag = FRAME
  }

  /** What is below has ended. The operation that comes next; nothing passes the end on. */
  abstract exit(fiber: Fiber, kind: ExitKind, value: unknown): Op | undefined
}

/** Makes the operation that comes next, after it has put frames on the stack. */
export type Enter = (fiber: Fiber) => Op
/** Arranges that the fibre is resumed, with the epoch it is given. */
export type Suspend = (fiber: Fiber, epoch: number) => void

type Step = Op | Frame

const PROMISE = 'a promise'
/** What a run inside a body is called. */
export const NESTED = 'a run inside an effect'
/** Fibres that run inside one another on one stack; a deeper one starts on a stack of its own. */
const DEEPEST = 64
const RUN_ENDS: Promise<void> = Promise.resolve()

let current: Fiber | undefined
let depth = 0

/** The fibre whose loop is on the stack. */
export const currentFiber = (): Fiber | undefined => current

/** One line of execution in the tree: it walks an operation, waits, and closes what it has opened. */
export class Fiber extends FiberNode {
  /** The run that it is part of: what was captured there is restored before it goes on. */
  declare readonly home: Fiber
  declare epoch: number
  /** Ends the wait. Whoever sets it sees to it that the fibre is resumed. */
  declare cancelWait: (() => void) | undefined
  declare private readonly stack: Step[]
  declare private starting: boolean
  declare private arrived: boolean
  declare private resource: AsyncResource | undefined
  declare private canceling: CancelTokenImpl | undefined
  declare private controller: AbortController | undefined

  /** A fibre in the run of `home`, or one that begins a run. */
  constructor(
    host: Host<FiberNode>,
    parent: FiberNode | undefined,
    clock: Clock,
    what: string,
    site: Error | undefined,
    home: Fiber | undefined,
  ) {
    super(host, parent, clock, what, site)
    this.home = home ?? this
    this.epoch = 0
    this.cancelWait = undefined
    this.stack = []
    this.starting = false
    this.arrived = false
    this.resource = undefined
    this.canceling = undefined
    this.controller = undefined
  }

  /** Starts a part of this fibre's work as a child, up to where it waits first. */
  spawn(source: Op, what: string, site: Error | undefined = this.host.site()): Fiber {
    const child = new Fiber(this.host, this, this.clock, what, site, this.home)
    child.start(source)
    return child
  }

  /** Starts a part of this fibre's work on another clock. */
  spawnOn(clock: Clock, source: Op): Fiber {
    const child = new Fiber(this.host, this, clock, 'a part on another clock', this.host.site(), this.home)
    child.start(source)
    return child
  }

  /** Starts a fibre that belongs to the system. */
  spawnDaemon(source: Op, site: Error | undefined): Fiber {
    const daemon = new Fiber(this.host, undefined, this.clock, DAEMON, site, this.home)
    daemon.values = this.values
    daemon.start(source)
    return daemon
  }

  protected startFinalizer(entry: Entry, cause: Cause): Fiber {
    const child = new Fiber(this.host, this, this.clock, FINALIZER, entry.site, this.home)
    child.mask = 1
    const body = new Op(BODY, undefined, () => entry.finalizer(cause), undefined)
    child.start(new Op(FLAT_MAP, body, effectOrNothing, undefined))
    return child
  }

  start(source: Op): void {
    this.status = RUNNING
    if (depth >= DEEPEST) void RUN_ENDS.then(() => this.#enter(source, OK, undefined))
    else this.#enter(source, OK, undefined)
  }

  push(frame: Frame): void {
    this.stack.push(frame)
  }

  /** Goes on, if it still waits as of `epoch`. */
  resume(epoch: number, kind: ExitKind, value: unknown): void {
    if (epoch !== this.epoch) return
    this.epoch++
    this.cancelWait = undefined
    this.waitsFor = undefined
    if (this.starting) {
      this.kind = kind
      this.value = value
      this.arrived = true
    } else if (depth >= DEEPEST) void RUN_ENDS.then(() => this.#enter(undefined, kind, value))
    else this.#enter(undefined, kind, value)
  }

  /** Goes on with how another fibre has ended. */
  resumeFrom(epoch: number, other: FiberNode): void {
    if (other.kind !== INTERRUPTED) this.resume(epoch, other.kind, other.value)
    else if (this.interruptNow) this.resume(epoch, INTERRUPTED, undefined)
    else this.resume(epoch, ERR, interruptedError(other.reason))
  }

  /** Waits for a child; an interrupt goes to the child, and its end is waited for. */
  awaitChild(epoch: number, child: Fiber): void {
    if (child.done) {
      this.resumeFrom(epoch, child)
      return
    }
    this.waitsFor = child
    child.observe(() => this.resumeFrom(epoch, child))
    this.cancelWait = () => child.interrupt(this.reason)
  }

  interrupt(reason: unknown): void {
    if (this.interrupted || this.status >= CLOSING) return
    // It has a deadline of its own.
    if (this.what === FINALIZER && this.mask > 0) return
    if (depth >= DEEPEST) {
      void RUN_ENDS.then(() => this.interrupt(reason))
      return
    }
    this.interrupted = true
    this.reason = reason
    if (this.mask === 0) this.interruptNow = true
    else this.boundMask()
    depth++
    try {
      this.canceling?.cancel(reason)
      this.controller?.abort(reason)
      this.#breakWait()
    } finally {
      depth--
    }
  }

  token(): CancelToken {
    if (this.canceling === undefined) {
      const token = new CancelTokenImpl(undefined, (error, origin) => this.report(error, origin))
      this.canceling = token
      if (this.interrupted) token.cancel(this.reason)
      else token.onCancel(() => this.interrupt(token.reason))
    }
    return this.canceling
  }

  signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.interrupted) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  setValue(key: string, value: unknown): void {
    this.values = withValue(this.values, key, value)
  }

  /** What a timer or another fibre resumes has to find the context of its run again. */
  protected keepContext(): void {
    this.home.resource ??= new AsyncResource('keelson.effect', { requireManualDestroy: true })
  }

  #enter(op: Op | undefined, kind: ExitKind, value: unknown): void {
    const { resource } = this.home
    if (resource === undefined || current?.home === this.home) this.#loop(op, kind, value)
    else resource.runInAsyncScope(this.#loop, this, op, kind, value)
  }

  #loop(op: Op | undefined, kind: ExitKind, value: unknown): void {
    const outer = current
    // oxlint-disable-next-line typescript/no-this-alias -- the fibre that runs is what is remembered
    current = this
    depth++
    try {
      if (this.#walk(op, kind, value)) this.finish()
      // A promise goes on in this context by itself, and where an interrupt would run nothing, there is nothing to keep.
      else if (this.stack.length > 0 || this.waitsFor !== PROMISE || this.home !== this || this.opened !== undefined) {
        this.keepContext()
      }
    } finally {
      current = outer
      depth--
    }
  }

  /** Walks operations until there are none, and then how it ended is in `kind` and `value`; or until it waits. */
  #walk(first: Op | undefined, first_kind: ExitKind, first_value: unknown): boolean {
    const { host } = this
    const stack = this.stack
    let op = first
    let kind = first_kind
    let value = first_value
    for (;;) {
      try {
        for (;;) {
          while (op !== undefined) {
            if (op.tag <= CATCH) {
              stack.push(op)
              op = op.source
              continue
            }
            if (this.interruptNow) {
              op = undefined
              kind = INTERRUPTED
              value = undefined
              break
            }
            if (--host.budget < 0) {
              this.#yield(op)
              return false
            }
            if (op.tag === ENTER) {
              op = (op.arg as Enter)(this)
              continue
            }
            if (op.tag === SUCCEED) {
              kind = OK
              value = op.arg
            } else if (op.tag === FAIL) {
              kind = ERR
              value = op.arg
            } else if (op.tag === SYNC) {
              kind = OK
              value = (op.arg as (fiber: Fiber) => unknown)(this)
            } else {
              if (!this.#wait(op)) return false
              kind = this.kind
              value = this.value
            }
            op = undefined
          }
          if (this.interruptNow) kind = INTERRUPTED
          const step = stack.pop()
          if (step === undefined) {
            this.kind = kind
            this.value = value
            return true
          }
          if (step.tag === FLAT_MAP) {
            if (kind === OK) op = checked('flatMap', (step.arg as (value: unknown) => unknown)(value))
          } else if (step.tag === MAP) {
            if (kind === OK) value = (step.arg as (value: unknown) => unknown)(value)
          } else if (step.tag === CATCH) {
            if (kind === ERR) op = checked('catch', (step.arg as (error: unknown) => unknown)(value))
          } else op = (step as Frame).exit(this, kind, value)
        }
      } catch (error) {
        this.starting = false
        op = undefined
        // What an interrupted step throws is its answer to the interrupt.
        kind = this.interruptNow ? INTERRUPTED : ERR
        value = error
      }
    }
  }

  /** Runs what may have to wait; whether it has ended already. */
  #wait(op: Op): boolean {
    this.starting = true
    this.arrived = false
    const epoch = ++this.epoch
    if (op.tag === SUSPEND) (op.arg as Suspend)(this, epoch)
    else this.#runBody(op, epoch)
    this.starting = false
    if (!this.arrived) this.#breakWait()
    return this.arrived
  }

  #runBody(op: Op, epoch: number): void {
    const body = new Body(this, epoch, op.tag === RAW_BODY)
    if (op.emit !== undefined) {
      const effectId = `effect-${this.host.nextId()}`
      this.stack.push(new BodyEvents(op, effectId))
      tell(op.emit, this, effectId, { type: 'effect:start' })
    }
    try {
      const given = runInside(body, op.arg as (env: Env) => unknown, new Env(this))
      const pending = promiseOf(given)
      if (pending !== undefined) {
        this.waitsFor = PROMISE
        this.cancelWait = () => {
          for (const child of this.children?.reversed() ?? []) if (child.what === NESTED) child.interrupt(this.reason)
          if (body.over) return
          this.leave(body)
          this.resume(epoch, INTERRUPTED, undefined)
        }
        void pending.then(
          (value) => body.end(OK, value),
          (error: unknown) => body.end(ERR, error),
        )
      } else body.end(OK, given)
    } catch (error) {
      body.end(ERR, error)
    }
  }

  #breakWait(): void {
    if (!this.interruptNow || this.starting) return
    const cancel = this.cancelWait
    this.cancelWait = undefined
    cancel?.()
  }

  /** Lets the event loop turn, so that an endless synchronous effect starves nobody. */
  #yield(op: Op): void {
    const epoch = ++this.epoch
    this.host.budget = BUDGET
    this.waitsFor = 'its turn'
    this.cancelWait = () => this.resume(epoch, INTERRUPTED, undefined)
    this.host.soon(() => {
      if (epoch !== this.epoch) return
      this.epoch++
      this.cancelWait = undefined
      this.#loop(op, OK, undefined)
    })
  }
}

/** Tells how the body of an effect with `emit` has ended. */
class BodyEvents extends Frame {
  readonly #op: Op
  readonly #effectId: string
  constructor(op: Op, effectId: string) {
    super()
    this.#op = op
    this.#effectId = effectId
  }

  exit(fiber: Fiber, kind: ExitKind, value: unknown): undefined {
    const { emit } = this.#op
    if (kind === OK) tell(emit, fiber, this.#effectId, { type: 'effect:success' })
    else if (kind === ERR) tell(emit, fiber, this.#effectId, { type: 'effect:error', error: value })
    else tell(emit, fiber, this.#effectId, { type: 'effect:interrupted', reason: fiber.reason })
  }
}

const effectOrNothing = (given: unknown): Op => (isOp(given) ? given : NOTHING)

/** @internal */
export function checked(method: string, given: unknown): Op {
  if (isOp(given)) return given
  throw new InvalidArgumentError(`what ${method}'s function returns`, 'an effect', given)
}
