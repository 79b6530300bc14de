import { AsyncResource } from 'node:async_hooks'
import type { Backlog } from './backlog.ts'
import { outsideEffects } from '../effect/fiber/ambient.ts'
import type { Call } from './call.ts'
import type { Driver, SpawnSettings } from './port.ts'

import { type ExitKind, NORMAL, OVERFLOW_DROP_OLDEST, UNBOUNDED } from '../protocol/actor.ts'
import { NONE } from '../protocol/lane.ts'

export const STARTING = 0
export const RUNNING = 1
export const ENDING = 2
export const DEAD = 3
export type ProcessStatus = typeof STARTING | typeof RUNNING | typeof ENDING | typeof DEAD

/** The outcome of a handler: `undefined` when it has ended, or a promise that never rejects while it goes on. */
export type HandlerResult = PromiseLike<void> | undefined

/**
 * One process, as the runtime drives it; a face (GenServer, Process …) says what its messages do. A handler returns
 * `undefined` when it has ended, or a promise that never rejects when it takes longer: errors are handled inside.
 */
export abstract class Process {
  readonly runtime: Driver
  /** The asynchronous context in which it was started; its handlers run there, whoever sends; as part of no effect, since it outlives one. */
  readonly scope: AsyncResource = outsideEffects(
    () => new AsyncResource('keelson.process', { requireManualDestroy: true }),
  )
  /** The core's name for it. */
  pid: number = NONE
  status: ProcessStatus = STARTING
  /** User messages it may have queued. */
  bound: number = Infinity
  isBounded = false
  /** User messages that it can be sent before its mailbox is full; counted where there is a bound. */
  room: number = Infinity
  /** The oldest message goes when there is no room, and not the new one. */
  dropsOldest = false
  /** A handler has not ended. */
  busy = false
  /** What was handed out for it while a handler had not ended. */
  backlog: Backlog | undefined
  /** The call whose handler runs. */
  running: Call | undefined
  /** Calls that will be answered later. */
  deferred: Set<Call> | undefined
  exitKind: ExitKind = NORMAL
  /** Its handlers go on after an await: what they call then has to be known as theirs. */
  isAsync = false
  /** Counts the runs of its handlers. */
  runs = 0

  constructor(runtime: Driver) {
    this.runtime = runtime
  }

  /** What its mailbox may hold, and what goes when there is more. */
  limit({ maxMailbox, overflow }: SpawnSettings): void {
    this.dropsOldest = overflow === OVERFLOW_DROP_OLDEST
    if (maxMailbox === UNBOUNDED) return
    this.isBounded = true
    this.bound = this.room = maxMailbox
  }

  /** A handler of it begins whose callees are to be known; what its face keeps of that run. */
  enter(): object | undefined {
    return undefined
  }

  /** What errors and events call it. */
  abstract get id(): string
  abstract onCast(message: unknown): HandlerResult
  abstract onCall(call: Call): HandlerResult
  abstract onInfo(message: unknown): HandlerResult
  /** A request to stop has reached the head of its mailbox. */
  abstract onStop(request: unknown): void
  /** The core ends it. */
  abstract onTerminate(kind: ExitKind, becauseOf: Process | undefined): void
  /** A message of it will not be handled. */
  abstract onDropped(kind: number, message: unknown): void
  /** A monitored process ended. */
  abstract onDown(monitor: number, ended: Process | undefined): void
  /** A linked process ended, and it traps exits. */
  abstract onExitSignal(link: number, ended: Process | undefined): void
  /** The error for a call that fails without having been handled. */
  abstract callError(call: Call, failure: number): Error

  /** Whether another process ends it: its supervisor, its parent. */
  abstract get isOwned(): boolean
  /** Its system closes: asks it to end. Resolves when it has; never rejects. */
  abstract shutDown(): Promise<void>
  /** Ends it now. */
  abstract kill(): void

  /** How long it may take to end as its system closes, in ms. */
  get endsWithin(): number {
    return 5000
  }

  /** Changes as it gets on. */
  get progress(): number {
    return 0
  }

  /** What it waits for in time is due; false when it waits for no time. */
  hurry(): boolean {
    return false
  }
}
