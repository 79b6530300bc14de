import { pauseOn } from '../clock/internal-timers.ts'
import type { Call } from '../actor/call.ts'
import { CastInContext, type SenderContext } from '../actor/caller-context.ts'
import { CrashReports, messageTypeOf } from '../actor/crash-reports.ts'
import { ENDING, type HandlerResult, RUNNING, STARTING } from '../actor/process.ts'
import { publishCrash, publishRestart } from '../actor/process-channels.ts'
import { Addressable } from './addressable.ts'
import { deferred, type DeferredPromise } from '../internal/deferred.ts'
import { type ExitKind, FAILED, NORMAL, SHUTDOWN } from '../protocol/actor.ts'
import { ProcessError } from './errors.ts'
import { type Abandoned, type Emit, msgTypeOf } from './events.ts'
import type { ProcessHost } from './host.ts'
import type { StopReason } from './ids.ts'
import { promiseOf } from '../internal/thenable.ts'
import { textOf } from '../internal/thrown-values.ts'
import {
  enter,
  HandlerRun,
  leave,
  mayBeAsync,
  type HandlerReturn,
  noteReturn,
  runHandler,
  type StopTarget,
  waitFor,
} from './handler-run.ts'
import { DEFAULT_SUPERVISION, RestartTracker } from './restarts.ts'
import type { ProcessJournal, ProcessSpec, SupervisionStrategy, Tools } from './types.ts'

const NO_STATE = Symbol('no state')

/** The fields of the event that was sent when a message's handler began. */
interface MessageStart {
  readonly msgType: string
  readonly seq: number
  readonly startedAt: number
}

/** The parent of a process. A process leaves its children when it has ended. */
export interface Parent {
  readonly children: Set<StatefulProcess>
}

/** Runs a {@link ProcessSpec} as a process of the actor runtime, over all its restarts. */
export class StatefulProcess extends Addressable implements StopTarget {
  readonly ctx: unknown
  readonly journal: ProcessJournal | undefined
  readonly children: Set<StatefulProcess> = new Set()
  tools!: Tools
  currentRun: HandlerRun | undefined
  #prepared: HandlerRun | undefined
  readonly #parent: Parent | undefined
  readonly #strategy: SupervisionStrategy
  readonly #restarts: RestartTracker | undefined
  #state: unknown = NO_STATE
  #seq = 0
  #finished = false
  /** True until its `init` has ended. */
  #initializing = true
  /** The number of the last restart. */
  #attempt = 0
  #cancelRestart: (() => void) | undefined
  /** Resolves when the last run has been cleaned up: its children have ended and `onStop` has run. */
  #cleaning: Promise<void> = Promise.resolve()
  #reason: StopReason = 'normal'
  readonly #ended: DeferredPromise<void> = deferred()
  #crashes: CrashReports | undefined

