import { AsyncResource } from 'node:async_hooks'

import type { Backlog } from './backlog.ts'
import { outsideEffects } from '../internal/ambient-fiber.ts'
import type { Call, EndSource } from './call.ts'
import type { HandlerTrace } from './handler-trace.ts'
import { ServerNotRunningError } from './errors.ts'
import { MailboxLimit } from './mailbox-limit.ts'
import type { TraceTarget } from '../internal/tracer.ts'
import type { RuntimePort, SpawnSettings } from './port.ts'
import { processFeed } from './process-feed.ts'
import type { System } from '../system/system.ts'
import { type ExitKind, NORMAL, OVERFLOW_DROP_OLDEST, UNBOUNDED } from '../protocol/actor.ts'
import { NONE } from '../protocol/lane.ts'

export const STARTING = 0
export const RUNNING = 1
export const ENDING = 2
export const DEAD = 3
/** The word for each status in tables. */
const STATUS_NAMES = ['starting', 'running', 'stopping', 'stopped'] as const
export type RunStatus = typeof STARTING | typeof RUNNING | typeof ENDING | typeof DEAD

/** The place of a process among the children of a supervisor. It stays the same over restarts. */
export interface Placement {
  /** The id of the supervisor. */
  readonly supervisorId: string
  readonly childId: string
  /** Restarts of the child, over all its processes. */
  readonly restartCount: number
  /** Crashes of the child, over all its processes. */
  readonly crashCount: number
}

/** The outcome of a handler: `undefined` when it has ended, or a promise that never rejects while it goes on. */
export type HandlerResult = PromiseLike<void> | undefined

/**
 * A process as the runtime drives it. Subclasses (GenServer, `keelson/process` …) say what its messages do. A handler
 * returns `undefined` when it has ended, or a promise that never rejects while it goes on: subclasses handle errors
 * inside.
 */
export abstract class Process implements EndSource, TraceTarget {
  readonly runtime: RuntimePort
  /**
   * The asynchronous context in which it was started. Its handlers run there, whoever sends. It is part of no effect,
   * since the process outlives one.
   */
  readonly scope: AsyncResource = outsideEffects(
    () => new AsyncResource('keelson.process', { requireManualDestroy: true }),
  )
  /** The core's id of it. */
  pid: number = NONE
  status: RunStatus = STARTING
  /** The bound of its mailbox, if it has one. */
  mailboxLimit: MailboxLimit | undefined
  /** True while a handler has not ended. */
  busy = false
  /** Messages that were handed out while a handler had not ended. */
  backlog: Backlog | undefined
  /** The call whose handler runs. */
  running: Call | undefined
  /** Calls that are answered later. */
  deferred: Set<Call> | undefined
  exitKind: ExitKind = NORMAL
  /** True if its handlers go on after an `await`: their calls are tracked then. */
  isAsync = false
  /** The number of runs of its handlers. */
  runs = 0
  /** The trace of the handler that runs, if handlers are traced. */
  trace: HandlerTrace | undefined
  /** True if handlers run in the context of the code that sent the message. */
  usesCallerContext = false
  /** True if it only hands messages on to handlers that are traced themselves, or runs work of whoever started it. */
  isCarrier = false
  #endListeners: Set<() => void> | undefined
  #placement: Placement | undefined

  constructor(runtime: RuntimePort) {
    this.runtime = runtime
  }

  /** Sets the bound of the mailbox, and what gives way beyond it. */
  limitMailbox({ maxMailbox, overflow }: SpawnSettings): void {
    if (maxMailbox !== UNBOUNDED) this.mailboxLimit = new MailboxLimit(maxMailbox, overflow === OVERFLOW_DROP_OLDEST)
  }

  /** Its place in the tree, if a supervisor has adopted it. */
  get placement(): Placement | undefined {
    return this.#placement
  }

  set placement(placement: Placement | undefined) {
    this.#placement = placement
    processFeed.changed?.(this)
  }

  onEnd(listener: () => void): () => void {
    const entry = (): void => listener()
    ;(this.#endListeners ??= new Set()).add(entry)
    return () => void this.#endListeners?.delete(entry)
  }

  /** Calls the listeners of {@link onEnd}, once. */
  notifyEnd(): void {
    const listeners = this.#endListeners
    this.#endListeners = undefined
    for (const listener of listeners ?? []) listener()
  }

  endError(): Error {
    return new ServerNotRunningError(this.id)
  }

  /** Called before a handler whose calls are tracked. Returns the run as the subclass keeps it. */
  enter(): object | undefined {
    return undefined
  }

  /** The id in errors and events. */
  abstract get id(): string
  /** The process as users know it. */
  abstract get publicRef(): object
  /** Its name, if it has one. */
  abstract get publicName(): string | undefined
  /** A name that it shares with processes of the same behaviour. */
  abstract get className(): string
  /** The system of the process; `undefined` for one that was given a clock alone. */
  abstract get system(): System | undefined

  /** The name for people. */
  get label(): string {
    return this.id
  }

  abstract onCast(message: unknown): HandlerResult
  abstract onCall(call: Call): HandlerResult
  abstract onInfo(message: unknown): HandlerResult
  /** Called when a request to stop has reached the head of its mailbox. */
  abstract onStop(request: unknown): void
  /** Called when the core ends it, because of a linked process. */
  abstract onTerminate(kind: ExitKind, becauseOf: Process | undefined): void
  /** Called for a message that will not be handled. */
  abstract onDropped(kind: number, message: unknown): void
  /** Called when a monitored process has ended. */
  abstract onDown(monitor: number, ended: Process | undefined): void
  /** Called when a linked process has ended, if it traps exits. */
  abstract onExitSignal(link: number, ended: Process | undefined): void
  /** Returns the error of a call that fails before its handler has begun. */
  abstract callError(call: Call, failure: number): Error

  /** True if another process ends it: its supervisor, its parent. */
  abstract get isOwned(): boolean
  /** Asks it to end because its system closes. Resolves when it has ended; never rejects. */
  abstract shutDown(): Promise<void>
  /** Ends it at once. */
  abstract kill(): void

  /** Fails at once, as by an error that it does not handle; whoever supervises it sees a crash. */
  fault(_error: Error): void {
    this.kill()
  }

  /** The longest time that it may take to end when its system closes, in ms. */
  get endsWithin(): number {
    return 5000
  }

  /** A number that changes while it makes progress. */
  get progress(): number {
    return 0
  }

  /** True for a process with a row in another table than that of processes: a supervisor, a cache, a bus. */
  get isService(): boolean {
    return false
  }

  /** What observers see of it. None of it runs user code. */
  get observedKind(): string {
    return 'Process'
  }

  get observedStatus(): string {
    return STATUS_NAMES[this.status]
  }

  /** The number of messages that it has handled. */
  get observedMessages(): number {
    return this.progress
  }

  /** The wall time of its start, in ms; 0 if it is not known. */
  get observedStart(): number {
    return 0
  }

  get observedRestarts(): number {
    return this.placement?.restartCount ?? 0
  }

  get observedCrashes(): number {
    return this.placement?.crashCount ?? 0
  }

  /** The id of its supervisor, or of its parent; empty if it has none. */
  get observedParent(): string {
    return this.placement?.supervisorId ?? ''
  }

  /** Makes the timers that it waits for due now. Returns false when it waits for none. */
  fireTimers(): boolean {
    return false
  }
}
