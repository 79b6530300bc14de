import type { Instant } from '../clock/instant.ts'
import type { Clock, DeadlineTarget } from '../clock/types.ts'
import type { ErrorOwner } from '../internal/report-error.ts'
import type { System } from '../system/system.ts'

/** An appended entry with its place and time. Frozen; `data` is the value that was appended. */
export interface JournalEntry<T> {
  /** The id from `idGenerator`. */
  readonly id: string
  /** 0 for the first entry, and one more for each later one, also after `clear()`. */
  readonly sequence: number
  /** The time of the append. */
  readonly timestamp: Instant
  /** The value that was appended. */
  readonly data: T
  /** The stream of the entry. Absent for an entry without one; journals in memory have none. */
  readonly stream?: string
  /**
   * The place of the entry in its stream: 0 for the first. The version of the stream after it is one more. Absent for
   * an entry without a stream.
   */
  readonly position?: number
}

/** Makes ids: non-empty strings, each another. */
export type IdGenerator = () => string

/** Options of a read: the entries, their number and order. */
export interface ReadOptions {
  /** The first sequence. Default: the first there is. */
  readonly from?: number
  /** The last sequence, itself included. Default: the last there is. */
  readonly to?: number
  /** The most entries. Default: all. */
  readonly limit?: number
  /** From the last to the first. Default false. */
  readonly reverse?: boolean
}

/** Options of `fold`. */
export interface FoldOptions<S> {
  /** The state before the first entry. Default `undefined`, which a default parameter of the reducer can catch. */
  readonly initial?: S
  /**
   * The last sequence to apply, itself included; or a time: entries are applied up to the first one whose wall time
   * is later. Default: all.
   */
  readonly upTo?: number | DeadlineTarget
}

/**
 * Returns the next state, from the state so far and the data of an entry. `fold` calls it once for each entry, in
 * sequence, and throws what it throws.
 */
export type Reducer<S, T> = (state: S, data: T, entry: JournalEntry<T>) => S

/** A journal at one moment: later appends, drops and `clear()` do not change it. Costs what is read from it. */
export interface JournalSnapshot<T> {
  /** The sequence of the first entry; the next one to come when there are none. */
  readonly firstSequence: number
  /** The sequence of the last entry; one less than `firstSequence` when there are none. */
  readonly lastSequence: number
  /** The number of entries. */
  readonly totalCount: number
  /** The time of the snapshot. */
  readonly timestamp: Instant
  /** All entries as a frozen array, made when it is first read. To read a few, use {@link from}. */
  readonly entries: readonly JournalEntry<T>[]
  /** Returns the entries from a sequence on, one at a time. */
  from(sequence: number, options?: Omit<ReadOptions, 'from'>): Iterable<JournalEntry<T>>
}

/** The behaviour of a full journal: it grows, drops the oldest entry, or refuses the append. */
export type JournalOverflow = 'none' | 'bounded:drop_oldest' | 'bounded:error'

/**
 * An event that a journal passes to its `emit`. `at` is the time of the event.
 *
 * - `journal:create`: a journal in memory was created.
 * - `journal:append`: an entry was appended; `seq` is its sequence, and `size` the number of entries then.
 * - `journal:subscriber:error`: a subscriber threw, or rejected with, `error` for the entry `seq`.
 * - `journal:clear`: all entries were dropped, `previousSize` in number.
 * - `journal:overflow`: the journal was full. It dropped its `droppedCount` oldest entries for the next one, or refused
 *   the append; then there is no `droppedCount`.
 */
export type JournalEvent =
  | { type: 'journal:create'; journalId: string; at: Instant }
  | { type: 'journal:append'; id: string; seq: number; size: number; at: Instant }
  | { type: 'journal:subscriber:error'; seq: number; id: string; error: unknown; at: Instant }
  | { type: 'journal:clear'; previousSize: number; at: Instant }
  | { type: 'journal:overflow'; policy: JournalOverflow; maxEntries: number; droppedCount?: number; at: Instant }

/** Converts data for `toJSON`, and back for `fromJSON`. */
export interface JournalSerializer<T> {
  /** Returns a value that JSON can hold. */
  serialize(data: T): unknown
  /** Returns the data of such a value. */
  deserialize(stored: unknown): T
}

/** Options of a journal in memory. */
export interface JournalOptions<T> {
  /** The clock. Default: that of the system. */
  readonly clock?: Clock
  /** Default: the default system of this environment. */
  readonly system?: System
  /** Makes ids; the first is the journal's own. Default: a random one, and for entries that with the sequence. */
  readonly idGenerator?: IdGenerator
  /** Receives every event, on the stack of the caller. What it throws goes to `onError`. */
  readonly emit?: (event: JournalEvent) => void
  /** The most entries it holds: an integer from 1. Counts only with a bounded `overflow`. Default: no bound. */
  readonly maxEntries?: number
  /** The behaviour at `maxEntries`. Default `'none'`: the journal grows. */
  readonly overflow?: JournalOverflow
  /** For `toJSON` and `fromJSON`. Default: data as it is. */
  readonly serializer?: JournalSerializer<T>
  /**
   * Freezes appended data all the way down (records and arrays, not instances of classes), so that history cannot be
   * edited. Default true.
   */
  readonly freeze?: boolean
  /** Owns errors of `emit`, and of subscribers when there is no `emit` to tell. Default: the owner of the system. */
  readonly onError?: ErrorOwner
}

/** The form that `toJSON` returns and `fromJSON` takes. */
export interface SerializedJournal {
  /** The entries, oldest first. */
  readonly entries: readonly {
    readonly id: string
    readonly sequence: number
    readonly timestamp: { readonly wallMs: number; readonly monoMs: number }
    readonly data: unknown
  }[]
  /** The sequence of the next append. */
  readonly nextSequence: number
  /** The id of the journal. */
  readonly journalId?: string
  /** The time of its creation. */
  readonly createdAt?: { readonly wallMs: number; readonly monoMs: number }
}