  constructor(
    host: ProcessHost,
    spec: ProcessSpec,
    ctx: unknown,
    options: { emit: Emit | undefined; journal: ProcessJournal | undefined; parent: Parent | undefined },
  ) {
    super(host, spec, options.emit, options.journal)
    this.ctx = ctx
    this.journal = options.journal
    this.#parent = options.parent
    this.#strategy = spec.supervision ?? DEFAULT_SUPERVISION
    this.#restarts = this.#strategy.type === 'one-for-one' ? new RestartTracker(this.#strategy) : undefined
    options.parent?.children.add(this)
    this.emit({ type: 'process:start', name: spec.name, id: this.id })
    void Promise.resolve().then(this.#init)
  }

  /** Stops the process for a user. Inside a handler that the stop would wait for, it resolves at once. */
  stop(reason: StopReason): Promise<void> {
    return waitFor(this, this.end(reason))
  }

  /** Ends the process. Resolves when it has ended. */
  end(reason: StopReason): Promise<void> {
    if (this.takesMail) this.#beginStop(reason)
    return this.#ended.promise
  }

  get isOwned(): boolean {
    return this.#parent instanceof StatefulProcess
  }

  override get observedParent(): string {
    return this.#parent instanceof StatefulProcess ? this.#parent.id : ''
  }

  shutDown(): Promise<void> {
    return this.end('shutdown')
  }

  override get progress(): number {
    return this.#seq
  }

  /** Ends at once, whatever is pending. `onStop` begins if it had not. */
  kill(): void {
    if (this.#finished || this.hasFailed) return
    if (this.takesMail) this.#beginStop('shutdown', true)
    else void this.#end()
    this.#finish('stopped')
  }

  onCast(sent: unknown): HandlerResult {
    if (this.usesCallerContext && CastInContext.has(sent)) return this.#handle(sent.message, undefined, sent)
    return this.#handle(sent, undefined)
  }

  onCall(call: Call): HandlerResult {
    return this.#handle(call.message, call, call.context as SenderContext | undefined)
  }

  onInfo(message: unknown): HandlerResult {
    return this.#handle(message, undefined)
  }

  onTerminate(kind: ExitKind): void {
    if (this.takesMail) this.#beginStop(kind === NORMAL ? 'normal' : 'shutdown')
  }

  readonly #init = (): void => {
    if (this.status !== STARTING) {
      if (this.phase === 'stopping') this.#initFailed()
      return
    }
    let first: HandlerReturn
    try {
      first = runHandler(new HandlerRun(this), this.spec.init, () => this.spec.init(this.ctx))
    } catch (error) {
      this.#initFailed({ error })
      return
    }
    if (first.pending === undefined) this.#begin(first.value)
    else
      void first.pending.then(
        (state) => this.#begin(state),
        (error: unknown) => this.#initFailed({ error }),
      )
  }

  #begin(state: unknown): void {
    this.#initializing = false
    this.#state = state
    if (this.status === STARTING) {
      this.status = RUNNING
      if (this.#attempt > 0) this.#restarted()
      this.#restarts?.started(this.host.clock.monoMs())
      if (this.notifier.hasLifecycleListener) {
        this.emit({ type: 'process:ready', id: this.id, startedAt: this.host.clock.now() })
      }
      // The listener may have stopped the process.
      if (this.status === RUNNING) this.runtime.started(this)
    } else {
      void this.#end()
    }
  }

  #initFailed(failure?: { error: unknown }): void {
    this.#initializing = false
    if (this.status === STARTING && failure !== undefined) {
      this.#fail(failure.error)
      return
    }
    if (failure !== undefined) this.#tellFailure(failure.error)
    void this.#end()
  }

  /**
   * Prepares a run for the runtime. It begins only when a message is handled: the message may be gone by then. Within a
   * run, returns that.
   */
  override enter(): HandlerRun {
    return this.currentRun ?? (this.#prepared = new HandlerRun(this))
  }

  #handle(message: unknown, call: Call | undefined, context?: SenderContext): HandlerResult {
    const seq = ++this.#seq
    const start = this.notifier.hasListener ? this.#notifyStart(message, seq) : undefined
    const run = this.#prepared ?? new HandlerRun(this)
    this.#prepared = undefined
    this.currentRun = run
    const { handle } = this.spec
    const outer = enter(run)
    let next: unknown
    try {
      next =
        context === undefined
          ? this.spec.handle(this.#state, message, this.tools)
          : context.run(this, () => this.spec.handle(this.#state, message, this.tools))
      // The same state is not awaited, even when it has a `then`.
      const pending = next === this.#state ? undefined : promiseOf(next)
      if (pending !== undefined || this.isAsync) noteReturn(handle, pending !== undefined, this.isAsync)
      if (pending !== undefined) {
        return pending.then(
          (state) => this.#handled(run, start, state, call, message),
          (error: unknown) => this.#failed(run, message, seq, error),
        )
      }
    } catch (error) {
      leave(outer)
      this.#failed(run, message, seq, error)
      return undefined
    } finally {
      leave(outer)
    }
    if (this.isAsync) this.isAsync = mayBeAsync(handle)
    this.#handled(run, start, next, call, message)
    return undefined
  }

  #notifyStart(message: unknown, seq: number): MessageStart {
    const { clock } = this.host
    const start = { msgType: msgTypeOf(message), seq, startedAt: clock.monoMs() }
    this.emit({ type: 'process:msg:start', id: this.id, msgType: start.msgType, seq, at: clock.now() })
    return start
  }

  #handled(
    run: HandlerRun,
    start: MessageStart | undefined,
    next: unknown,
    call: Call | undefined,
    message: unknown,
  ): void {
    run.ended = true
    this.currentRun = undefined
    if (start !== undefined) {
      const { msgType, seq, startedAt } = start
      const durationMs = this.host.clock.monoMs() - startedAt
      this.emit({ type: 'process:msg:end', id: this.id, msgType, seq, durationMs })
    }
    this.#accept(next, call, message)
  }

  override fault(error: Error): void {
    this.#handlerFailed(error, undefined)
  }

  #failed(run: HandlerRun, message: unknown, seq: number, error: unknown): void {
    run.ended = true
    this.currentRun = undefined
    if (this.notifier.hasListener) {
      this.emit({ type: 'process:msg:error', id: this.id, msgType: msgTypeOf(message), seq, error })
    }
    this.#handlerFailed(error, message)
  }

