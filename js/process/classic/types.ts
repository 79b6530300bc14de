/**
 * Types of the classic interface. Kept because programs written for it use them; new code uses `createRootSupervisor`.
 */
import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { Any, ProcessStatus } from '../types.ts'
import type { ProcessIdImpl } from './id.ts'

/** A message: any value. Programs usually switch on its `type`. */
export type Message = Any

/** The callbacks of a classic process. `this` is the behaviour. */
export interface ProcessBehavior<T = Message> {
  /** Runs at each start and restart. */
  init?(): unknown
  /** Handles one message at a time. A throw fails the process. */
  handle(message: T): unknown
  /** Cleans up when the process is stopped. */
  terminate?(): unknown
}

/** Receives events, each `{ type, processId or supervisorId, timestamp, … }`; `timestamp` is wall time in ms. */
export type ClassicEmit = (event: Any) => unknown

/** A snapshot of a classic process. */
export interface ProcessInfo {
  /** The id of the process. */
  readonly id: ProcessIdImpl
  /** The status of the process. */
  readonly state: ProcessStatus
  /** Wall time of the last start, in ms; 0 before the first. */
  readonly startedAt: number
  /** The number of restarts. */
  readonly restartCount: number
  /** The error of its last failure. */
  readonly lastError: Error | undefined
}

/** A process that is started, stopped and restarted by hand or by a {@link ClassicSupervisor}. */
export interface ClassicProcess<T = Message> {
  /** The id of the process. */
  readonly id: ProcessIdImpl
  /** `'starting'` before `start()`. */
  readonly state: ProcessStatus
  /** Runs `init`; rejects with what it throws, and the process has failed. */
  start(): Promise<void>
  /** Queues a message. Rejects unless the process runs, or waits to be restarted by its supervisor. */
  send(message: T): Promise<void>
  /**
   * Ends the process after the handler that runs. Rejects with what `terminate` throws. Queued messages are dropped and
   * become events.
   */
  stop(): Promise<void>
  /** Runs `init` again, for a process that runs or has failed. Its mailbox is kept. */
  restart(): Promise<void>
  /** Returns a snapshot of the process. */
  getInfo(): ProcessInfo
}

/** Decides about a supervised process that fails: it restarts, it stops, or the failure goes to the listener. */
export type ClassicStrategy = 'restart' | 'stop' | 'escalate'

/** Options of `createSupervisor`. */
export interface ClassicSupervisorOptions {
  /** The id of the supervisor. Default: a new one. */
  readonly id?: { readonly value: string }
  /**
   * Receives the events of the supervisor and its processes. Default: no listener; failures go to the system's
   * `onError`.
   */
  readonly emit?: ClassicEmit
  /** The clock of the processes. Default: the clock of the system. */
  readonly clock?: Clock
  /** The system of the processes. Default: the default system of this environment. */
  readonly system?: System
}

/** Supervises classic processes and acts when one fails. */
export interface ClassicSupervisor {
  /** The id of the supervisor. */
  readonly id: ProcessIdImpl
  /** Starts a process and supervises it with `'restart'`. Rejects with what its `init` throws. */
  spawn<T = Message>(behavior: ProcessBehavior<T>): Promise<ClassicProcess<T>>
  /**
   * Supervises a process, or changes its strategy. `'restart'` waits 100 ms, doubled up to 30 s while it keeps failing.
   */
  supervise(process: ClassicProcess, strategy: ClassicStrategy): void
  /** Stops all children and spawns no more. */
  stop(): Promise<void>
  /** Returns the processes that it supervises. */
  getChildren(): ClassicProcess[]
}
