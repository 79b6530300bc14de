import { pauseOn } from '../clock/internal-timers.ts'
import type { Call } from '../actor/call.ts'
import { CrashReports, messageTypeOf } from '../actor/crash-reports.ts'
import { ENDING } from '../actor/process.ts'
import { Addressee } from './addressable.ts'
import { deferred, type Deferred } from '../internal/deferred.ts'
import { type ExitKind, FAILED, NORMAL, SHUTDOWN } from '../protocol/actor.ts'
import { ProcessError } from './errors.ts'
import { type Abandoned, type Emit, msgTypeOf } from './event-emitter.ts'
import type { Host } from './host.ts'
import type { StopReason } from './ids.ts'
import { promiseOf } from '../internal/thenable.ts'
import { textOf } from '../internal/thrown-values.ts'
import {
  enter,
  Inside,
  leave,
  mayGoOn,
  type Result,
  returned,
  runInside,
  type Stoppable,
  waitFor,
} from './handler-run.ts'
import { Restarts } from './restarts.ts'
import type { ProcessJournal, ProcessSpec, Tools } from './types.ts'

type Pending = PromiseLike<void> | undefined

const NO_STATE = Symbol('no state')

/** What was told of a run as it began. */
interface Told {
  readonly msgType: string
  readonly seq: number
  readonly startedAt: number
}

/** Who has spawned a process, and forgets it when it has ended. */
export interface Parent {
  readonly children: Set<Unit>
}

/** One process over all its runs, as the runtime drives it. */
export class Unit extends Addressee implements Stoppable {
  readonly ctx: unknown
  readonly journal: ProcessJournal | undefined
  readonly children: Set<Unit> = new Set()
  tools!: Tools
  inside: Inside | undefined
  #prepared: Inside | undefined
  readonly #parent: Parent | undefined
  readonly #restarts: Restarts | undefined
  #state: unknown = NO_STATE
  #seq = 0
  #finished = false
  /** Its `init` has not ended. */
  #initializing = true
  #cancelRestart: (() => void) | undefined
  /** The end of the last run: children, `onStop`. */
  #cleaning: Promise<void> = Promise.resolve()
  #reason: StopReason = 'normal'
  readonly #ended: Deferred<void> = deferred()
  #crashes: CrashReports | undefined

  constructor(
    host: Host,
    spec: ProcessSpec,
    ctx: unknown,
    maker: { emit: Emit | undefined; journal: ProcessJournal | undefined; parent: Parent | undefined },
  ) {
    super(host, spec, maker.emit)
    this.ctx = ctx
    this.journal = maker.journal
    this.#parent = maker.parent
    this.#restarts = spec.supervision?.type === 'one-for-one' ? new Restarts(spec.supervision) : undefined
    maker.parent?.children.add(this)
    this.emit({ type: 'process:start', name: spec.name, id: this.id })
    void Promise.resolve().then(this.#init)
  }

  /** For users, who may be inside a handler. */
  stop(reason: StopReason): Promise<void> {
    return waitFor(this, this.end(reason))
  }

  /** Ends it; resolves when it has ended. */
  end(reason: StopReason): Promise<void> {
    if (this.takesMail) this.#beginStop(reason)
    return this.#ended.promise
  }

  get isOwned(): boolean {
    return this.#parent instanceof Unit
  }

  shutDown(): Promise<void> {
    return this.end('shutdown')
  }

  override get progress(): number {
    return this.#seq
  }

  /** Ends at once, whatever is under way; `onStop` is begun if it was not. */
  kill(): void {
    if (this.phase === 'stopped' || this.phase === 'failed') return
    if (this.takesMail) this.#beginStop('shutdown', true)
    else void this.#end()
    this.#finish('stopped')
  }

  onCast(message: unknown): Pending {
    return this.#handle(message, undefined)
  }

  onCall(call: Call): Pending {
    return this.#handle(call.message, call)
  }

  onInfo(message: unknown): Pending {
    return this.#handle(message, undefined)
  }

  onTerminate(kind: ExitKind): void {
    if (this.takesMail) this.#beginStop(kind === NORMAL ? 'normal' : 'shutdown')
  }

  readonly #init = (): void => {
    if (this.phase !== 'starting') {
      if (this.phase === 'stopping') this.#initFailed()
      return
    }
    let first: Result
    try {
      first = runInside(new Inside(this), this.spec.init, () => this.spec.init(this.ctx))
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
    if (this.phase === 'starting') {
      this.phase = 'running'
      this.#restarts?.started(this.host.clock.monoMs())
      if (this.teller.observed) this.emit({ type: 'process:ready', id: this.id, startedAt: this.host.clock.now() })
      // The listener may have stopped it.
      if (this.phase === 'running') this.runtime.started(this)
    } else {
      void this.#end()
    }
  }

  #initFailed(failure?: { error: unknown }): void {
    this.#initializing = false
    if (this.phase === 'starting' && failure !== undefined) {
      this.#fail(failure.error)
      return
    }
    if (failure !== undefined) this.#tellFailure(failure.error)
    void this.#end()
  }

