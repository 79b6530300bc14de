import type { Instant } from '../../clock/instant.ts'
import type { DurableJournal } from '../../journal/durable/journal.ts'
import type { Apply, Upcasters } from '../../journal/durable/upcast.ts'

/**
 * An event in the life of a persistent process. `at` is the time of the event.
 *
 * - `persist:recovered`: the process has its state again, from `events` events of its stream, and a snapshot of `from`
 *   events unless that is 0.
 * - `persist:snapshot:saved`: a snapshot of so many events (`version`) is on disk.
 * - `persist:snapshot:ignored`: the saved snapshot could not be used, for this `reason`. Events are read instead.
 * - `persist:snapshot:failed`: a snapshot could not be saved. The process goes on without.
 */
export type PersistEvent =
  | { type: 'persist:recovered'; stream: string; version: number; events: number; from: number; at: Instant }
  | { type: 'persist:snapshot:saved'; stream: string; version: number; at: Instant }
  | { type: 'persist:snapshot:ignored'; stream: string; reason: string; at: Instant }
  | { type: 'persist:snapshot:failed'; stream: string; error: unknown; at: Instant }

/** Options of the snapshots of a persistent process. */
export interface PersistSnapshotOptions {
  /** A snapshot is saved after so many events: from 1. */
  readonly every: number
}

/** The option `persist` of `GenServer.start`: the state of the process is what the events of a stream make of it. */
export interface PersistOptions<State, Event> {
  /** The journal, open to be written. Use `durability: 'sync'`, the default, so that replies survive a power cut. */
  readonly journal: DurableJournal
  /** The stream of the process. One process at a time has it; a second one does not start. */
  readonly stream: string
  /** Makes the state before the first event. */
  readonly init: () => State
  /**
   * Returns the next state, at once: a function, or a function for each `type` of event. It runs for new events and
   * when the process starts. So it must not keep time, chance or anything else from outside. It must not change a state
   * in place: a snapshot of it may still be written. `undefined` stands for an event of an unknown type.
   */
  readonly apply: Apply<State, Event>
  /** The version of `init` and `apply`. A snapshot of another version is not used. Default 1. */
  readonly version?: number
  /** Brings events of earlier versions up to date before `apply` gets them. Default: events as they are. */
  readonly upcast?: Upcasters
  /** Saves snapshots, so that a start reads fewer events. Needs a state of plain data. Default: none. */
  readonly snapshot?: PersistSnapshotOptions
  /** Leaves the state as it is for an event of an unknown type, instead of failing. Default false. */
  readonly ignoreUnknown?: boolean
  /** Receives events of recovery and snapshots. What it throws goes to the owner of the system. */
  readonly emit?: (event: PersistEvent) => void
}
