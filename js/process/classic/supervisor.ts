import { pauseOn } from '../../clock/internal-timers.ts'
import { CrashReports, messageTypeOf } from '../../actor/crash-reports.ts'
import { callable, isA, known, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { ProcessError } from '../errors.ts'
import { type Host, hostOf } from '../host.ts'
import { Restarts } from '../restarts.ts'
import { Teller } from '../event-listeners.ts'
import type { ProcessIdImpl } from './id.ts'
import { checkBehavior, Classic, idOf } from './process.ts'
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

interface Child {
  readonly process: Classic
  readonly strategy: ClassicStrategy
  readonly restarts: Restarts
  readonly crashes: CrashReports
  cancelRestart: (() => void) | undefined
}

class SupervisorImpl implements ClassicSupervisor {
  readonly id: ProcessIdImpl
  readonly #host: Host
  readonly #teller: Teller<unknown>
  readonly #children: Map<ClassicProcess, Child> = new Map()
  #stopping: Promise<void> | undefined

  constructor(host: Host, id: ProcessIdImpl, emit: ClassicEmit | undefined) {
    this.#host = host
    this.id = id
    this.#teller = new Teller(emit, host)
    this.#emit('supervisor:created')
  }

  async spawn<T = Message>(behavior: ProcessBehavior<T>): Promise<ClassicProcess<T>> {
    const checked = checkBehavior(behavior)
    if (this.#stopping !== undefined) {
      throw new ProcessError('Cannot spawn process: supervisor is stopped', this.id.value)
    }
    const process = new Classic(checked, this.#host, idOf(undefined, this.#host), this.#teller.emit)
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
    if (!isA(process, Classic)) {
      throw new InvalidArgumentError('process', 'what createProcess or spawn made', process)
    }
    if (!STRATEGIES.includes(strategy)) {
      throw new InvalidArgumentError('strategy', `one of ${STRATEGIES.join(', ')}`, strategy)
    }
    this.#forget(process)
    const restarts = new Restarts({ type: 'one-for-one', backoff: BACKOFF })
    const crashes = new CrashReports(this.#host.clock, this.#host.crashReports)
    const child: Child = { process, strategy, restarts, crashes, cancelRestart: undefined }
    if (process.state === 'running') restarts.started(this.#host.clock.monoMs())
    this.#children.set(process, child)
    process.supervisor = (error, message) => this.#act(child, error, message)
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
    if (!this.#teller.observed) return
    this.#teller.tell({ type, supervisorId: this.id.value, ...fields, timestamp: this.#host.clock.now().wallMs })
  }

  /** An event, or, where nobody listens, the system's to report. */
  #tell(type: string, child: Child, error: unknown): void {
    if (!this.#teller.observed) this.#host.report(error, `process ${child.process.id.value}`)
    else this.#emit(type, { processId: child.process.id.value, error })
  }

  #act(child: Child, error: Error, message: unknown): void {
    const processId = child.process.id.value
    const { strategy } = child
    this.#emit('supervisor:child:failed', { processId, strategy, error })
    if (strategy === 'restart') {
      this.#tellCrash(child, error, message)
      this.#restartLater(child)
      return
    }
    this.#forget(child.process)
    if (strategy === 'escalate') {
      // There is nobody above: whoever listens decides, or the system hears of it.
      this.#tell('supervisor:escalate', child, error)
      return
    }
    if (!this.#teller.observed) this.#host.report(error, `process ${processId}`)
    child.process.stop().then(
      () => this.#emit('supervisor:child:stopped', { processId }),
      (failure: unknown) => this.#tell('supervisor:child:stop:error', child, failure),
    )
  }

  #tellCrash({ crashes, process }: Child, error: Error, message: unknown): void {
    if (this.#host.isConsequence(error)) return
    const { value: processId } = process.id
    const messageType = messageTypeOf(message)
    crashes.tell({ processId, name: undefined, childId: undefined, supervisorId: this.id.value, messageType, error })
  }

  #restartLater(child: Child): void {
    const verdict = child.restarts.failed(this.#host.clock.monoMs(), this.#host.chance())
    if (!verdict.restart) return
    child.process.awaitsRestart = true
    const { clock } = this.#host
    const timer = pauseOn(clock, verdict.delayMs, 'a restart', () => void this.#restart(child))
    child.cancelRestart = () => timer.cancel()
  }

  async #restart(child: Child): Promise<void> {
    const { process } = child
    child.cancelRestart = undefined
    if (process.state !== 'failed' || this.#host.closed) return
    try {
      await process.restart()
    } catch (error) {
      if (this.#children.get(process) !== child || process.getInfo().state !== 'failed') return
      this.#tell('supervisor:child:restart:failed', child, error)
      this.#restartLater(child)
      return
    }
    child.restarts.started(this.#host.clock.monoMs())
    this.#emit('supervisor:child:restarted', { processId: process.id.value })
  }

  #forget(process: Classic): void {
    const child = this.#children.get(process)
    child?.cancelRestart?.()
    child?.restarts.close()
    child?.crashes.end()
    process.supervisor = undefined
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
          this.#tell('supervisor:child:stop:error', child, error)
        }
        this.#forget(child.process)
      }),
    )
    this.#emit('supervisor:stopped')
  }
}

/**
 * Makes a supervisor of processes without state: one that fails is restarted, with its mailbox.
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
  const given = checkOptions('options', options)
  known('options', given, ['id', 'emit', 'clock', 'system'])
  if (given.emit !== undefined) callable('options.emit', given.emit)
  const host = hostOf(given)
  return new SupervisorImpl(host, idOf(given.id, host), given.emit)
}