  /** A run is prepared. It has begun once a message is handled: the one it is for may be there no more. */
  override enter(): Inside {
    this.#prepared = new Inside(this)
    return this.#prepared
  }

  #handle(message: unknown, call: Call | undefined): Pending {
    const seq = ++this.#seq
    const told = this.teller.observed ? this.#tellStart(message, seq) : undefined
    const inside = this.#prepared ?? new Inside(this)
    this.#prepared = undefined
    this.inside = inside
    const { handle } = this.spec
    const outer = enter(inside)
    let next: unknown
    try {
      next = this.spec.handle(this.#state, message, this.tools)
      // The state may have a `then` of its own.
      const pending = next === this.#state ? undefined : promiseOf(next)
      if (pending !== undefined || this.isAsync) returned(handle, pending !== undefined, this.isAsync)
      if (pending !== undefined) {
        return pending.then(
          (state) => this.#handled(inside, told, state, call, message),
          (error: unknown) => this.#failed(inside, message, seq, error),
        )
      }
    } catch (error) {
      leave(outer)
      this.#failed(inside, message, seq, error)
      return undefined
    } finally {
      leave(outer)
    }
    if (this.isAsync) this.isAsync = mayGoOn(handle)
    this.#handled(inside, told, next, call, message)
    return undefined
  }

