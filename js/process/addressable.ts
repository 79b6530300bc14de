import type { Call } from '../actor/call.ts'
import { CastInContext } from '../actor/caller-context.ts'
import { DEAD, ENDING, Process, RUNNING, STARTING } from '../actor/process.ts'
import {
  CALL,
  CYCLE,
  FULL,
  OFFER_FULL,
  OVERFLOW_DROP_OLDEST,
  OVERFLOW_REJECT,
  STOP,
  TIMED_OUT,
} from '../protocol/actor.ts'
import { PendingWork } from './pending-work.ts'
import { ProcessError, TimeoutError } from './errors.ts'
import { type CustomEvent, type Emit, msgTypeOf, type ProcessEvent } from './events.ts'
import type { ProcessHost } from './host.ts'
import type { ProcessId, StopReason } from './ids.ts'
import { mayBeAsync } from './handler-run.ts'
import { wallMsOf } from '../clock/observed-time.ts'
import { EventNotifier } from './event-notifier.ts'
import type { ProcessJournal, ProcessRef, ProcessSpec, ProcessStatus } from './types.ts'
import type { System } from '../system/system.ts'
import { classNameOf } from '../internal/class-name.ts'

/** The user's word for each status of the runtime, for a process that has not failed for good. */
const PHASES = { [STARTING]: 'starting', [RUNNING]: 'running', [ENDING]: 'stopping', [DEAD]: 'stopped' } as const

/**
 * A process as others see it: it takes messages or refuses them, and sends events. How messages are handled is in
 * {@link StatefulProcess}.
 */
export abstract class Addressable extends Process {
  readonly id: ProcessId
  readonly spec: ProcessSpec
  readonly host: ProcessHost
  readonly notifier: EventNotifier<ProcessEvent | CustomEvent>
  readonly pendingWork: PendingWork
  /** The error of its last failure. */
  failure: unknown
  /** The wall time of its first start, in ms. */
  readonly #startedAt: number
  /** The numbers of its restarts and of its failures. */
  protected restartTotal = 0
  protected failureTotal = 0
  /** True once it has failed for good: it does not restart. */
  protected hasFailed = false

  constructor(host: ProcessHost, spec: ProcessSpec, emit: Emit | undefined, journal: ProcessJournal | undefined) {
    super(host.runtime)
    // Until its first runs show otherwise, a handler counts as asynchronous.
    this.isAsync = mayBeAsync(spec.handle)
    this.id = host.id()
    this.host = host
    this.#startedAt = wallMsOf(host.clock)
    this.spec = spec
    this.notifier = new EventNotifier(emit, host, journal)
    this.pendingWork = new PendingWork(host.clock)
    this.usesCallerContext = spec.context === 'caller'
    this.runtime.spawn(this, {
      trapExit: false,
      maxMailbox: spec.maxInbox ?? 1024,
      overflow: spec.mailboxPolicy === 'drop-oldest' ? OVERFLOW_DROP_OLDEST : OVERFLOW_REJECT,
    })
  }

  /** Its ref. Set before anything of it runs. */
  publicRef!: ProcessRef

  get system(): System | undefined {
    return this.host.system
  }

  get publicName(): string {
    return this.spec.name
  }

  get className(): string {
    return classNameOf(this.spec) ?? 'Process'
  }

  override get observedStart(): number {
    return this.#startedAt
  }

  override get observedRestarts(): number {
    return this.restartTotal
  }

  override get observedCrashes(): number {
    return this.failureTotal
  }

  /** Ends the process. Resolves when it has ended. */
  abstract end(reason: StopReason): Promise<void>

  /** True while it takes messages. */
  get takesMail(): boolean {
    return this.status <= RUNNING
  }

  get phase(): ProcessStatus {
    return this.hasFailed ? 'failed' : PHASES[this.status]
  }

  emit(event: ProcessEvent): void {
    this.notifier.notify(event)
  }

  send(message: unknown): boolean {
    if (!this.takesMail) return false
    const offer = this.runtime.tryCast(this, this.inContext(message))
    if (offer === OFFER_FULL) this.#full()
    if (offer >= OFFER_FULL) return false
    this.noteQueued()
    return true
  }

  noteQueued(): void {
    if (!this.notifier.hasListener) return
    this.emit({ type: 'process:mailbox:enqueue', id: this.id, size: this.runtime.mailboxSize(this) })
  }

  /** Returns a message as the mailbox keeps it: with the context of the code that calls this, if `handle` runs there. */
  inContext(message: unknown): unknown {
    return this.usesCallerContext && !CastInContext.has(message) ? new CastInContext(message) : message
  }

  /** Sends a scheduled message that is due. One that finds the mailbox full has no sender, so it becomes an event. */
  deliver(sent: unknown): void {
    if (this.send(sent) || !this.takesMail) return
    const message = CastInContext.has(sent) ? sent.message : sent
    const error = new ProcessError('Mailbox full: a scheduled message is dropped', this.id)
    const msgType = msgTypeOf(message)
    this.notifier.notifyFailure({ type: 'process:schedule:dropped', id: this.id, msgType }, error, this.label)
  }

  override get label(): string {
    return `process ${this.spec.name}`
  }

  onStop(): void {}

  onDropped(kind: number, sent: unknown): void {
    if (kind === STOP || kind === CALL) return
    if (this.takesMail) this.#full()
    const message = CastInContext.has(sent) ? sent.message : sent
    this.emit({ type: 'process:msg:dropped', id: this.id, msgType: msgTypeOf(message) })
  }

  onDown(): void {}

  onExitSignal(): void {}

  callError(call: Call, failure: number): Error {
    if (failure === TIMED_OUT) return new TimeoutError(`Ask timeout after ${call.timeoutMs}ms`, call.timeoutMs)
    if (failure === CYCLE) {
      return new ProcessError('An ask would wait for itself: the asked process waits for the asking one', this.id)
    }
    if (failure === FULL) {
      this.#full()
      return new ProcessError('Failed to send ask message', this.id, new Error('the mailbox is full'))
    }
    return this.phase === 'failed' ? this.endError() : new ProcessError('Process stopping', this.id)
  }

  /** Returns the error of an ask that comes too late. */
  override endError(): ProcessError {
    if (this.phase === 'stopping') return new ProcessError('Process stopping', this.id)
    return new ProcessError('Failed to send ask message', this.id, this.failure ?? new Error('the process has ended'))
  }

  #full(): void {
    if (!this.notifier.hasListener) return
    const { maxInbox: size = 1024, mailboxPolicy: policy = 'reject' } = this.spec
    this.emit({ type: 'process:mailbox:full', id: this.id, policy, size })
  }
}
