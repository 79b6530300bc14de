/**
 * `createSupervisor`: a supervisor of classic processes. Kept because programs written for the classic interface use
 * it; new code uses `createRootSupervisor`.
 */
import { pauseOn } from '../../clock/internal-timers.ts'
import { CrashReports, messageTypeOf } from '../../actor/crash-reports.ts'
import { callable, isA, known, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { ProcessError } from '../errors.ts'
import { type ProcessHost, hostOf } from '../host.ts'
import { RestartTracker } from '../restarts.ts'
import { EventNotifier } from '../event-notifier.ts'
import type { ProcessIdImpl } from './id.ts'
import { checkBehavior, ClassicProcessImpl, idOf } from './process.ts'
import type {
  ClassicEmit,
  ClassicProcess,
  ClassicStrategy,
  ClassicSupervisor,
  ClassicSupervisorOptions,
  Message,
  ProcessBehavior,
} from './types.ts'

const BACKOFF = { initial: 100, max: 30_000, factor: 2 }
const STRATEGIES = ['restart', 'stop', 'escalate']

interface SupervisedProcess {
  readonly process: ClassicProcessImpl
  readonly strategy: ClassicStrategy
  readonly restarts: RestartTracker
  readonly crashes: CrashReports
  cancelRestart: (() => void) | undefined
}

class ClassicSupervisorImpl implements ClassicSupervisor {
  readonly id: ProcessIdImpl
  readonly #host: ProcessHost
  readonly #notifier: EventNotifier<unknown>
  readonly #children: Map<ClassicProcess, SupervisedProcess> = new Map()
  #stopping: Promise<void> | undefined

  constructor(host: ProcessHost, id: ProcessIdImpl, emit: ClassicEmit | undefined) {
    this.#host = host
    this.id = id
    this.#notifier = new EventNotifier(emit, host)
    this.#emit('supervisor:created')
  }

  async spawn<T = Message>(behavior: ProcessBehavior<T>): Promise<ClassicProcess<T>> {
    const checked = checkBehavior(behavior)
    if (this.#stopping !== undefined) {
      throw new ProcessError('Cannot spawn process: supervisor is stopped', this.id.value)
    }
    const process = new ClassicProcessImpl(checked, this.#host, idOf(undefined, this.#host), this.#notifier.emit)
    const processId = process.id.value
    this.#emit('supervisor:spawning', { processId })
    try {
      await process.start()
    } catch (error) {
      this.#emit('supervisor:spawn:failed', { processId, error })
      throw error
    }
    if (this.#stopping !== undefined) {
      await process.stop()
      throw new ProcessError('Cannot spawn process: supervisor is stopped', this.id.value)
    }
    this.supervise(process, 'restart')
    this.#emit('supervisor:spawned', { processId })
    return process
  }

  supervise(process: ClassicProcess, strategy: ClassicStrategy): void {
    if (!isA(process, ClassicProcessImpl)) {
      throw new InvalidArgumentError('process', 'what createProcess or spawn made', process)
    }
    if (!STRATEGIES.includes(strategy)) {
      throw new InvalidArgumentError('strategy', `one of ${STRATEGIES.join(', ')}`, strategy)
    }
    this.#forget(process)
    const restarts = new RestartTracker({ type: 'one-for-one', backoff: BACKOFF })
    const crashes = new CrashReports(this.#host.clock, this.#host.crashReports)
    const child: SupervisedProcess = { process, strategy, restarts, crashes, cancelRestart: undefined }
    if (process.state === 'running') restarts.started(this.#host.clock.monoMs())
    this.#children.set(process, child)
    process.supervisorId = this.id.value
    process.supervisor = (error, message) => this.#onFailure(child, error, message)
    this.#emit('supervisor:supervising', { processId: process.id.value, strategy })
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    await this.#stopping
  }

  getChildren(): ClassicProcess[] {
    return [...this.#children.keys()]
  }

  #emit(type: string, fields: object = {}): void {
    if (!this.#notifier.hasListener) return
    this.#notifier.notify({ type, supervisorId: this.id.value, ...fields, timestamp: this.#host.clock.now().wallMs })
  }

  /** Sends an event. Without a listener, the system reports the error. */
  #notifyOrReport(type: string, child: SupervisedProcess, error: unknown): void {
    if (!this.#notifier.hasListener) this.#host.report(error, `process ${child.process.id.value}`)
    else this.#emit(type, { processId: child.process.id.value, error })
  }

  #onFailure(child: SupervisedProcess, error: Error, message: unknown): void {
    const processId = child.process.id.value
    const { strategy } = child
    this.#emit('supervisor:child:failed', { processId, strategy, error })
    if (strategy === 'restart') {
      this.#reportCrash(child, error, message)
      this.#restartLater(child)
      return
    }
    this.#forget(child.process)
    if (strategy === 'escalate') {
      // There is nothing above this supervisor, so the listener decides, or the system reports the error.
      this.#notifyOrReport('supervisor:escalate', child, error)
      return
    }
    if (!this.#notifier.hasListener) this.#host.report(error, `process ${processId}`)
    child.process.stop().then(
      () => this.#emit('supervisor:child:stopped', { processId }),
      (failure: unknown) => this.#notifyOrReport('supervisor:child:stop:error', child, failure),
    )
  }

  #reportCrash({ crashes, process }: SupervisedProcess, error: Error, message: unknown): void {
    if (this.#host.isConsequence(error)) return
    const { value: processId } = process.id
    const messageType = messageTypeOf(message)
    crashes.report({ processId, name: undefined, childId: undefined, supervisorId: this.id.value, messageType, error })
  }

  #restartLater(child: SupervisedProcess): void {
    const decision = child.restarts.failed(this.#host.clock.monoMs(), this.#host.chance())
    if (!decision.restart) return
    child.process.awaitsRestart = true
    const { clock } = this.#host
    const timer = pauseOn(clock, decision.delayMs, 'a restart', () => void this.#restart(child))
    child.cancelRestart = () => timer.cancel()
  }

  async #restart(child: SupervisedProcess): Promise<void> {
    const { process } = child
    child.cancelRestart = undefined
    if (process.state !== 'failed' || this.#host.closed) return
    try {
      await process.restart()
    } catch (error) {
      if (this.#children.get(process) !== child || process.getInfo().state !== 'failed') return
      this.#notifyOrReport('supervisor:child:restart:failed', child, error)
      this.#restartLater(child)
      return
    }
    child.restarts.started(this.#host.clock.monoMs())
    this.#emit('supervisor:child:restarted', { processId: process.id.value })
  }

  #forget(process: ClassicProcessImpl): void {
    const child = this.#children.get(process)
    child?.cancelRestart?.()
    child?.restarts.close()
    child?.crashes.end()
    process.supervisor = process.supervisorId = undefined
    process.awaitsRestart = false
    this.#children.delete(process)
  }

  async #stop(): Promise<void> {
    const children = [...this.#children.values()]
    this.#emit('supervisor:stopping', { childCount: children.length })
    await Promise.all(
      children.map(async (child) => {
        child.cancelRestart?.()
        try {
          await child.process.stop()
        } catch (error) {
          this.#notifyOrReport('supervisor:child:stop:error', child, error)
        }
        this.#forget(child.process)
      }),
    )
    this.#emit('supervisor:stopped')
  }
}

/**
 * Creates a supervisor of classic processes. A process that fails restarts and keeps its mailbox.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const supervisor = createSupervisor({ emit: console.log })
 * const worker = await supervisor.spawn({ handle: async (job) => job.run() })
 * await worker.send({ run: () => {} })
 * await supervisor.stop()
 * ```
 */
export function createSupervisor(options?: ClassicSupervisorOptions): ClassicSupervisor {
  const settings = checkOptions('options', options)
  known('options', settings, ['id', 'emit', 'clock', 'system'])
  if (settings.emit !== undefined) callable('options.emit', settings.emit)
  const host = hostOf(settings)
  return new ClassicSupervisorImpl(host, idOf(settings.id, host), settings.emit)
}
