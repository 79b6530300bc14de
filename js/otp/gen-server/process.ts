import type { Call } from '../../actor/call.ts'
import { isAsyncFunction } from '../../actor/call-context.ts'
import { DEAD, ENDING, Process, RUNNING } from '../../actor/process.ts'
import { type ExitKind, KILLED, STOP } from '../../actor/protocol.ts'
import { isConsequence } from '../../actor/shutdown.ts'
import { messageTypeOf } from '../../actor/crash-reports.ts'
import type { ActorRuntime } from '../../actor/runtime.ts'
import type { System } from '../../system/system.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import { startsUnderWay, unlessAdopted, type UnderWay } from './pending-starts.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { InvalidReturnError } from '../errors.ts'
import { isWatched, tellLifecycle } from './lifecycle.ts'
import { LocalRef } from './local-ref.ts'
import { callErrorOf, downOf, kindOf, linkedReason } from './exit-reasons.ts'
import type { Registrable } from './registrable.ts'
import { Continued, NoReply, Stopped } from './callback-results.ts'
import type {
  GenServerBehavior,
  Info,
  LifecycleEvent,
  ProcessDownReason,
  ServerStatus,
  TerminateReason,
} from './types.ts'

export interface StopRequest {
  readonly reason: TerminateReason
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

type Pending = PromiseLike<void> | undefined

/** A process that runs a {@link GenServerBehavior}. */
export class Server extends Process implements Registrable {
  readonly ref: LocalRef
  readonly system: System
  readonly behavior: GenServerBehavior<unknown>
  /** What it is called in errors, before its name and id. */
  readonly kind: string
  readonly startedAt: number
  readonly maxMailbox: number
  readonly crashesOnCallError: boolean
  /** Start functions of supervisors during which it was started: it may be theirs. */
  readonly startedIn: readonly UnderWay[]
  /** The registered name, if it has one. */
  name: string | undefined
  /** Whether somebody else acts on its end. */
  isSupervised = false
  /** What it was called as it crashed, and what it handled. */
  fall: { readonly name: string | undefined; readonly messageType: string | undefined } | undefined
  messageCount = 0
  /** Its start was told; only then is its end. */
  #isTold = false
  #state: unknown
  #reason: TerminateReason = 'normal'
  /** The same for those who hear of it: told to all alike, also when what it comes from has changed. */
  #down: ProcessDownReason = { type: 'normal' }
  #stops: StopRequest[] | undefined
  /** Told when the process has ended, in order. */
  #ends: Set<() => void> | undefined

  constructor(
    id: string,
    runtime: ActorRuntime,
    system: System,
    behavior: GenServerBehavior<unknown>,
    settings: { kind?: string; startedAt: number; maxMailbox: number; crashesOnCallError: boolean },
  ) {
    super(runtime)
    this.ref = new LocalRef(id, this)
    this.system = system
    this.behavior = behavior
    this.kind = settings.kind ?? 'GenServer'
    this.startedAt = settings.startedAt
    this.startedIn = startsUnderWay(system)
    this.maxMailbox = settings.maxMailbox
    this.crashesOnCallError = settings.crashesOnCallError
    this.isAsync = [behavior.handleCall, behavior.handleCast, behavior.handleInfo].some(isAsyncFunction)
  }

  get id(): string {
    return this.ref.id
  }

  get state(): unknown {
    return this.#state
  }

  /** Why it ended, or ends. */
  get reason(): TerminateReason {
    return this.#reason
  }

  get downReason(): ProcessDownReason {
    return this.#down
  }

  /** Its name, if it has one, and its id. */
  get label(): string {
    return this.name === undefined ? this.id : `${this.name} (${this.id})`
  }

  get statusName(): ServerStatus {
    return (['initializing', 'running', 'stopping', 'stopped'] as const)[this.status]
  }

  get isAlive(): boolean {
    return this.status !== DEAD
  }

