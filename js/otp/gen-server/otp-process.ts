import { setMaxListeners } from 'node:events'

import { messageTypeOf } from '../../actor/crash-reports.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import type { Call } from '../../actor/call.ts'
import { runAsSelf } from '../../actor/call-context.ts'
import { DEAD, ENDING, Process, RUNNING } from '../../actor/process.ts'
import { processFeed } from '../../actor/process-feed.ts'
import { publishCrash } from '../../actor/process-channels.ts'
import { type ExitKind, KILLED, STOP } from '../../protocol/actor.ts'
import type { ProcessRuntime } from '../../actor/runtime.ts'
import { isConsequence } from '../../actor/shutdown.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { asError } from '../../internal/thrown-values.ts'
import type { System } from '../../system/system.ts'
import { callErrorOf, downOf, kindOf, linkedReason } from './exit-reasons.ts'
import { processEvents } from './lifecycle.ts'
import { LocalRef } from './local-ref.ts'
import { type PendingStart, pendingStartsOf, reportUnlessAdopted } from './pending-starts.ts'
import type { Registrable } from './registrable.ts'
import type { LifecycleEvent, ProcessDownReason, ServerStatus, TerminateReason } from './types.ts'

/** The kinds of services that have tables of their own. */
const SERVICES: ReadonlySet<string> = new Set(['Cache', 'EventBus'])

/** A request to stop, and the promise of who made it. */
export interface StopRequest {
  readonly reason: TerminateReason
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * A process with a ref, names and reasons for its end: what GenServers and supervisors have in common. It ends once,
 * for its first reason, and then calls exit listeners, sends lifecycle events and settles requests to stop, in this
 * order.
 */
export abstract class OtpProcess extends Process implements Registrable {
  readonly ref: LocalRef
  readonly system: System
  /** The word for it in errors, before its name and id: `'Agent'`. */
  readonly kind: string
  readonly startedAt: number
  /** Start functions of supervisors during which it was started: one of those supervisors may adopt it. */
  readonly startedIn: readonly PendingStart[]
  /** One of its registered names, if it has any. */
  name: string | undefined
  /** True if a supervisor, or the caller of a task, acts on its end. */
  isSupervised = false
  /** Its name when it crashed, and the type of the message that it handled. */
  crashContext: { readonly name: string | undefined; readonly messageType: string | undefined } | undefined
  /** True once its `started` event was sent. Only then are `terminated` and the like sent. */
  #isAnnounced = false
  #reason: TerminateReason = 'normal'
  /** The reason as events show it. It is made once, so that all listeners get the same one. */
  #down: ProcessDownReason = { type: 'normal' }
  #stopRequests: StopRequest[] | undefined
  #endController: AbortController | undefined
  /** Called when the process has ended, in order. */
  #exitListeners: Set<() => void> | undefined

  constructor(
    id: string,
    runtime: ProcessRuntime,
    system: System,
    settings: { readonly kind: string; readonly startedAt: number },
  ) {
    super(runtime)
    this.ref = new LocalRef(id, this)
    this.system = system
    this.kind = settings.kind
    this.startedAt = settings.startedAt
    this.startedIn = pendingStartsOf(system)
  }

  /** The callback that {@link terminate} runs. */
  protected abstract get terminateCallback(): unknown
  /** Runs the clean-up of the process; what it throws, or rejects with, is the failure of a stop. */
  protected abstract terminate(reason: TerminateReason): unknown

  get id(): string {
    return this.ref.id
  }

  get publicRef(): object {
    return this.ref
  }

  get publicName(): string | undefined {
    return this.name
  }

  get className(): string {
    return this.kind
  }

  get maxMailbox(): number {
    return this.mailboxLimit?.most ?? Infinity
  }

  /** The reason of its end. Only meaningful once it ends. */
  get reason(): TerminateReason {
    return this.#reason
  }

  get downReason(): ProcessDownReason {
    return this.#down
  }

