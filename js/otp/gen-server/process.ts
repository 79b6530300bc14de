import type { Call } from '../../actor/call.ts'
import { isAsyncFunction, runAsSelf, stack } from '../../actor/call-context.ts'
import { type HandlerResult, RUNNING } from '../../actor/process.ts'
import type { ProcessRuntime } from '../../actor/runtime.ts'
import { classNameOf } from '../../internal/class-name.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import type { System } from '../../system/system.ts'
import { InvalidReturnError, NotHandledError } from '../errors.ts'
import { Continued, NoReply, Stopped } from './callback-results.ts'
import { CastInContext } from '../../actor/caller-context.ts'
import { IdleTime } from './idle.ts'
import { OtpProcess } from './otp-process.ts'
import { StateProbe } from './state-probe.ts'
import type { GenServerBehavior, Info, TerminateReason } from './types.ts'

/** The message that makes a process call `onIdle`. */
const IDLE = Symbol('keelson.idle')

type OnIdle = (state: unknown) => unknown

/**
 * Runs a {@link GenServerBehavior}: hands messages to its callbacks one at a time, and takes over the states they
 * return.
 */
export class GenServerProcess extends OtpProcess {
  readonly behavior: GenServerBehavior<unknown>
  readonly crashesOnCallError: boolean
  messageCount = 0
  /** The name of the user's class, where `behavior` is one of this package that wraps it. */
  givenClassName: string | undefined
  /** Its idle time, if that ends it or calls `onIdle`. */
  #idle: IdleTime | undefined
  #onIdle: OnIdle | undefined
  #state: unknown

  constructor(
    id: string,
    runtime: ProcessRuntime,
    system: System,
    behavior: GenServerBehavior<unknown>,
    settings: { kind?: string; startedAt: number; crashesOnCallError: boolean },
  ) {
    const { kind = 'GenServer', startedAt, crashesOnCallError } = settings
    super(id, runtime, system, { kind, startedAt })
    this.behavior = behavior
    this.crashesOnCallError = crashesOnCallError
    this.isAsync = [behavior.handleCall, behavior.handleCast, behavior.handleInfo].some(isAsyncFunction)
  }

  get state(): unknown {
    return this.#state
  }

  override get className(): string {
    const own = this.kind === 'GenServer' ? classNameOf(this.behavior) : undefined
    return this.givenClassName ?? own ?? this.kind
  }

  protected override get terminateCallback(): unknown {
    return this.behavior.terminate
  }