  whenEnded(told: () => void): () => void {
    if (this.status === DEAD) {
      told()
      return () => {}
    }
    const entry = (): void => told()
    ;(this.#ends ??= new Set()).add(entry)
    return () => void this.#ends?.delete(entry)
  }

  /** `init` has made the first state: mail is handled from now on. */
  begin(first: unknown): void {
    const continued = Continued.is(first) ? first : undefined
    this.#state = continued === undefined ? first : continued.state
    if (continued === undefined) {
      this.runtime.started(this)
      return
    }
    // Before any message that has come meanwhile.
    this.status = RUNNING
    const pending = this.#continue(continued.argument)
    const started = (): void => {
      if (this.status === RUNNING) this.runtime.started(this)
    }
    if (pending === undefined) started()
    else void pending.then(started)
  }

  onCast(message: unknown): Pending {
    const state = this.#state
    let next: unknown
    try {
      next = this.behavior.handleCast(message, state)
    } catch (error) {
      this.crash(error, message)
      return undefined
    }
    // The state may have a `then` of its own.
    const pending = next === state ? undefined : promiseOf(next)
    if (pending !== undefined) return this.#afterwards('handleCast', pending, message)
    this.messageCount++
    return this.#accept('handleCast', next, message)
  }

  onInfo(message: unknown): Pending {
    const state = this.#state
    let next: unknown
    try {
      if (this.behavior.handleInfo === undefined) return undefined
      next = this.behavior.handleInfo(message as Info, state)
    } catch (error) {
      this.crash(error, message)
      return undefined
    }
    const pending = next === state ? undefined : promiseOf(next)
    return pending === undefined
      ? this.#accept('handleInfo', next, message)
      : this.#afterwards('handleInfo', pending, message)
  }

  onCall(call: Call): Pending {
    let result: unknown
    let pending: Promise<unknown> | undefined
    try {
      result = this.behavior.handleCall(call.message, this.#state, call)
      if (!Array.isArray(result)) pending = promiseOf(result)
    } catch (error) {
      this.#callFailed(call, error)
      return undefined
    }
    if (pending === undefined) return this.#answer(call, result)
    return pending.then(
      (value) => this.#answer(call, value),
      (error: unknown) => this.#callFailed(call, error),
    ) as PromiseLike<void>
  }

  /** Answers a call; false when its caller waits no more. */
  reply(call: Call, value: unknown): boolean {
    this.deferred?.delete(call)
    if (!this.runtime.settle(call)) return false
    call.resolve(value)
    return true
  }

  onStop(request: unknown): void {
    this.addStop(request as StopRequest)
    this.end((request as StopRequest).reason)
  }

  onTerminate(kind: ExitKind, becauseOf: Process | undefined): void {
    if (kind === KILLED) this.kill()
    else this.end(linkedReason(kind, becauseOf))
  }

  onDropped(kind: number, message: unknown): void {
    // A request to stop that came too late is granted as the process ends.
    if (kind === STOP) this.addStop(message as StopRequest)
  }

  onDown(monitor: number, ended: Process | undefined): void {
    const monitoredRef = { id: ended?.id ?? 'unknown' }
    const reason: ProcessDownReason = ended instanceof Server ? ended.downReason : { type: 'noproc' }
    this.tellDown(`monitor_${monitor}`, monitoredRef, reason)
  }

  tellDown(monitorId: string, monitoredRef: { id: string }, reason: ProcessDownReason): void {
    if (this.status === DEAD) return
    if (isWatched(this.system)) {
      tellLifecycle(this.system, { type: 'down', ...this.#named, monitoredRef, reason, monitorId })
    }
    if (this.status === RUNNING) this.runtime.inform(this, { type: 'DOWN', monitorId, ref: monitoredRef, reason })
  }

  onExitSignal(_link: number, ended: Process | undefined): void {
    if (this.status !== RUNNING) return
    const reason: ProcessDownReason = ended instanceof Server ? ended.downReason : { type: 'noproc' }
    this.runtime.inform(this, { type: 'EXIT', from: { id: ended?.id ?? 'unknown' }, reason })
  }

  callError(call: Call, failure: number): Error {
    return callErrorOf(this, call, failure)
  }

  get isOwned(): boolean {
    return this.isSupervised
  }

  shutDown(): Promise<void> {
    return new Promise((resolve) => {
      this.whenEnded(resolve)
      const reject = (error: unknown): void => this.system.report(error, `terminate of ${this.label}`)
      this.requestStop({ reason: 'shutdown', resolve: () => {}, reject })
    })
  }

  override get progress(): number {
    return this.messageCount
  }

  /** Tells of its start. */
  announce(): void {
    this.#isTold = true
    if (this.isWatched) this.tell({ type: 'started', ...this.#named })
  }

  /** Whether it supervises others. */
  get supervises(): boolean {
    return false
  }

  /** How its supervisor sees its end. */
  get exitForParent(): ExitKind {
    return this.exitKind
  }

  /** Ends it when it has handled what was sent before. */
  requestStop(request: StopRequest): void {
    if (this.status >= ENDING) this.addStop(request)
    else this.runtime.requestStop(this, request)
  }

  /** Whether anybody wants to know what happens to it. */
  protected get isWatched(): boolean {
    return isWatched(this.system)
  }

  protected tell(event: LifecycleEvent): void {
    tellLifecycle(this.system, event)
  }

  /** It has a state and is not wanted: `terminate` runs, and nothing else. */
  decline(first: unknown): void {
    this.#state = Continued.is(first) ? first.state : first
    this.end('shutdown')
  }

  /** A failure that has no caller ends the process; `message` is what it was about, if anything. */
  crash(thrown: unknown, message?: unknown): void {
    if (this.status >= ENDING) return
    this.fall = { name: this.name, messageType: messageTypeOf(message) }
    const error = asError(thrown)
    if (this.isWatched) this.tell({ type: 'crashed', ...this.#named, error })
    // Where no supervisor acts on it, somebody has to hear of it.
    if (!this.isSupervised && !isConsequence(this.system, error)) {
      unlessAdopted(this, () => this.system.report(error, `process ${this.label}`))
    }
    this.end({ error })
  }

  /** Ends it: no more mail, `terminate`, then everybody is told. */
  end(reason: TerminateReason): void {
    if (this.status >= ENDING) return
    this.status = ENDING
    this.#reason = reason
    this.#down = downOf(reason)
    this.exitKind = kindOf(reason)
    this.runtime.stopping(this)
    this.#abandonCalls()
    let pending: Promise<unknown> | undefined
    try {
      pending = promiseOf(this.behavior.terminate?.(reason, this.#state))
    } catch (error) {
      this.#finish({ error })
      return
    }
    if (pending === undefined) this.#finish()
    else
      void pending.then(
        () => this.#finish(),
        (error: unknown) => this.#finish({ error }),
      )
  }

  addStop(request: StopRequest): void {
    if (this.status === DEAD) request.resolve()
    else (this.#stops ??= []).push(request)
  }

  /** It never began: `init` failed. */
  abandon(reason: TerminateReason): void {
    this.#reason = reason
    this.#down = downOf(reason)
    this.exitKind = kindOf(reason)
    this.runtime.stopping(this)
    this.#finish()
  }

  /** Ends it at once, without `terminate`. */
  kill(): void {
    if (this.status === DEAD) return
    this.#down = { type: 'killed' }
    // A `terminate` that runs already gives the reason it was given.
    if (this.status !== ENDING) this.#reason = { error: new Error(`process ${this.label} was killed`) }
    this.exitKind = KILLED
    this.#abandonCalls()
    this.#finish()
  }

  #finish(failure?: { readonly error: unknown }): void {
    // Killed while `terminate` ran: it has been told already.
    if (this.status === DEAD) {
      if (failure !== undefined) this.system.report(failure.error, `terminate of ${this.label}`)
      return
    }
    this.runtime.exited(this)
    const [stops, ends] = [this.#stops ?? [], this.#ends ?? []]
    this.#stops = this.#ends = undefined
    for (const told of ends) this.#tellEnd(told)
    if (this.#isTold && this.isWatched) this.tell({ type: 'terminated', ...this.#named, reason: this.#reason })
    if (failure !== undefined && stops.length === 0) this.system.report(failure.error, `terminate of ${this.label}`)
    for (const { resolve, reject } of stops) {
      if (failure === undefined) resolve()
      else reject(failure.error)
    }
  }

  /** One that fails keeps nobody else from hearing of it. */
  #tellEnd(told: () => void): void {
    try {
      told()
    } catch (error) {
      this.system.report(error, `the end of ${this.label}`)
    }
  }

  /** What it is in an event. */
  get #named(): { readonly ref: LocalRef; readonly name?: string } {
    return this.name === undefined ? { ref: this.ref } : { ref: this.ref, name: this.name }
  }

  /** Calls that were begun and will not be answered. */
  #abandonCalls(): void {
    const calls = [...(this.running === undefined ? [] : [this.running]), ...(this.deferred ?? [])]
    this.running = undefined
    this.deferred = undefined
    for (const call of calls) {
      if (this.runtime.settle(call)) call.reject(new ServerNotRunningError(this.id, this))
    }
  }

  #callFailed(call: Call, error: unknown): void {
    if (this.runtime.settle(call)) call.reject(error)
    if (this.crashesOnCallError) this.crash(error, call.message)
  }

  #answer(call: Call, result: unknown): Pending {
    let isPair: boolean
    let reply: unknown
    let state: unknown
    try {
      isPair = Array.isArray(result)
      if (isPair) {
        const pair = result as unknown[]
        // By index: to destructure an array is to iterate over it.
        reply = pair[0]
        if (pair.length === 2) state = pair[1]
      }
    } catch (error) {
      this.#callFailed(call, error)
      return undefined
    }
    if (isPair) {
      if (state === undefined) {
        this.#callFailed(call, new InvalidReturnError(this.id, 'handleCall', '[reply, state], with a state', this))
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
      if (!call.settled) (this.deferred ??= new Set()).add(call)
      return this.#accept('handleCall', result.state)
    }
    if (Stopped.is(result)) {
      if (result.hasReply && this.runtime.settle(call)) call.resolve(result.reply)
      return this.#accept('handleCall', result)
    }
    const expected = '[reply, state], noReply() or stopWith()'
    this.#callFailed(call, new InvalidReturnError(this.id, 'handleCall', expected, this))
    return undefined
  }

  #afterwards(name: string, pending: Promise<unknown>, message?: unknown): PromiseLike<void> {
    return pending.then(
      (next) => {
        if (name === 'handleCast') this.messageCount++
        return this.#accept(name, next, message)
      },
      (error: unknown) => this.crash(error, message),
    ) as PromiseLike<void>
  }

  /** Takes over what a callback made of the state. */
  #accept(callback: string, next: unknown, message?: unknown): Pending {
    if (this.status !== RUNNING) return undefined
    if (next === undefined) {
      this.crash(new InvalidReturnError(this.id, callback, 'the next state', this), message)
      return undefined
    }
    // The usual case of a state that is changed in place.
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

  #continue(argument: unknown): Pending {
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
    return pending === undefined ? this.#accept('handleContinue', next) : this.#afterwards('handleContinue', pending)
  }
}