  #tellStart(message: unknown, seq: number): Told {
    const { clock } = this.host
    const told = { msgType: msgTypeOf(message), seq, startedAt: clock.monoMs() }
    this.emit({ type: 'process:msg:start', id: this.id, msgType: told.msgType, seq, at: clock.now() })
    return told
  }

  #handled(inside: Inside, told: Told | undefined, next: unknown, call: Call | undefined, message: unknown): void {
    inside.ended = true
    this.inside = undefined
    if (told !== undefined) {
      const { msgType, seq, startedAt } = told
      const durationMs = this.host.clock.monoMs() - startedAt
      this.emit({ type: 'process:msg:end', id: this.id, msgType, seq, durationMs })
    }
    this.#accept(next, call, message)
  }

  #failed(inside: Inside, message: unknown, seq: number, error: unknown): void {
    inside.ended = true
    this.inside = undefined
    if (this.teller.observed) {
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

  /** Its answer comes later. */
  #defer(call: Call): void {
    ;(this.deferred ??= new Set()).add(call)
    call.whenSettled = () => void this.deferred?.delete(call)
  }

  #handlerFailed(error: unknown, message: unknown): void {
    if (this.phase === 'running') {
      this.#fail(error, message)
      return
    }
    this.#tellFailure(error)
    if (this.phase === 'stopping') void this.#end(error)
  }

  #tellFailure(error: unknown): void {
    if (!this.teller.observed && this.host.isConsequence(error)) return
    this.teller.tellFailure({ type: 'process:fail', id: this.id, error }, error, this.label)
  }

  #fail(error: unknown, message?: unknown): void {
    const verdict = this.#restarts?.failed(this.host.clock.monoMs(), this.host.chance())
    const restarts = verdict?.restart === true
    this.failure = error
    this.phase = restarts ? 'starting' : 'failed'
    if (!restarts) this.status = ENDING
    if (restarts) this.runtime.restarting(this)
    else this.runtime.stopping(this)
    this.#abandonCalls(new ProcessError(`Process failed: ${textOf(error)}`, this.id, error))
    if (restarts) {
      this.emit({ type: 'process:fail', id: this.id, error })
      this.#tellCrash(error, message)
    } else {
      this.#tellFailure(error)
    }
    this.#cleaning = this.#cleanUp({ type: 'error', error })
    if (verdict?.restart === true) {
      this.#restartAfter(verdict.attempt, verdict.delayMs)
      return
    }
    if (verdict !== undefined) {
      const withinMs = this.spec.supervision?.maxRestarts?.within ?? 0
      this.emit({ type: 'supervisor:giveup', id: this.id, attempts: verdict.attempts, withinMs })
    }
    this.#abandon(verdict === undefined ? 'no-supervision' : 'budget')
    this.belongings.cancelTimers()
    void this.#finishFailed()
  }

  /** Nobody else may hear of one that is restarted. */
  #tellCrash(error: unknown, message: unknown): void {
    if (this.host.isConsequence(error)) return
    const { id: processId, spec, host } = this
    this.#crashes ??= new CrashReports(host.clock, host.crashReports)
    const crash = { processId, name: spec.name, childId: undefined, supervisorId: undefined, error }
    this.#crashes.tell({ ...crash, messageType: messageTypeOf(message) })
  }

  async #finishFailed(): Promise<void> {
    await this.#cleaning
    this.#finish('failed')
  }

  #restartAfter(attempt: number, delayMs: number): void {
    this.emit({ type: 'supervisor:restart', id: this.id, attempt, delayMs })
    // The listener may have stopped it.
    if (this.phase !== 'starting') return
    const cleaned = this.#cleaning
    const timer = pauseOn(this.host.clock, delayMs, `the restart of ${this.label}`, () => {
      void cleaned.then(() => {
        if (this.#cancelRestart === undefined) return
        this.#cancelRestart = undefined
        this.#initializing = true
        this.emit({ type: 'process:start', name: this.spec.name, id: this.id })
        this.scope.runInAsyncScope(this.#init)
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
    this.phase = 'stopping'
    this.#reason = reason
    this.exitKind = reason === 'normal' ? NORMAL : reason === 'shutdown' ? SHUTDOWN : FAILED
    this.status = ENDING
    this.belongings.cancelTimers()
    this.runtime.stopping(this)
    if (waits) this.#abandon('stopped')
    if (atOnce || (this.inside === undefined && (waits || !this.#initializing))) void this.#end()
  }

  /** Nothing of it runs any more. */
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

  /** Once a run, after it: children, the last one first, then `onStop`. Never rejects. */
  async #cleanUp(reason: StopReason): Promise<void> {
    const state = this.#state
    this.#state = NO_STATE
    for (const child of [...this.children].toReversed()) await child.end('shutdown')
    if (state === NO_STATE) return
    try {
      const { onStop } = this.spec
      if (onStop !== undefined) {
        await runInside(new Inside(this), onStop, () => this.spec.onStop?.(state, reason, this.ctx)).pending
      }
    } catch (error) {
      this.teller.tellFailure({ type: 'process:stop:error', id: this.id, error }, error, `onStop of ${this.label}`)
    }
  }

  #finish(phase: 'stopped' | 'failed'): void {
    if (this.#finished) return
    this.#finished = true
    this.phase = phase
    if (phase === 'failed') this.exitKind = FAILED
    this.#restarts?.close()
    this.#crashes?.end()
    this.#parent?.children.delete(this)
    this.runtime.exited(this)
    if (phase === 'stopped') this.emit({ type: 'process:stop', id: this.id, reason: this.#reason })
    this.#ended.resolve()
  }

  /** Calls that were begun, and answers that it waits for. */
  #abandonCalls(error: ProcessError): void {
    const calls = [...(this.running === undefined ? [] : [this.running]), ...(this.deferred ?? [])]
    this.running = undefined
    this.deferred = undefined
    for (const call of calls) if (this.runtime.settle(call)) call.reject(error)
    this.belongings.failAsks(error)
  }
}
