import type { Instant } from '../../clock/instant.ts'
import type { Clock } from '../../clock/types.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import type { FoldOptions, JournalEvent, JournalOverflow, JournalSerializer } from '../types.ts'

/**
 * When an append is acknowledged, that is, when its promise resolves.
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
  /** Where it began, in bytes. */
  readonly offset: number
  /** How much it was. */
  readonly bytes: number
  /** What was wrong there. */
  readonly reason: string
}

/** What opening found. */
export interface RecoveryReport {
  /** Entries that are there. */
  readonly entries: number
  /** Bytes that were read and checked. */
  readonly bytes: number
  /** Whether the writer before had closed the journal. */
  readonly clean: boolean
  /** What was left out: an unacknowledged tail that a crash tore, or, with `salvage`, damage. */
  readonly dropped: readonly JournalLoss[]
}

/** What a durable journal tells its `emit`, besides what every journal tells. */
export type DurableJournalEvent =
  | JournalEvent
  | { type: 'journal:recovered'; path: string; report: RecoveryReport; at: Instant }
  | { type: 'journal:retained'; droppedCount: number; at: Instant }
  | { type: 'journal:compacted'; droppedCount: number; at: Instant }
  | { type: 'journal:closed'; error?: unknown; at: Instant }

/** Options of {@link openJournal}. */
export interface DurableJournalOptions<T> {
  /** Where its time comes from. Default: the clock of the system. */
  readonly clock?: Clock
  /** The journal closes with it. Default: the default system of this environment. */
  readonly system?: System
  /** When an append is acknowledged. Default `'sync'`. */
  readonly durability?: Durability
  /** Reads only, beside a writer, also of another process: takes no lock and writes nothing. Default false. */
  readonly readOnly?: boolean
  /** Leaves damaged ranges out and reports them, instead of refusing to open. Default false. */
  readonly salvage?: boolean
  /** Makes the ids of entries, which are stored. Default: the sequence as text, which costs nothing. */
  readonly idGenerator?: () => string
  /** The key by which `compact()` compares; an entry with a key and the data `null` removes it. Default: no keys. */
  readonly key?: (data: T) => string | undefined
  /** Told of every event. Its own errors go to `onError`. */
  readonly emit?: (event: DurableJournalEvent) => void
  /** How many entries are kept: an integer from 1. Default: all. */
  readonly maxEntries?: number
  /** What happens at `maxEntries`. Default, with `maxEntries`: `'bounded:drop_oldest'`. */
  readonly overflow?: JournalOverflow
  /** How many bytes of segments are kept: an integer from 8192. Whole segments go, the oldest first. Default: all. */
  readonly maxBytes?: number
  /**
   * How old entries may get, in ms. Whole segments go, an eighth of this late at most. While it is open, jumps of the wall
   * clock make nothing older or younger; while it is closed, wall time counts. Default: any age.
   */
  readonly maxAgeMs?: number
  /** The largest record, encoded, in bytes. Default 16 MiB. */
  readonly maxRecordBytes?: number
  /** The size in bytes at which a segment file is ended: 4096 to 2^30. Default 64 MiB. */
  readonly segmentBytes?: number
  /**
   * Permissions of the files it makes, as of `chmod`, less the process's `umask`: the owner must read and write. A directory
   * that it makes can be entered by whoever may read the files. Not on Windows. Default 0o600: the owner alone.
   */
  readonly mode?: number
  /** How often a read-only journal looks for news, in ms. Default 100. */
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
  /** How many entries are read at once: 1 to 65536. Default 256. */
  readonly pageSize?: number
}

/** Options of `fold` on disk. */
export interface DurableFoldOptions<S> extends FoldOptions<S> {
  /**
   * Begins with the newest saved state that can be used, and then `initial` is not used; where entries between that and what
   * is held are gone, it throws JournalGapError. Default false.
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
  readonly state: S
}

/** Options of `compact`. */
export interface CompactOptions {
  /** Whether entries that removed a key go too. Default false. */
  readonly dropTombstones?: boolean
}
