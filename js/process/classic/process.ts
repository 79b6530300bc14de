/**
 * `createProcess`: a process without state of its own, started by hand. Kept because programs written for the classic
 * interface use it; new code uses `createRootSupervisor` and its `spawn`.
 */
import type { Call } from '../../actor/call.ts'
import { DEAD, ENDING, Process } from '../../actor/process.ts'
import { publishCrash, publishRestart } from '../../actor/process-channels.ts'
import { callable, callbacks, known, object, options as checkOptions } from '../../internal/validate.ts'
import { CALL, FAILED, KILLED, OVERFLOW_REJECT, UNBOUNDED } from '../../protocol/actor.ts'
import type { Clock } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { deferred, type DeferredPromise } from '../../internal/deferred.ts'
import { classNameOf } from '../../internal/class-name.ts'
import { asError } from '../../internal/thrown-values.ts'
import { ProcessError } from '../errors.ts'
import { type ProcessHost, hostOf } from '../host.ts'
import { HandlerRun, runHandler, type StopTarget, waitFor } from '../handler-run.ts'
import { EventNotifier } from '../event-notifier.ts'
import type { ProcessStatus } from '../types.ts'
import { ProcessIdImpl } from './id.ts'
import type { ClassicEmit, ClassicProcess, Message, ProcessBehavior, ProcessInfo } from './types.ts'

/** Options of `createProcess`. */
export interface ClassicOptions {
  /** The id of the process. Default: a new one. */
  readonly id?: { readonly value: string }
  /** Receives the events of the process. Default: no listener; failures go to the system's `onError`. */
  readonly emit?: ClassicEmit
  /** The clock of the process. Default: the clock of the system. */
  readonly clock?: Clock
  /** The system of the process. Default: the default system of this environment. */
  readonly system?: System
}

/** The process of the actor runtime behind a classic process. It exists from the first start on. */
class ClassicRuntimeProcess extends Process implements StopTarget {
  readonly children: readonly StopTarget[] = []
  currentRun: HandlerRun | undefined
  readonly #owner: ClassicProcessImpl

  constructor(owner: ClassicProcessImpl, host: ProcessHost) {
    super(host.runtime)
    this.#owner = owner
    this.runtime.spawn(this, { trapExit: false, maxMailbox: UNBOUNDED, overflow: OVERFLOW_REJECT })
  }

  get id(): string {
    return this.#owner.id.value
  }

  get publicRef(): object {
    return this.#owner
  }

  get system(): System | undefined {
    return this.#owner.host.system
  }

  get publicName(): undefined {
    return undefined
  }

  get className(): string {
    return this.#owner.className
  }

  onCast(message: unknown): PromiseLike<void> | undefined {
    return this.#owner.handle(message)
  }

  get isOwned(): boolean {
    return false
  }

  async shutDown(): Promise<void> {
    try {
      await this.#owner.stop()
    } catch (error) {
      this.#owner.host.report(error, `terminate of process ${this.id}`)
    }
  }

  kill(): void {
    this.#owner.kill()
  }

  onCall(): undefined {}
  onInfo(): undefined {}
  onStop(): void {}
  onTerminate(): void {}
  onDown(): void {}
  onExitSignal(): void {}

  onDropped(kind: number, message: unknown): void {
    if (kind !== CALL) this.#owner.emit('process:message:dropped', { message })
  }

  callError(_call: Call): Error {
    return new ProcessError('A process of createProcess takes no calls', this.id)
  }
}

/** A classic process. It has its own states, because it can fail, wait, and be restarted by hand. */
export class ClassicProcessImpl implements ClassicProcess {
  readonly id: ProcessIdImpl
  readonly host: ProcessHost
  state: ProcessStatus = 'starting'
  /** Called when it fails. Without a supervisor, nobody acts on a failure. */
  supervisor: ((error: Error, message: unknown) => void) | undefined
  /** The id of the supervisor, if it has one. */
  supervisorId: string | undefined
  /** True while a supervisor is going to restart it, so that messages sent meanwhile wait. */
  awaitsRestart = false
  readonly #behavior: ProcessBehavior
  readonly #notifier: EventNotifier<unknown>
  #core: ClassicRuntimeProcess | undefined
  #starting: Promise<void> | undefined
  #idle: DeferredPromise<void> | undefined
  #stopping: Promise<void> | undefined
  #isKilled = false
  #startedAt = 0
  #restartCount = 0
  #lastError: Error | undefined

