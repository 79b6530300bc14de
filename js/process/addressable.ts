import type { Call } from '../actor/call.ts'
import { Process } from '../actor/process.ts'
import { Belongings } from './pending-work.ts'
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
import { ProcessError, TimeoutError } from './errors.ts'
import { type CustomEvent, type Emit, msgTypeOf, type ProcessEvent } from './event-emitter.ts'
import type { Host } from './host.ts'
import type { ProcessId, StopReason } from './ids.ts'
import { mayGoOn } from './handler-run.ts'
import { Teller } from './event-listeners.ts'
import type { ProcessSpec, ProcessStatus } from './types.ts'

/** The side of a process that others see: what it takes, what it refuses, and what it tells. */
export abstract class Addressee extends Process {
  readonly id: ProcessId
  readonly spec: ProcessSpec
  readonly host: Host
  readonly teller: Teller<ProcessEvent | CustomEvent>
  readonly belongings: Belongings
  phase: ProcessStatus = 'starting'
  /** What it failed of last. */
  failure: unknown

  constructor(host: Host, spec: ProcessSpec, emit: Emit | undefined) {
    super(host.runtime)
    // Most handlers go on after an await, the first one too.
    this.isAsync = mayGoOn(spec.handle)
    this.id = host.id()
    this.host = host
    this.spec = spec
    this.teller = new Teller(emit, host)
    this.belongings = new Belongings(host.clock)
    this.runtime.spawn(this, {
      trapExit: false,
      maxMailbox: spec.maxInbox ?? 1024,
      overflow: spec.mailboxPolicy === 'drop-oldest' ? OVERFLOW_DROP_OLDEST : OVERFLOW_REJECT,
    })
  }

  /** Ends it; resolves when it has ended. */
  abstract end(reason: StopReason): Promise<void>

  /** Whether it can be sent to. */
  get takesMail(): boolean {
    return this.phase === 'starting' || this.phase === 'running'
  }

  emit(event: ProcessEvent): void {
    this.teller.tell(event)
  }

  send(message: unknown): boolean {
    if (!this.takesMail) return false
    const offer = this.runtime.offer(this, message)
    if (offer === OFFER_FULL) this.#full()
    if (offer >= OFFER_FULL) return false
    this.noteQueued()
    return true
  }

  noteQueued(): void {
    if (!this.teller.observed) return
    this.emit({ type: 'process:mailbox:enqueue', id: this.id, size: this.runtime.mailboxSize(this) })
  }

  /** A message of its own that is due; one that finds no room has no sender to tell. */
  deliver(message: unknown): void {
    if (this.send(message) || !this.takesMail) return
    const error = new ProcessError('Mailbox full: a scheduled message is dropped', this.id)
    const msgType = msgTypeOf(message)
    this.teller.tellFailure({ type: 'process:schedule:dropped', id: this.id, msgType }, error, this.label)
  }

  get label(): string {
    return `process ${this.spec.name}`
  }

  onStop(): void {}

  onDropped(kind: number, message: unknown): void {
    if (kind === STOP || kind === CALL) return
    if (this.takesMail) this.#full()
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

  /** What an ask is told that comes too late. */
  endError(): ProcessError {
    if (this.phase === 'stopping') return new ProcessError('Process stopping', this.id)
    return new ProcessError('Failed to send ask message', this.id, this.failure ?? new Error('the process has ended'))
  }

  #full(): void {
    if (!this.teller.observed) return
    const { maxInbox: size = 1024, mailboxPolicy: policy = 'reject' } = this.spec
    this.emit({ type: 'process:mailbox:full', id: this.id, policy, size })
  }
}
