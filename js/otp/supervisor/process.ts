import { DEAD, ENDING } from '../../actor/process.ts'
import { type ExitKind, FAILED, NORMAL, SHUTDOWN } from '../../actor/protocol.ts'
import type { ActorRuntime } from '../../actor/runtime.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { Listeners } from '../../internal/listeners.ts'
import type { System } from '../../system/system.ts'
import { LocalRef } from '../gen-server/local-ref.ts'
import { serverIn } from '../gen-server/ref.ts'
import { Server } from '../gen-server/process.ts'
import type { GenServerBehavior, LifecycleEvent, LifecycleHandler, TerminateReason } from '../gen-server/types.ts'
import { agendaOf } from './event-queue.ts'
import { Driver, type Host } from './executor.ts'
import { SupervisorNotFoundError } from './errors.ts'
import type { Plan } from './options.ts'
import type { SupervisorRef } from './types.ts'

const listeners = new WeakMap<System, Listeners<LifecycleEvent>>()

/** Tells of each event of a system's supervisors. Returns a function that ends it. */
export function onSupervisorLifecycle(system: System, handler: LifecycleHandler): () => void {
  let own = listeners.get(system)
  if (own === undefined) {
    own = new Listeners('handler', (error) => system.report(error, 'a lifecycle handler'))
    listeners.set(system, own)
  }
  return own.add(handler)
}

/** The ref of a supervisor of this environment. */
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

/** A supervisor is a process like any other: it can be linked, monitored, named, and a child. */
export class SupervisorProcess extends Server implements Host {
  override readonly ref: LocalRef & SupervisorRef
  readonly plan: Plan
  /** How many partitions it has, if its children are those. */
  readonly partitions: number | undefined
  readonly driver: Driver
  /** Its children were started. */
  isReady = false
  readonly #started: Promise<void>
  #start: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  #whenStopped: (() => void) | undefined
  #terminated: Promise<TerminateReason> | undefined
  #settle: (() => void) | undefined
  #gaveUp = false

  constructor(id: string, runtime: ActorRuntime, system: System, plan: Plan, partitions?: number) {
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
      maxMailbox: Infinity,
      crashesOnCallError: false,
    })
    this.ref = new LocalSupervisorRef(id, this) as LocalRef & SupervisorRef
    this.plan = plan
    this.partitions = partitions
    this.driver = new Driver(this, plan)
    this.#started = new Promise((resolve, reject) => {
      this.#start = { resolve, reject }
    })
    // One that is not begun has nobody who waits for it.
    this.#started.catch(() => {})
    this.whenEnded(() => {
      if (!this.driver.stopped) this.driver.kill()
      this.#settle?.()
    })
  }

  get server(): Server {
    return this
  }

  override get supervises(): boolean {
    return true
  }

  /** Giving up is a quiet reason, as in OTP: a transient supervisor that gave up is not started again. */
  override get exitForParent(): ExitKind {
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
      // Who asked may look at it later, or never.
      this.#terminated.catch(() => {})
    }
    return this.#terminated
  }

  /** Starts the children; resolves when all of them run. */
  launch(): Promise<void> {
    // It takes requests to stop from now on.
    this.runtime.started(this)
    this.driver.begin()
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
      // A stop came first; its reason stands, and the error is told all the same.
      this.inform({ type: 'crashed', ref: this.ref, error })
      return
    }
    const wasSupervised = this.isSupervised
    // Who asked for `terminated` hears of it there.
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

  /** Without waiting for its turn: it has no mail. */
  override shutDown(): Promise<void> {
    return new Promise((resolve) => {
      this.whenEnded(resolve)
      this.end('shutdown')
    })
  }

  /** Its children have times of their own. */
  override get endsWithin(): number {
    return Infinity
  }

  override get progress(): number {
    return agendaOf(this.system).carriedOut
  }

  override hurry(): boolean {
    return this.driver.hurry()
  }

  get listens(): boolean {
    return (listeners.get(this.system)?.size ?? 0) > 0
  }

  inform(event: LifecycleEvent): void {
    listeners.get(this.system)?.tell(event)
  }

  protected override get isWatched(): boolean {
    return this.isReady && this.listens
  }

  protected override tell(event: LifecycleEvent): void {
    this.inform(event)
  }

  #terminate(reason: TerminateReason): Promise<void> | undefined {
    if (this.driver.stopped) return undefined
    return new Promise((resolve) => {
      this.#whenStopped = resolve
      this.driver.stop(reason === 'normal' ? NORMAL : reason === 'shutdown' ? SHUTDOWN : FAILED)
    })
  }
}

/** The supervisor a ref names. */
export function supervisorOf(ref: unknown): SupervisorProcess {
  const server = serverIn(ref)
  if (server instanceof SupervisorProcess) return server
  throw new InvalidArgumentError('ref', 'a SupervisorRef of this environment', ref)
}

/** The same, of one that has not ended. */
export function livingSupervisorOf(ref: unknown): SupervisorProcess {
  const process = supervisorOf(ref)
  if (process.status === DEAD) throw new SupervisorNotFoundError(process.id, process.name)
  return process
}