  /** Its id, after its name if it has one: `billing (genserver_1_x)`. */
  override get label(): string {
    return this.name === undefined ? this.id : `${this.name} (${this.id})`
  }

  get statusName(): ServerStatus {
    return (['initializing', 'running', 'stopping', 'stopped'] as const)[this.status]
  }

  override get isService(): boolean {
    return SERVICES.has(this.kind)
  }

  override get observedKind(): string {
    return this.kind
  }

  override get observedStart(): number {
    return this.startedAt
  }

  get isAlive(): boolean {
    return this.status !== DEAD
  }

  /** A signal that aborts when the process begins to end. It is made at the first look. */
  get endSignal(): AbortSignal {
    if (this.#endController === undefined) {
      this.#endController = new AbortController()
      setMaxListeners(0, this.#endController.signal)
      if (this.status >= ENDING) this.#endController.abort(this.endError())
    }
    return this.#endController.signal
  }

  override endError(): Error {
    return new ServerNotRunningError(this.id, this)
  }

  whenEnded(listener: () => void): () => void {
    if (this.status === DEAD) {
      listener()
      return () => {}
    }
    const entry = (): void => listener()
    ;(this.#exitListeners ??= new Set()).add(entry)
    return () => void this.#exitListeners?.delete(entry)
  }

  onStop(request: unknown): void {
    this.addStopRequest(request as StopRequest)
    this.end((request as StopRequest).reason)
  }

  onTerminate(kind: ExitKind, culprit: Process | undefined): void {
    if (kind === KILLED) this.kill()
    else this.end(linkedReason(kind, culprit))
  }

  onDropped(kind: number, message: unknown): void {
    // A request to stop that arrives while the process ends resolves with that end.
    if (kind === STOP) this.addStopRequest(message as StopRequest)
  }

  onDown(monitor: number, ended: Process | undefined): void {
    const monitoredRef = { id: ended?.id ?? 'unknown' }
    const reason: ProcessDownReason = ended instanceof OtpProcess ? ended.downReason : { type: 'noproc' }
    this.deliverDown(`monitor_${monitor}`, monitoredRef, reason)
  }

  deliverDown(monitorId: string, monitoredRef: { id: string }, reason: ProcessDownReason): void {
    if (this.status === DEAD) return
    if (processEvents.hasListeners(this.system)) {
      const down = { ...this.#eventFields, monitoredRef, reason, monitorId }
      processEvents.notify(this.system, { type: 'down', ...down })
      processEvents.notify(this.system, { type: 'process_down', ...down })
    }
    if (this.status === RUNNING) this.runtime.sendSystem(this, { type: 'DOWN', monitorId, ref: monitoredRef, reason })
  }

  onExitSignal(_link: number, ended: Process | undefined): void {
    if (this.status !== RUNNING) return
    const reason: ProcessDownReason = ended instanceof OtpProcess ? ended.downReason : { type: 'noproc' }
    this.runtime.sendSystem(this, { type: 'EXIT', from: { id: ended?.id ?? 'unknown' }, reason })
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

  /** Sends its `started` event. */
  announce(): void {
    this.#isAnnounced = true
    // It has its name by now.
    processFeed.changed?.(this)
    if (this.hasListeners) this.notify({ type: 'started', ...this.#eventFields })
  }

  /** True for supervisors. */
  get isSupervisor(): boolean {
    return false
  }

  /** The kind of exit that its supervisor acts on. */
  get exitKindForSupervisor(): ExitKind {
    return this.exitKind
  }

  /** Ends it once the messages that were sent before have been handled. */
  requestStop(request: StopRequest): void {
    if (this.status >= ENDING) this.addStopRequest(request)
    else this.runtime.requestStop(this, request)
  }

  /** True if its lifecycle events have listeners. */
  protected get hasListeners(): boolean {
    return processEvents.hasListeners(this.system)
  }

  protected notify(event: LifecycleEvent): void {
    processEvents.notify(this.system, event)
  }

  /**
   * Ends the process because of a failure that has no caller.
   *
   * @param message The message that was handled, if one was.
   */
  crash(thrown: unknown, message?: unknown): void {
    this.trace?.failed(thrown)
    if (this.status >= ENDING) return
    this.crashContext = { name: this.name, messageType: messageTypeOf(message) }
    const error = asError(thrown)
    publishCrash(this, error, message)
    if (this.hasListeners) this.notify({ type: 'crashed', ...this.#eventFields, error })
    // Without a supervisor that acts on it, the system reports it.
    if (!this.isSupervised && !isConsequence(this.system, error)) {
      reportUnlessAdopted(this, () => this.system.report(error, `process ${this.label}`))
    }
    this.end({ error })
  }

  /** Ends the process: it takes no more messages, `terminate` runs, then exit listeners are called. */
  end(reason: TerminateReason): void {
    if (this.status >= ENDING) return
    this.status = ENDING
    this.#reason = reason
    this.#down = downOf(reason)
    this.exitKind = kindOf(reason)
    this.runtime.stopping(this)
    this.#abandonCalls()
    this.#endController?.abort(this.endError())
    let pending: Promise<unknown> | undefined
    try {
      const callback = this.terminateCallback
      const run = (): unknown => this.terminate(reason)
      pending = promiseOf(callback === undefined ? run() : runAsSelf(this, callback, run))
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

  addStopRequest(request: StopRequest): void {
    if (this.status === DEAD) request.resolve()
    else (this.#stopRequests ??= []).push(request)
  }

  /** Ends a process that never ran, without `terminate`: `init` failed, or its name is taken. */
  abandon(reason: TerminateReason): void {
    this.#reason = reason
    this.#down = downOf(reason)
    this.exitKind = kindOf(reason)
    this.runtime.stopping(this)
    this.#finish()
  }

  /** Ends the process at once, without `terminate`. */
  kill(): void {
    if (this.status === DEAD) return
    this.#down = { type: 'killed' }
    // A `terminate` that runs already keeps the reason that it was called with.
    if (this.status !== ENDING) this.#reason = { error: new Error(`process ${this.label} was killed`) }
    this.exitKind = KILLED
    this.#abandonCalls()
    this.#endController?.abort(this.endError())
    this.#finish()
  }

  #finish(failure?: { readonly error: unknown }): void {
    // The process was killed while `terminate` ran, so listeners have been called already.
    if (this.status === DEAD) {
      if (failure !== undefined) this.system.report(failure.error, `terminate of ${this.label}`)
      return
    }
    this.runtime.exited(this)
    const [stopRequests, exitListeners] = [this.#stopRequests ?? [], this.#exitListeners ?? []]
    this.#stopRequests = this.#exitListeners = undefined
    for (const listener of exitListeners) this.#notifyExit(listener)
    if (this.#isAnnounced && this.hasListeners)
      this.notify({ type: 'terminated', ...this.#eventFields, reason: this.#reason })
    if (failure !== undefined && stopRequests.length === 0)
      this.system.report(failure.error, `terminate of ${this.label}`)
    for (const { resolve, reject } of stopRequests) {
      if (failure === undefined) resolve()
      else reject(failure.error)
    }
  }

  /** Calls an exit listener. One that throws does not stop the others. */
  #notifyExit(listener: () => void): void {
    try {
      listener()
    } catch (error) {
      this.system.report(error, `the end of ${this.label}`)
    }
  }

  /** The fields of an event that name the process. */
  get #eventFields(): { readonly ref: LocalRef; readonly name?: string } {
    return this.name === undefined ? { ref: this.ref } : { ref: this.ref, name: this.name }
  }

  /** Rejects the calls whose handlers have begun and that will get no reply. */
  #abandonCalls(): void {
    const calls = [...(this.running === undefined ? [] : [this.running]), ...(this.deferred ?? [])]
    this.running = undefined
    this.deferred = undefined
    for (const call of calls) {
      if (this.runtime.settle(call)) call.giveUp(this.endError())
    }
  }
}
