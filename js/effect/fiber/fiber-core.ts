/** The interpreter of effects: a fibre walks operations, waits, and is resumed. `fiber-tree.ts` decides how it ends. */
import { AsyncResource } from 'node:async_hooks'

import type { Clock } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { type CancelToken, CancelTokenImpl } from '../cancel.ts'
import { withValue } from '../context.ts'
import { emitEvent } from '../events.ts'
import { interruptedError } from '../result.ts'
import { runInBody } from '../../internal/ambient-fiber.ts'
import { Body, FiberEnv } from './body.ts'
import { BUDGET, type FiberHost } from './fiber-host.ts'
import { CLOSING, DAEMON, FiberNode, FINALIZER, RUNNING } from './fiber-tree.ts'
import type { Cause, FinalizerEntry } from './finalizers.ts'
import {
  BODY,
  CATCH,
  ENTER,
  ERR,
  type FiberExitKind,
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

/** An object on a fibre's stack that handles the end of what was pushed above it. */
export abstract class Frame {
  declare readonly tag: typeof FRAME

  constructor() {
    this.tag = FRAME
  }

  /** Handles how that ended. Returns the next operation, or `undefined` to pass the outcome on. */
  abstract exit(fiber: FiberCore, kind: FiberExitKind, value: unknown): Op | undefined
}

/** The argument of an `ENTER` operation: may push frames, and returns the next operation. */
export type Enter = (fiber: FiberCore) => Op
/** The argument of a `SUSPEND` operation: arranges that the fibre is resumed with this epoch. */
export type Suspend = (fiber: FiberCore, epoch: number) => void

type StackEntry = Op | Frame

const PROMISE = 'a promise'
/** The kind of a fibre that was run inside a body, for reports. */
export const NESTED = 'a run inside an effect'
/** The most fibres that run inside one another on one stack; a deeper one starts on a stack of its own. */
const MAX_DEPTH = 64
const RESOLVED: Promise<void> = Promise.resolve()

let current: FiberCore | undefined
let depth = 0

/** Returns the fibre whose loop is on the stack. */
export const currentFiber = (): FiberCore | undefined => current

/**
 * One line of execution: walks the operations of an effect on a stack of its own, so depth costs no native stack. It
 * waits by returning from the loop with a new epoch; a resume with an older epoch does nothing.
 */
export class FiberCore extends FiberNode {
  /** The first fibre of its run, which keeps the run's asynchronous context. */
  declare readonly runRoot: FiberCore
  /** The number of its current wait. */
  declare epoch: number
  /** Ends the wait after an interrupt. It must arrange that the fibre is resumed. */
  declare cancelWait: (() => void) | undefined
  declare private readonly stack: StackEntry[]
  /** True while an operation begins its wait. */
  declare private starting: boolean
  /** True when the wait ended before it had begun. */
  declare private resumedInStart: boolean
  declare private resource: AsyncResource | undefined
  declare private cancelToken: CancelTokenImpl | undefined
  declare private controller: AbortController | undefined

  /** @param runRoot - The first fibre of the run; `undefined` for a fibre that begins a run. */
  constructor(
    host: FiberHost<FiberNode>,
    parent: FiberNode | undefined,
    clock: Clock,
    what: string,
    site: Error | undefined,
    runRoot: FiberCore | undefined,
  ) {
    super(host, parent, clock, what, site)
    this.runRoot = runRoot ?? this
    this.epoch = 0
    this.cancelWait = undefined
    this.stack = []
    this.starting = false
    this.resumedInStart = false
    this.resource = undefined
    this.cancelToken = undefined
    this.controller = undefined
  }

  /** Starts an operation as a child, and runs it up to its first wait. */
  spawn(source: Op, what: string, site: Error | undefined = this.host.site()): FiberCore {
    const child = new FiberCore(this.host, this, this.clock, what, site, this.runRoot)
    child.start(source)
    return child
  }

  /** Starts an operation as a child on another clock. */
  spawnOn(clock: Clock, source: Op): FiberCore {
    const child = new FiberCore(this.host, this, clock, 'a part on another clock', this.host.site(), this.runRoot)
    child.start(source)
    return child
  }

  /** Starts an operation as a fibre of the system. */
  spawnDaemon(source: Op, site: Error | undefined): FiberCore {
    const daemon = new FiberCore(this.host, undefined, this.clock, DAEMON, site, this.runRoot)
    daemon.values = this.values
    daemon.start(source)
    return daemon
  }

  protected startFinalizer(entry: FinalizerEntry, cause: Cause): FiberCore {
    const child = new FiberCore(this.host, this, this.clock, FINALIZER, entry.site, this.runRoot)
    child.mask = 1
    const body = new Op(BODY, undefined, () => entry.finalizer(cause), undefined)
    child.start(new Op(FLAT_MAP, body, effectOrNothing, undefined))
    return child
  }

  /** Runs an operation up to its first wait. */
  start(source: Op): void {
    this.status = RUNNING
    if (depth >= MAX_DEPTH) void RESOLVED.then(() => this.#enter(source, OK, undefined))
    else this.#enter(source, OK, undefined)
  }

  /** Pushes a frame, which handles the end of the next operation. */
  push(frame: Frame): void {
    this.stack.push(frame)
  }

  /** Ends the wait of an epoch with an outcome. Does nothing if the fibre has left that wait. */
  resume(epoch: number, kind: FiberExitKind, value: unknown): void {
    if (epoch !== this.epoch) return
    this.epoch++
    this.cancelWait = undefined
    this.waitsFor = undefined
    if (this.starting) {
      this.kind = kind
      this.value = value
      this.resumedInStart = true
    } else if (depth >= MAX_DEPTH) void RESOLVED.then(() => this.#enter(undefined, kind, value))
    else this.#enter(undefined, kind, value)
  }

  /** Ends the wait of an epoch with the outcome of another fibre. */
  resumeFrom(epoch: number, other: FiberNode): void {
    if (other.kind !== INTERRUPTED) this.resume(epoch, other.kind, other.value)
    else if (this.interruptNow) this.resume(epoch, INTERRUPTED, undefined)
    else this.resume(epoch, ERR, interruptedError(other.reason))
  }

  /** Waits for a child. An interrupt is passed on to the child, and its end is waited for. */
  awaitChild(epoch: number, child: FiberCore): void {
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
    // A finaliser is not interrupted: it has a deadline of its own.
    if (this.what === FINALIZER && this.mask > 0) return
    if (depth >= MAX_DEPTH) {
      void RESOLVED.then(() => this.interrupt(reason))
      return
    }
    this.interrupted = true
    this.reason = reason
    if (this.mask === 0) this.interruptNow = true
    else this.armMaskDeadline()
    depth++
    try {
      this.cancelToken?.cancel(reason)
      this.controller?.abort(reason)
      this.#breakWait()
    } finally {
      depth--
    }
  }

  /** Returns the cancel token of the fibre, created at first use. */
  token(): CancelToken {
    if (this.cancelToken === undefined) {
      const token = new CancelTokenImpl(undefined, (error, origin) => this.report(error, origin))
      this.cancelToken = token
      if (this.interrupted) token.cancel(this.reason)
      else token.onCancel(() => this.interrupt(token.reason))
    }
    return this.cancelToken
  }

  /** Returns the abort signal of the fibre, created at first use. */
  signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.interrupted) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /** Sets a context value for the rest of the fibre. */
  setValue(key: string, value: unknown): void {
    this.values = withValue(this.values, key, value)
  }

  /** Captures the asynchronous context of the run, for resumes from a timer or another fibre. */
  protected keepContext(): void {
    this.runRoot.resource ??= new AsyncResource('keelson.effect', { requireManualDestroy: true })
  }

  #enter(op: Op | undefined, kind: FiberExitKind, value: unknown): void {
    const { resource } = this.runRoot
    if (resource === undefined || current?.runRoot === this.runRoot) this.#loop(op, kind, value)
    else resource.runInAsyncScope(this.#loop, this, op, kind, value)
  }

  #loop(op: Op | undefined, kind: FiberExitKind, value: unknown): void {
    const outer = current
    // oxlint-disable-next-line typescript/no-this-alias -- the running fibre is the value
    current = this
    depth++
    try {
      if (this.#walk(op, kind, value)) this.finish()
      // A promise restores the context by itself. It must be kept only if an interrupt would run frames or finalisers.
      else if (
        this.stack.length > 0 ||
        this.waitsFor !== PROMISE ||
        this.runRoot !== this ||
        this.openFinalizers !== undefined
      ) {
        this.keepContext()
      }
    } finally {
      current = outer
      depth--
    }
  }

  /** Walks operations. Returns true at the end, with the outcome in `kind` and `value`; false when the fibre waits. */
  #walk(first: Op | undefined, exitKind: FiberExitKind, exitValue: unknown): boolean {
    const { host } = this
    const stack = this.stack
    let op = first
    let kind = exitKind
    let value = exitValue
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
              value = (op.arg as (fiber: FiberCore) => unknown)(this)
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
            if (kind === OK) op = assertEffect('flatMap', (step.arg as (value: unknown) => unknown)(value))
          } else if (step.tag === MAP) {
            if (kind === OK) value = (step.arg as (value: unknown) => unknown)(value)
          } else if (step.tag === CATCH) {
            if (kind === ERR) op = assertEffect('catch', (step.arg as (error: unknown) => unknown)(value))
          } else op = (step as Frame).exit(this, kind, value)
        }
      } catch (error) {
        this.starting = false
        op = undefined
        // An error that an interrupted step throws is its reaction to the interrupt.
        kind = this.interruptNow ? INTERRUPTED : ERR
        value = error
      }
    }
  }

  /** Runs an operation that may wait. Returns true if it has ended already. */
  #wait(op: Op): boolean {
    this.starting = true
    this.resumedInStart = false
    const epoch = ++this.epoch
    if (op.tag === SUSPEND) (op.arg as Suspend)(this, epoch)
    else this.#runBody(op, epoch)
    this.starting = false
    if (!this.resumedInStart) this.#breakWait()
    return this.resumedInStart
  }

  #runBody(op: Op, epoch: number): void {
    const body = new Body(this, epoch, op.tag === RAW_BODY)
    if (op.emit !== undefined) {
      const effectId = `effect-${this.host.nextId()}`
      this.stack.push(new EmitFrame(op, effectId))
      emitEvent(op.emit, this, effectId, { type: 'effect:start' })
    }
    try {
      const result = runInBody(body, op.arg as (env: FiberEnv) => unknown, new FiberEnv(this))
      const pending = promiseOf(result)
      if (pending !== undefined) {
        this.waitsFor = PROMISE
        this.cancelWait = () => {
          for (const child of this.children?.reversed() ?? []) if (child.what === NESTED) child.interrupt(this.reason)
          if (body.isOver) return
          this.leave(body)
          this.resume(epoch, INTERRUPTED, undefined)
        }
        void pending.then(
          (value) => body.end(OK, value),
          (error: unknown) => body.end(ERR, error),
        )
      } else body.end(OK, result)
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

  /** Lets the event loop turn, so that an endless synchronous effect does not block it. */
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

/** Emits the event for the end of a body. */
class EmitFrame extends Frame {
  readonly #op: Op
  readonly #effectId: string
  constructor(op: Op, effectId: string) {
    super()
    this.#op = op
    this.#effectId = effectId
  }

  exit(fiber: FiberCore, kind: FiberExitKind, value: unknown): undefined {
    const { emit } = this.#op
    if (kind === OK) emitEvent(emit, fiber, this.#effectId, { type: 'effect:success' })
    else if (kind === ERR) emitEvent(emit, fiber, this.#effectId, { type: 'effect:error', error: value })
    else emitEvent(emit, fiber, this.#effectId, { type: 'effect:interrupted', reason: fiber.reason })
  }
}

const effectOrNothing = (value: unknown): Op => (isOp(value) ? value : NOTHING)

/** Returns the value that a user function returned, if it is an effect; else throws InvalidArgumentError. */
export function assertEffect(method: string, value: unknown): Op {
  if (isOp(value)) return value
  throw new InvalidArgumentError(`what ${method}'s function returns`, 'an effect', value)
}
