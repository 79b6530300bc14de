import { DEAD, ENDING } from '../../actor/process.ts'
import { type ExitKind, FAILED, NORMAL, SHUTDOWN } from '../../protocol/actor.ts'
import type { ProcessRuntime } from '../../actor/runtime.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { Audit } from '../../system/audit.ts'
import type { System } from '../../system/system.ts'
import { supervisorEvents } from '../gen-server/lifecycle.ts'
import { LocalRef } from '../gen-server/local-ref.ts'
import { findProcess } from '../gen-server/ref.ts'
import { GenServerProcess } from '../gen-server/process.ts'
import type { GenServerBehavior, LifecycleEvent, TerminateReason } from '../gen-server/types.ts'
import { eventQueueOf } from './event-queue.ts'
import { Executor, type SupervisorHost } from './executor.ts'
import { SupervisorNotFoundError } from './errors.ts'
import type { SupervisorPlan } from './options.ts'
import type { SupervisorRef } from './types.ts'

/** A ref of a supervisor of this environment. */
class LocalSupervisorRef extends LocalRef {
  readonly #process: SupervisorProcess

  constructor(id: string, process: SupervisorProcess) {
    super(id, process)
    this.#process = process
  }

  get terminated(): Promise<TerminateReason> {
    return this.#process.terminated
  }
}

const notForMessages = (message: unknown): never => {
  throw new InvalidArgumentError('ref', 'a GenServerRef: a supervisor takes no messages', message)
}

/** Runs a supervisor as a process like any other: it can be linked, monitored, named, and a child. */
export class SupervisorProcess extends GenServerProcess implements SupervisorHost {
  override readonly ref: LocalRef & SupervisorRef
  readonly plan: SupervisorPlan
  /** The number of its partitions, if it is a supervisor of partitions. */
  readonly partitions: number | undefined
  readonly executor: Executor
  /** True once its children have started. */
  isReady = false
  readonly #started: Promise<void>
  #start: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  #whenStopped: (() => void) | undefined
  #terminated: Promise<TerminateReason> | undefined
  #settle: (() => void) | undefined
  #gaveUp = false
  readonly #audit: Audit | undefined

  constructor(id: string, runtime: ProcessRuntime, system: System, plan: SupervisorPlan, partitions?: number) {
    const behavior: GenServerBehavior<unknown> = {
      init: () => 0,
      handleCall: notForMessages,
      handleCast: (message, state) => {
        system.report(new InvalidArgumentError('ref', 'a GenServerRef: a supervisor takes no messages', message), id)
        return state
      },
      terminate: (reason) => this.#terminate(reason),
    }
    super(id, runtime, system, behavior, {
      startedAt: system.clock.now().wallMs,
      crashesOnCallError: false,
    })
    this.ref = new LocalSupervisorRef(id, this) as LocalRef & SupervisorRef
    this.plan = plan
    this.partitions = partitions
    if (plan.journal !== undefined) {
      this.#audit = new Audit((error, origin) => system.report(error, origin), plan.journal)
    }
    this.executor = new Executor(this, plan)
    this.#started = new Promise((resolve, reject) => {
      this.#start = { resolve, reject }
    })
    // Nobody waits for the start of a supervisor that is never launched.
    this.#started.catch(() => {})
    this.whenEnded(() => {
      if (!this.executor.stopped) this.executor.kill()
      this.#settle?.()
    })
  }

  override get isService(): boolean {
    return true
  }

  get server(): GenServerProcess {
    return this
  }

  override get className(): string {
    return 'Supervisor'
  }

  override get isSupervisor(): boolean {
    return true
  }

  /** As in OTP, giving up counts as a shutdown: a transient supervisor that gave up is not restarted. */
  override get exitKindForSupervisor(): ExitKind {
    return this.#gaveUp ? SHUTDOWN : this.exitKind
  }

  get terminated(): Promise<TerminateReason> {
    if (this.#terminated === undefined) {
      this.#terminated = new Promise((resolve, reject) => {
        this.#settle = () => {
          if (typeof this.reason === 'string') resolve(this.reason)
          else reject(this.reason.error)
        }
        if (this.status === DEAD) this.#settle()
      })
      // The promise may be looked at later, or never.
      this.#terminated.catch(() => {})
    }
    return this.#terminated
  }

  /** Starts the children. Resolves when all of them run. */
  launch(): Promise<void> {
    // From now on it takes requests to stop.
    this.runtime.started(this)
    this.executor.begin()
    return this.#started
  }

  onReady(): void {
    this.isReady = true
    this.announce()
    this.#start?.resolve()
  }

  onDecided(error: Error | undefined): void {
    if (error === undefined) {
      this.end('shutdown')
      return
    }
    this.#gaveUp = true
    if (this.status >= ENDING) {
      // A stop came first, so its reason stands. The error is sent to listeners all the same.
      this.emit({ type: 'crashed', ref: this.ref, error })
      return
    }
    const wasSupervised = this.isSupervised
    // A caller that asked for `terminated` gets the error there.
    this.isSupervised ||= this.#terminated !== undefined
    this.crash(error)
    this.isSupervised = wasSupervised
  }

  onStopped(error: Error | undefined): void {
    if (!this.isReady) {
      this.#start?.reject(error ?? new SupervisorNotFoundError(this.id, this.name))
      if (this.status < ENDING) this.abandon(error === undefined ? 'shutdown' : { error })
    }
    this.#whenStopped?.()
  }

  /** Ends at once: a supervisor has no messages to handle first. */
  override shutDown(): Promise<void> {
    return new Promise((resolve) => {
      this.whenEnded(resolve)
      this.end('shutdown')
    })
  }

  override get observedKind(): string {
    return this.partitions === undefined ? 'Supervisor' : 'PartitionSupervisor'
  }

  /** None: its progress is that of all supervisors. */
  override get observedMessages(): number {
    return 0
  }

  /** Never: its children have times of their own. */
  override get endsWithin(): number {
    return Infinity
  }

  override get progress(): number {
    return eventQueueOf(this.system).handledCount
  }

  override fireTimers(): boolean {
    return this.executor.fireTimers()
  }

  get hasEventListeners(): boolean {
    return this.#audit !== undefined || supervisorEvents.hasListeners(this.system)
  }

  emit(event: LifecycleEvent): void {
    this.#audit?.write(event, `supervisor:${event.type}`)
    supervisorEvents.notify(this.system, event)
  }

  protected override get hasListeners(): boolean {
    return this.isReady && this.hasEventListeners
  }

  protected override notify(event: LifecycleEvent): void {
    this.emit(event)
  }

  #terminate(reason: TerminateReason): Promise<void> | undefined {
    if (this.executor.stopped) return undefined
    return new Promise((resolve) => {
      this.#whenStopped = resolve
      this.executor.stop(reason === 'normal' ? NORMAL : reason === 'shutdown' ? SHUTDOWN : FAILED)
    })
  }
}

/**
 * Returns the supervisor of a ref.
 *
 * @throws InvalidArgumentError for a ref of anything else.
 */
export function supervisorOf(ref: unknown): SupervisorProcess {
  const server = findProcess(ref)
  if (server instanceof SupervisorProcess) return server
  throw new InvalidArgumentError('ref', 'a SupervisorRef of this environment', ref)
}

/**
 * Returns the supervisor of a ref, which has not ended.
 *
 * @throws SupervisorNotFoundError when it has ended.
 */
export function livingSupervisorOf(ref: unknown): SupervisorProcess {
  const process = supervisorOf(ref)
  if (process.status === DEAD) throw new SupervisorNotFoundError(process.id, process.name)
  return process
}