  #accept(next: unknown, call: Call | undefined, message: unknown): void {
    if (this.phase !== 'running' && this.phase !== 'stopping') return
    if (next === undefined && this.#state !== undefined) {
      this.#handlerFailed(
        new ProcessError(`handle of process '${this.spec.name}' has to return the next state`, this.id),
        message,
      )
      return
    }
    this.#state = next
    if (this.phase === 'stopping') void this.#end()
    else if (call !== undefined && !call.settled) this.#defer(call)
  }

  /** Keeps a call whose reply comes later. */
  #defer(call: Call): void {
    ;(this.deferred ??= new Set()).add(call)
    call.whenSettled = () => void this.deferred?.delete(call)
  }

  #handlerFailed(error: unknown, message: unknown): void {
    this.trace?.failed(error)
    if (this.status === RUNNING) {
      this.#fail(error, message)
      return
    }
    this.#tellFailure(error)
    if (this.phase === 'stopping') void this.#end(error)
  }

  #tellFailure(error: unknown): void {
    if (!this.notifier.hasListener && this.host.isConsequence(error)) return
    this.notifier.notifyFailure({ type: 'process:fail', id: this.id, error }, error, this.label)
  }

  #fail(error: unknown, message?: unknown): void {
    const decision = this.#restarts?.failed(this.host.clock.monoMs(), this.host.chance())
    const restarts = decision?.restart === true
    this.failure = error
    this.failureTotal++
    publishCrash(this, error, message)
    if (restarts) {
      this.runtime.restarting(this)
    } else {
      this.hasFailed = true
      this.status = ENDING
      this.runtime.stopping(this)
    }
    this.#abandonCalls(new ProcessError(`Process failed: ${textOf(error)}`, this.id, error))
    if (restarts) {
      this.emit({ type: 'process:fail', id: this.id, error })
      this.#reportCrash(error, message)
    } else {
      this.#tellFailure(error)
    }
    this.#cleaning = this.#cleanUp({ type: 'error', error })
    if (decision?.restart === true) {
      this.#restartAfter(decision.attempt, decision.delayMs)
      return
    }
    if (decision !== undefined) {
      const withinMs = this.#strategy.maxRestarts?.within ?? 0
      this.emit({ type: 'supervisor:giveup', id: this.id, attempts: decision.attempts, withinMs })
    }
    this.#abandon(decision === undefined ? 'no-supervision' : 'budget')
    this.pendingWork.cancelTimers()
    void this.#finishFailed()
  }

  #restarted(): void {
    this.restartTotal++
    publishRestart(this, this.#attempt)
  }

  /** Publishes a crash that leads to a restart, which might otherwise stay unseen. */
  #reportCrash(error: unknown, message: unknown): void {
    if (this.host.isConsequence(error)) return
    const { id: processId, spec, host } = this
    this.#crashes ??= new CrashReports(host.clock, host.crashReports)
    const crash = { processId, name: spec.name, childId: undefined, supervisorId: undefined, error }
    this.#crashes.report({ ...crash, messageType: messageTypeOf(message) })
  }

  async #finishFailed(): Promise<void> {
    await this.#cleaning
    this.#finish('failed')
  }

  #restartAfter(attempt: number, delayMs: number): void {
    this.#attempt = attempt
    this.emit({ type: 'supervisor:restart', id: this.id, attempt, delayMs })
    // The listener may have stopped the process.
    if (this.status !== STARTING) return
    const cleaned = this.#cleaning
    const timer = pauseOn(this.host.clock, delayMs, `the restart of ${this.label}`, () => {
      void cleaned.then(() => {
        if (this.#cancelRestart === undefined) return
        this.#cancelRestart = undefined
        this.#initializing = true
        this.emit({ type: 'process:start', name: this.spec.name, id: this.id })
        this.scope.runInAsyncScope(() => this.runtime.outsideTraces(this.#init))
      })
    })
    this.#cancelRestart = () => {
      timer.cancel()
      this.#cancelRestart = undefined
    }
  }

  #abandon(because: Abandoned): void {
    this.emit({ type: 'supervisor:restart:abandoned', id: this.id, because })
  }

  #beginStop(reason: StopReason, atOnce = false): void {
    const waits = this.#cancelRestart !== undefined
    this.#cancelRestart?.()
    this.#reason = reason
    this.exitKind = reason === 'normal' ? NORMAL : reason === 'shutdown' ? SHUTDOWN : FAILED
    this.status = ENDING
    this.pendingWork.cancelTimers()
    this.runtime.stopping(this)
    if (waits) this.#abandon('stopped')
    if (atOnce || (this.currentRun === undefined && (waits || !this.#initializing))) void this.#end()
  }

  /** Ends the process once nothing of it runs any more. */
  async #end(failure?: unknown): Promise<void> {
    const error =
      failure === undefined
        ? new ProcessError('Process stopping', this.id)
        : new ProcessError(`Process failed: ${textOf(failure)}`, this.id, failure)
    this.#abandonCalls(error)
    await this.#cleaning
    await this.#cleanUp(this.#reason)
    this.#finish('stopped')
  }

  /** Cleans up after a run, once: children end, the last one first, then `onStop` runs. Never rejects. */
  async #cleanUp(reason: StopReason): Promise<void> {
    const state = this.#state
    this.#state = NO_STATE
    for (const child of [...this.children].toReversed()) await child.end('shutdown')
    if (state === NO_STATE) return
    try {
      const { onStop } = this.spec
      if (onStop !== undefined) {
        await runHandler(new HandlerRun(this), onStop, () => this.spec.onStop?.(state, reason, this.ctx)).pending
      }
    } catch (error) {
      this.notifier.notifyFailure({ type: 'process:stop:error', id: this.id, error }, error, `onStop of ${this.label}`)
    }
  }

  #finish(phase: 'stopped' | 'failed'): void {
    if (this.#finished) return
    this.#finished = true
    if (phase === 'failed') this.exitKind = FAILED
    this.#restarts?.close()
    this.#crashes?.end()
    this.#parent?.children.delete(this)
    this.runtime.exited(this)
    if (phase === 'stopped') this.emit({ type: 'process:stop', id: this.id, reason: this.#reason })
    this.#ended.resolve()
  }

  /** Rejects calls that have begun, and asks that have no answer. */
  #abandonCalls(error: ProcessError): void {
    const calls = [...(this.running === undefined ? [] : [this.running]), ...(this.deferred ?? [])]
    this.running = undefined
    this.deferred = undefined
    for (const call of calls) if (this.runtime.settle(call)) call.reject(error)
    this.pendingWork.failAsks(error)
  }
}