  protected override terminate(reason: TerminateReason): unknown {
    this.#idle?.end()
    return this.behavior.terminate?.(reason, this.#state)
  }

  /** Measures its idle time: after `timeoutMs` it calls `onIdle`, or ends. */
  watchIdleTime(timeoutMs: number, onIdle: OnIdle | undefined): void {
    this.#onIdle = onIdle
    this.#idle = new IdleTime(this.system.clock, timeoutMs, this, () => {
      this.scope.runInAsyncScope(() => {
        if (this.status !== RUNNING) return
        if (onIdle === undefined) this.runtime.outsideTraces(() => this.end('normal'))
        else this.runtime.sendSystem(this, IDLE)
      })
    })
  }

  /** True while it handles a message, has one that waits, or has a call to answer. */
  get hasWork(): boolean {
    return (
      this.busy || stack.top?.current === this || (this.deferred?.size ?? 0) > 0 || this.runtime.mailboxSize(this) > 0
    )
  }

  override kill(): void {
    this.#idle?.end()
    super.kill()
  }

  /** Takes over the state that `init` returned. Messages are handled from now on. */
  begin(initial: unknown): void {
    const continued = Continued.is(initial) ? initial : undefined
    this.#state = continued === undefined ? initial : continued.state
    this.#idle?.begin()
    if (continued === undefined) {
      this.runtime.started(this)
      return
    }
    // `handleContinue` runs before messages that have arrived during `init`.
    this.status = RUNNING
    const pending = runAsSelf(this, this.behavior.handleContinue, () => this.#continue(continued.argument))
    const started = (): void => {
      if (this.status === RUNNING) this.runtime.started(this)
    }
    if (pending === undefined) started()
    else void pending.then(started)
  }

  onCast(message: unknown): HandlerResult {
    if (!this.usesCallerContext || !CastInContext.has(message)) return this.#cast(message)
    return message.run(this, () => this.#cast(message.message))
  }

  #cast(message: unknown): HandlerResult {
    const state = this.#state
    let next: unknown
    try {
      if (this.behavior.handleCast === undefined) {
        this.#idle?.touch()
        this.system.report(new NotHandledError(this.id, 'handleCast', this), `a cast to ${this.label}`)
        return undefined
      }
      next = this.behavior.handleCast(message, state)
    } catch (error) {
      this.crash(error, message)
      return undefined
    }
    // The same state is not awaited, even when it has a `then`.
    const pending = next === state ? undefined : promiseOf(next)
    if (pending !== undefined) return this.#acceptLater('handleCast', pending, message)
    this.messageCount++
    return this.#accept('handleCast', next, message)
  }

  onInfo(message: unknown): HandlerResult {
    if (message === IDLE) return this.#handleIdle()
    if (StateProbe.is(message)) {
      message.take(this.#state)
      return undefined
    }
    const state = this.#state
    let next: unknown
    try {
      if (this.behavior.handleInfo === undefined) {
        this.#idle?.touch()
        return undefined
      }
      next = this.behavior.handleInfo(message as Info, state)
    } catch (error) {
      this.crash(error, message)
      return undefined
    }
    const pending = next === state ? undefined : promiseOf(next)
    return pending === undefined
      ? this.#accept('handleInfo', next, message)
      : this.#acceptLater('handleInfo', pending, message)
  }

  /** Calls `onIdle`. A new period begins when it has ended. */
  #handleIdle(): HandlerResult {
    const state = this.#state
    let next: unknown
    try {
      next = (this.#onIdle as OnIdle)(state)
    } catch (error) {
      this.crash(error)
      return undefined
    }
    const pending = next === state ? undefined : promiseOf(next)
    if (pending === undefined) {
      const accepted = this.#accept('onIdle', next)
      this.#beginIdleTime()
      return accepted
    }
    return this.#acceptLater('onIdle', pending).then(() => this.#beginIdleTime()) as PromiseLike<void>
  }

  #beginIdleTime(): void {
    if (this.status === RUNNING) this.#idle?.begin()
  }

  onCall(call: Call): HandlerResult {
    return call.context === undefined ? this.#call(call) : call.context.run(this as never, () => this.#call(call))
  }

  #call(call: Call): HandlerResult {
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      if (this.behavior.handleCall === undefined) {
        const error = new NotHandledError(this.id, 'handleCall', this)
        this.#idle?.touch()
        this.trace?.failed(error)
        if (this.runtime.settle(call)) call.reject(error)
        return undefined
      }
      result = this.behavior.handleCall(call.message, this.#state, call)
      if (!Array.isArray(result)) pending = promiseOf(result)
    } catch (error) {
      this.failCall(call, error)
      return undefined
    }
    if (pending === undefined) return this.#answer(call, result)
    return pending.then(
      (value) => this.#answer(call, value),
      (error: unknown) => this.failCall(call, error),
    ) as PromiseLike<void>
  }

  /** Keeps a call whose reply comes later, until its caller waits no more. */
  defer(call: Call): void {
    ;(this.deferred ??= new Set()).add(call)
    call.addSettledListener(() => {
      this.deferred?.delete(call)
      this.#idle?.touch()
    })
  }

  /** Replies to a call. Returns false when its caller waits no more. */
  reply(call: Call, value: unknown): boolean {
    this.#idle?.touch()
    this.deferred?.delete(call)
    if (!this.runtime.settle(call)) return false
    call.resolve(value)
    return true
  }

  override get progress(): number {
    return this.messageCount
  }

  /** Ends a process whose start failed after `init`: its `terminate` runs, and nothing else. */
  decline(initial: unknown): void {
    this.#state = Continued.is(initial) ? initial.state : initial
    this.end('shutdown')
  }

  /** Rejects a call whose handler failed. */
  failCall(call: Call, error: unknown): void {
    this.#idle?.touch()
    this.trace?.failed(error)
    if (this.runtime.settle(call)) call.reject(error)
    if (!this.crashesOnCallError) return
    // A handler that only stops because its caller has given up has not failed.
    if (call.givenUp !== undefined && isAbortEcho(error, call.givenUp.reason)) return
    this.crash(error, call.message)
  }

  #answer(call: Call, result: unknown): HandlerResult {
    this.#idle?.touch()
    let isPair: boolean
    let reply: unknown
    let state: unknown
    try {
      isPair = Array.isArray(result)
      if (isPair) {
        const pair = result as unknown[]
        // Reads by index: destructuring would run the array's iterator.
        reply = pair[0]
        if (pair.length === 2) state = pair[1]
      }
    } catch (error) {
      this.failCall(call, error)
      return undefined
    }
    if (isPair) {
      if (state === undefined) {
        this.failCall(call, new InvalidReturnError(this.id, 'handleCall', '[reply, state], with a state', this))
        return undefined
      }
      if (this.status !== RUNNING) return undefined
      if (!Continued.is(state)) {
        this.#state = state
        this.messageCount++
        if (this.runtime.settle(call)) call.resolve(reply)
        return undefined
      }
      this.messageCount++
      if (this.runtime.settle(call)) call.resolve(reply)
      return this.#accept('handleCall', state)
    }
    if (this.status !== RUNNING) return undefined
    if (NoReply.is(result)) {
      this.messageCount++
      if (!call.settled && this.deferred?.has(call) !== true) this.defer(call)
      return this.#accept('handleCall', result.state)
    }
    if (Stopped.is(result)) {
      if (result.hasReply && this.runtime.settle(call)) call.resolve(result.reply)
      return this.#accept('handleCall', result)
    }
    const expected = '[reply, state], noReply() or stopWith()'
    this.failCall(call, new InvalidReturnError(this.id, 'handleCall', expected, this))
    return undefined
  }

  #acceptLater(name: string, pending: Promise<unknown>, message?: unknown): PromiseLike<void> {
    return pending.then(
      (next) => {
        if (name === 'handleCast') this.messageCount++
        return this.#accept(name, next, message)
      },
      (error: unknown) => this.crash(error, message),
    ) as PromiseLike<void>
  }

  /** Takes over the result of a callback as the next state. */
  #accept(callback: string, next: unknown, message?: unknown): HandlerResult {
    this.#idle?.touch()
    if (this.status !== RUNNING) return undefined
    if (next === undefined) {
      this.crash(new InvalidReturnError(this.id, callback, 'the next state', this), message)
      return undefined
    }
    // Usually a callback changes the state in place.
    if (next === this.#state) return undefined
    if (Stopped.is(next)) {
      this.#state = next.state
      const { reason } = next
      if (typeof reason === 'object') this.crash(reason.error, message)
      else this.end(reason)
      return undefined
    }
    if (!Continued.is(next)) {
      this.#state = next
      return undefined
    }
    if (next.state === undefined) {
      this.crash(new InvalidReturnError(this.id, callback, 'continueWith a state', this))
      return undefined
    }
    this.#state = next.state
    return this.#continue(next.argument)
  }

  #continue(argument: unknown): HandlerResult {
    const state = this.#state
    let next: unknown
    try {
      if (this.behavior.handleContinue === undefined) {
        throw new InvalidReturnError(this.id, 'a callback', 'no continueWith, as there is no handleContinue', this)
      }
      next = this.behavior.handleContinue(argument, state)
    } catch (error) {
      this.crash(error)
      return undefined
    }
    const pending = next === state ? undefined : promiseOf(next)
    return pending === undefined ? this.#accept('handleContinue', next) : this.#acceptLater('handleContinue', pending)
  }
}
