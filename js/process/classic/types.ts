import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { Any, ProcessStatus } from '../types.ts'
import type { ProcessIdImpl } from './id.ts'

/** Anything; the seed programs switch on its `type`. */
export type Message = Any

/** What a process without state of its own does. `this` is the behaviour. */
export interface ProcessBehavior<T = Message> {
  /** Runs at each start and restart. */
  init?(): unknown
  /** Handles one message at a time. A throw fails the process. */
  handle(message: T): unknown
  /** Cleans up when the process is stopped. */
  terminate?(): unknown
}

/** Told of events, each `{ type, processId or supervisorId, timestamp, … }`; `timestamp` is wall time in ms. */
export type ClassicEmit = (event: Any) => unknown

/** What a process is about. */
export interface ProcessInfo {
  readonly id: ProcessIdImpl
  readonly state: ProcessStatus
  /** Wall time of the last start, in ms; 0 before the first. */
  readonly startedAt: number
  readonly restartCount: number
  readonly lastError: Error | undefined
}

/** A process that is started, stopped and restarted by hand or by a {@link ClassicSupervisor}. */
export interface ClassicProcess<T = Message> {
  readonly id: ProcessIdImpl
  /** `'starting'` before `start()`. */
  readonly state: ProcessStatus
  /** Runs `init`; rejects with what it throws, and the process has failed. */
  start(): Promise<void>
  /** Queues a message. Rejects unless the process runs, or waits to be restarted by its supervisor. */
  send(message: T): Promise<void>
  /** Ends it after the handler that runs; rejects with what `terminate` throws. What is queued is dropped, as events. */
  stop(): Promise<void>
  /** Runs `init` again, for a process that runs or has failed. Its mailbox is kept. */
  restart(): Promise<void>
  getInfo(): ProcessInfo
}

/** What happens to a supervised process that fails. */
export type ClassicStrategy = 'restart' | 'stop' | 'escalate'

/** Options of `createSupervisor`. */
export interface ClassicSupervisorOptions {
  readonly id?: { readonly value: string }
  readonly emit?: ClassicEmit
  /** Default: the clock of the system. */
  readonly clock?: Clock
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** Watches processes and acts when one fails. */
export interface ClassicSupervisor {
  readonly id: ProcessIdImpl
  /** Starts a process and supervises it with `'restart'`; rejects with what its `init` throws. */
  spawn<T = Message>(behavior: ProcessBehavior<T>): Promise<ClassicProcess<T>>
  /** Supervises a process, or changes how. `'restart'` waits 100 ms, doubled up to 30 s while it keeps failing. */
  supervise(process: ClassicProcess, strategy: ClassicStrategy): void
  /** Stops all children and takes no more. */
  stop(): Promise<void>
  getChildren(): ClassicProcess[]
}