  constructor(behavior: ProcessBehavior, host: ProcessHost, id: ProcessIdImpl, emit: ClassicEmit | undefined) {
    this.#behavior = behavior
    this.host = host
    this.id = id
    this.#notifier = new EventNotifier(emit, host)
  }

  get className(): string {
    return classNameOf(this.#behavior) ?? 'Process'
  }

  emit(type: string, fields: object = {}): void {
    if (!this.#notifier.hasListener) return
    this.#notifier.notify({ type, processId: this.id.value, ...fields, timestamp: this.host.clock.now().wallMs })
  }

  async start(): Promise<void> {
    if (this.state !== 'starting' || this.#starting !== undefined) {
      throw new ProcessError(`Cannot start process in state: ${this.state}`, this.id.value)
    }
    await this.#begin()
  }

  async restart(): Promise<void> {
    if (this.state !== 'running' && this.state !== 'failed') {
      throw new ProcessError(`Cannot restart process in state: ${this.state}`, this.id.value)
    }
    this.emit('process:restarting', { restartCount: ++this.#restartCount })
    this.state = 'starting'
    if (this.#core !== undefined) this.#core.runtime.restarting(this.#core)
    await this.#idle?.promise
    if (this.state === 'starting') await this.#begin()
  }

  async send(message: Message): Promise<void> {
    if (this.#core === undefined || (this.state !== 'running' && !this.awaitsRestart)) {
      throw new ProcessError(`Cannot send message to process in state: ${this.state}`, this.id.value)
    }
    this.#core.runtime.cast(this.#core, message)
    this.emit('process:message:queued', { message })
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    // All callers get the same failure. A caller inside the handler waits for nothing.
    this.#stopping.catch(() => {})
    await (this.#core === undefined ? this.#stopping : waitFor(this.#core, this.#stopping))
  }

  getInfo(): ProcessInfo {
    return {
      id: this.id,
      state: this.state,
      startedAt: this.#startedAt,
      restartCount: this.#restartCount,
      lastError: this.#lastError,
    }
  }

  handle(message: unknown): PromiseLike<void> | undefined {
    const core = this.#core as ClassicRuntimeProcess
    const run = new HandlerRun(core)
    core.currentRun = run
    this.emit('process:message:processing', { message })
    const idle = deferred<void>()
    this.#idle = idle
    const end = (): void => {
      run.ended = true
      core.currentRun = undefined
      this.#idle = undefined
      idle.resolve()
    }
    const handled = (): void => {
      this.emit('process:message:processed', { message })
      end()
    }
    const failed = (error: unknown): void => {
      core.trace?.failed(error)
      this.emit('process:message:error', { message, error })
      end()
      if (this.state === 'running') this.#fail(asError(error), message)
      else this.host.report(error, `process ${this.id.value}`)
    }
    try {
      const { pending } = runHandler(run, this.#behavior.handle, () => this.#behavior.handle(message))
      if (pending !== undefined) return pending.then(handled, failed)
    } catch (error) {
      failed(error)
      return undefined
    }
    handled()
    return undefined
  }

  async #begin(): Promise<void> {
    this.emit('process:starting')
    this.#core ??= new ClassicRuntimeProcess(this, this.host)
    const core = this.#core
    this.#starting = Promise.resolve().then(() => this.#behavior.init?.() as void)
    try {
      await this.#starting
    } catch (error) {
      if (this.state === 'starting') this.#failed(asError(error))
      throw error
    } finally {
      this.#starting = undefined
    }
    if (this.state !== 'starting') throw new ProcessError('Process stopping', this.id.value)
    this.state = 'running'
    this.awaitsRestart = false
    this.#startedAt = this.host.clock.now().wallMs
    this.emit('process:started')
    if (this.#restartCount > 0) publishRestart(core, this.#restartCount, undefined, this.supervisorId)
    if (this.#stopping === undefined) core.runtime.started(core)
  }

  /** Hands a failure without a caller to the supervisor, to the listener, or to the system. */
  #fail(error: Error, message: unknown): void {
    if (this.#core !== undefined) publishCrash(this.#core, error, message)
    this.#core?.runtime.restarting(this.#core)
    this.#failed(error)
    if (this.supervisor !== undefined) this.supervisor(error, message)
    else if (!this.#notifier.hasListener) this.host.report(error, `process ${this.id.value}`)
  }

  #failed(error: Error): void {
    this.state = 'failed'
    this.#lastError = error
    this.emit('process:failed', { error })
  }

  async #stop(): Promise<void> {
    if (this.state === 'stopped') return
    const wasStarted = this.state === 'running'
    this.state = 'stopping'
    this.awaitsRestart = false
    this.emit('process:stopping')
    const core = this.#core
    if (core !== undefined) {
      core.status = ENDING
      core.runtime.stopping(core)
    }
    const initSucceeded = await this.#starting?.then(
      () => true,
      () => false,
    )
    await this.#idle?.promise
    if (this.#isKilled) return
    try {
      if (wasStarted || initSucceeded === true) await this.#behavior.terminate?.()
    } catch (error) {
      this.#end(FAILED)
      this.#failed(asError(error))
      throw error
    }
    if (this.#isKilled) return
    this.#end(0)
    this.state = 'stopped'
    this.emit('process:stopped')
  }

  /** Ends the process at once, without waiting for its handler or `terminate`. */
  kill(): void {
    if (this.state === 'stopped') return
    this.#isKilled = true
    this.awaitsRestart = false
    this.state = 'stopped'
    this.#end(KILLED)
    this.emit('process:stopped')
  }

  #end(kind: 0 | typeof FAILED | typeof KILLED): void {
    const core = this.#core
    if (core === undefined || core.status === DEAD) return
    core.exitKind = kind
    core.runtime.exited(core)
  }
}

/** Returns the id of the option, or a new one. */
export function idOf(id: { readonly value: string } | undefined, host: ProcessHost): ProcessIdImpl {
  if (id === undefined) return new ProcessIdImpl(host.id())
  if (id instanceof ProcessIdImpl) return id
  if (typeof id !== 'object' || id === null) {
    throw new InvalidArgumentError('options.id', 'what createProcessId makes of a text', id)
  }
  return new ProcessIdImpl(id.value)
}

const CALLBACKS = ['handle', 'init', 'terminate']

export function checkBehavior(behavior: ProcessBehavior<never>): ProcessBehavior {
  object('behavior', behavior, 'an object with handle')
  callbacks('behavior', behavior, CALLBACKS)
  callable('behavior.handle', behavior.handle)
  for (const name of ['init', 'terminate'] as const) {
    if (behavior[name] !== undefined) callable(`behavior.${name}`, behavior[name])
  }
  return behavior as ProcessBehavior
}

/**
 * Creates a process that you start by hand; `send` rejects until then.
 *
 * @throws InvalidArgumentError naming the field that is refused.
 * @example
 * ```ts
 * const log = createProcess({ handle: async (line) => console.log(line) })
 * await log.start()
 * await log.send('ahoy')
 * await log.stop()
 * ```
 */
export function createProcess<T = Message>(behavior: ProcessBehavior<T>, options?: ClassicOptions): ClassicProcess<T> {
  const checked = checkBehavior(behavior)
  const settings = checkOptions('options', options)
  known('options', settings, ['id', 'emit', 'clock', 'system'])
  if (settings.emit !== undefined) callable('options.emit', settings.emit)
  const host = hostOf(settings)
  return new ClassicProcessImpl(checked, host, idOf(settings.id, host), settings.emit)
}
