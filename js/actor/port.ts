/** The runtime as its processes see it. */
import type { Clock } from '../clock/types.ts'
import type { Tracer } from '../internal/tracer.ts'
import type { Call } from './call.ts'

/** A process, as the runtime names it. */
export interface PidHolder {
  readonly pid: number
}

/** Settings of a process that is spawned. */
export interface SpawnSettings {
  readonly trapExit: boolean
  readonly maxMailbox: number
  /** 0 rejects, 1 drops the oldest, 2 drops the newest. */
  readonly overflow: number
}

/** The operations that a process asks of its runtime. */
export interface RuntimePort {
  /** The core's id of it. */
  readonly handle: number
  /** Crashes and restarts of its processes, those that have ended included. */
  crashCount: number
  restartCount: number
  /** Follows messages to their handlers, if somebody does. */
  readonly tracer: Tracer | undefined
  /** Runs a function as part of no trace. */
  outsideTraces<T>(body: () => T): T
  readonly clock: Clock
  /** Gives a process its pid. It takes messages from now on. */
  spawn(process: PidHolder, settings: SpawnSettings): void
  /** Sends a user message. */
  cast(process: PidHolder, message: unknown): void
  /** Sends a message of the runtime for `onInfo`, which goes before those of users. */
  sendSystem(process: PidHolder, message: unknown): void
  /** Sends a message for `onInfo`, in order with those of users. */
  sendInfo(process: PidHolder, message: unknown): void
  /** Sends a user message to a bounded mailbox. Returns `OFFER_QUEUED`, `OFFER_DISPLACED` or `OFFER_FULL`. */
  tryCast(process: PidHolder, message: unknown): number
  /** Sends a call. */
  sendCall(call: Call): void
  /** Settles a call: later answers are dropped. Returns false when it was settled before. */
  settle(call: Call): boolean
  /** Sends a request to stop, in order with the messages of users. */
  requestStop(process: PidHolder, request: unknown): void
  /** Notes that a process handles messages from now on. */
  started(process: PidHolder): void
  /** Notes that a process starts over in place. Its messages wait. */
  restarting(process: PidHolder): void
  /** Notes that a process takes no more messages. Those that wait are refused. */
  stopping(process: PidHolder): void
  /** Notes that a process has ended, with its `exitKind`. */
  exited(process: PidHolder): void
  /** Returns the number of user messages that wait, in the core and in JavaScript. */
  mailboxSize(process: PidHolder): number
  /** Links two processes. Returns the number of the link. */
  link(one: PidHolder, other: PidHolder): number
  /** Ends a link. Returns whether there was one. */
  unlink(link: number): boolean
  /** Monitors a process. Returns the number of the monitor. */
  monitor(watcher: PidHolder, subject: PidHolder): number
  /** Ends a monitor. Returns whether there was one. */
  demonitor(monitor: number): boolean
}
