import type { Instant } from '../../clock/instant.ts'
import type { Clock } from '../../clock/types.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import type { FoldOptions, JournalEvent, JournalOverflow, JournalSerializer } from '../types.ts'

/**
 * The moment at which an append is acknowledged, that is, at which its promise resolves.
 *
 * - `'sync'`: the disk has it. It survives a power cut, on a disk that honours a sync.
 * - `'flush'`: the operating system has it. It survives the process, however that ends; it is synced within a second.
 * - `'memory'`: it was accepted. It survives an orderly end: `close()`, `process.exit`, an uncaught exception, a
 *   terminated worker; not a signal that kills the process.
 */
export type Durability = 'sync' | 'flush' | 'memory'

/** Something that opening left out. */
export interface JournalLoss {
  /** The file. */
  readonly segment: string
  /** The start of the damage, in bytes. */
  readonly offset: number
  /** Its length in bytes. */
  readonly bytes: number
  /** The kind of damage. */
  readonly reason: string
}

/** The report of recovery. */
export interface RecoveryReport {
  /** Entries that are there. */
  readonly entries: number
  /** Bytes that were read and checked. */
  readonly bytes: number
  /** The last writer had closed the journal. */
  readonly clean: boolean
  /** The parts that were left out: an unacknowledged tail that a crash tore, or, with `salvage`, damage. */
  readonly dropped: readonly JournalLoss[]
}

/**
 * An event that a durable journal passes to its `emit`: one of {@link JournalEvent}, or one of these. `at` is the time
 * of the event, and `droppedCount` a number of entries.
 *
 * - `journal:recovered`: the journal was opened; `report` says what was found on disk.
 * - `journal:retained`: `retain()` dropped entries that are past the limits of retention.
 * - `journal:compacted`: `compact()` has ended.
 * - `journal:closed`: the journal was closed; by a failure when there is an `error`.
 */
export type DurableJournalEvent =
  | JournalEvent
  | { type: 'journal:recovered'; path: string; report: RecoveryReport; at: Instant }
  | { type: 'journal:retained'; droppedCount: number; at: Instant }
  | { type: 'journal:compacted'; droppedCount: number; at: Instant }
  | { type: 'journal:closed'; error?: unknown; at: Instant }

/** Options of {@link openJournal}. */
export interface DurableJournalOptions<T> {
  /** The clock. Default: that of the system. */
  readonly clock?: Clock
  /** The journal closes with it. Default: the default system of this environment. */
  readonly system?: System
  /**
   * The level at which an append is acknowledged. Default `'sync'`. Users that share an open journal have a level each:
   * that of one weakens no promise to another.
   */
  readonly durability?: Durability
  /** Reads only, beside a writer, also of another process: takes no lock and writes nothing. Default false. */
  readonly readOnly?: boolean
  /** Leaves damaged ranges out and reports them, instead of refusing to open. Default false. */
  readonly salvage?: boolean
  /** Makes the ids of entries, which are stored. Default: the sequence as text, which costs nothing. */
  readonly idGenerator?: () => string
  /** The key by which `compact()` compares; an entry with a key and the data `null` removes it. Default: no keys. */
  readonly key?: (data: T) => string | undefined
  /** Receives every event. What it throws goes to `onError`. */
  readonly emit?: (event: DurableJournalEvent) => void
  /** The most entries that are kept: an integer from 1. Default: all. */
  readonly maxEntries?: number
  /** The behaviour at `maxEntries`. Default, with `maxEntries`: `'bounded:drop_oldest'`. */
  readonly overflow?: JournalOverflow
  /**
   * The most bytes of segments that are kept: an integer from 8192. The journal drops whole segments, the oldest first.
   * Default: all.
   */
  readonly maxBytes?: number
  /**
   * The greatest age of entries, in ms. The journal drops whole segments, at most an eighth of this late. While it is
   * open, jumps of the wall clock change no age; while it is closed, wall time counts. Default: any age.
   */
  readonly maxAgeMs?: number
  /** The largest record, encoded, in bytes. Default 16 MiB. */
  readonly maxRecordBytes?: number
  /** The size in bytes at which a segment file is ended: 4096 to 2^30. Default 64 MiB. */
  readonly segmentBytes?: number
  /**
   * Permissions of the files it makes, as of `chmod`, less the process's `umask`. The owner must be able to read and
   * write. Users who may read the files may enter a directory that the journal makes. Not on Windows. Default 0o600:
   * the owner alone.
   */
  readonly mode?: number
  /** The pause, in ms, between two looks of a read-only journal for new entries. Default 100. */
  readonly pollMs?: number
  /** Makes plain data of what is appended, and the reverse. Default: data as it is. */
  readonly serializer?: JournalSerializer<T>
  /** Owns errors of `emit`, and of subscribers when there is no `emit` to tell. Default: the owner of the system. */
  readonly onError?: ErrorOwner
}

/** Options of `tail`. */
export interface TailOptions {
  /** The first sequence. Default: what comes after the last entry that is acknowledged now. */
  readonly from?: number
  /** Ends the iteration: it throws `signal.reason`. */
  readonly signal?: AbortSignal
  /** The number of entries that are read at once: 1 to 65536. Default 256. */
  readonly pageSize?: number
}

/** Options of `fold` on disk. */
export interface DurableFoldOptions<S> extends FoldOptions<S> {
  /**
   * Begins with the newest saved state that can be used, and then `initial` is not used; where entries between that and
   * what is held are gone, it throws JournalGapError. Default false.
   */
  readonly fromSnapshot?: boolean
}

/** Options of `saveSnapshot`. */
export interface SaveSnapshotOptions {
  /** The last entry that is in the state. Default: the last one that is acknowledged now. */
  readonly sequence?: number
}

/** A saved state. */
export interface SavedSnapshot<S> {
  /** The last entry that is in the state; -1 for none. */
  readonly sequence: number
  /** Wall ms at which it was saved. */
  readonly wallMs: number
  /** The state, as it was saved. */
  readonly state: S
}

/** Options of `compact`. */
export interface CompactOptions {
  /** Drops entries that removed a key, too. Default false. */
  readonly dropTombstones?: boolean
}
