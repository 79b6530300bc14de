import type { Clock } from '../clock/types.ts'
import type { Call } from './call.ts'

/** A process, as far as whoever drives it needs to name it. */
export interface Driven {
  readonly pid: number
}

/** How a process is spawned. */
export interface SpawnSettings {
  readonly trapExit: boolean
  readonly maxMailbox: number
  /** 0 rejects, 1 drops the oldest, 2 drops the newest. */
  readonly overflow: number
}

/** What a process can ask of the runtime that drives it. */
export interface Driver {
  readonly clock: Clock
  /** Gives a process its pid; it can be sent to from now on. */
  spawn(process: Driven, settings: SpawnSettings): void
  cast(process: Driven, message: unknown): void
  /** A message that does not come from a user: it goes before those that do. */
  inform(process: Driven, message: unknown): void
  /** A message for `onInfo`, in order with the others. */
  info(process: Driven, message: unknown): void
  /** Sends to a bounded mailbox; what became of it. */
  offer(process: Driven, message: unknown): number
  /** Sends a call. */
  open(call: Call): void
  /** Ends a call for its caller: whoever answers next is too late. Whether it was in time. */
  settle(call: Call): boolean
  requestStop(process: Driven, request: unknown): void
  started(process: Driven): void
  /** It starts over in place; its mail waits. */
  restarting(process: Driven): void
  /** Its mail goes back, and no more is taken. */
  stopping(process: Driven): void
  exited(process: Driven): void
  /** How many messages of users wait, wherever they do. */
  mailboxSize(process: Driven): number
  link(one: Driven, other: Driven): number
  unlink(link: number): boolean
  monitor(watcher: Driven, subject: Driven): number
  demonitor(monitor: number): boolean
}
