import type { Instant } from '../clock/instant.ts'
import type { Clock, DeadlineTarget } from '../clock/types.ts'
import type { ErrorOwner } from '../internal/report-error.ts'
import type { System } from '../system/system.ts'

/** What was appended, with its place and time. Frozen; `data` is what was given. */
export interface JournalEntry<T> {
  readonly id: string
  /** 0 for the first entry, and one more for each later one, also after `clear()`. */
  readonly sequence: number
  readonly timestamp: Instant
  readonly data: T
}

/** Makes ids: non-empty strings, each another. */
export type IdGenerator = () => string

/** Which entries to read, and how. */
export interface ReadOptions {
  /** The first sequence. Default: the first there is. */
  readonly from?: number
  /** The last sequence, itself included. Default: the last there is. */
  readonly to?: number
  /** How many at most. Default: all. */
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

/** Makes the next state from the last one and an entry. */
export type Reducer<S, T> = (state: S, data: T, entry: JournalEntry<T>) => S

/** A journal at one moment: later appends, drops and `clear()` do not change it. Costs what is read from it. */
export interface JournalSnapshot<T> {
  /** The sequence of the first entry; the next one to come when there are none. */
  readonly firstSequence: number
  /** The sequence of the last entry; one less than `firstSequence` when there are none. */
  readonly lastSequence: number
  readonly totalCount: number
  /** When it was taken. */
  readonly timestamp: Instant
  /** All entries as a frozen array, made when it is first read. To read a few, use {@link from}. */
  readonly entries: readonly JournalEntry<T>[]
  /** The entries from a sequence on, one at a time. */
  from(sequence: number, options?: Omit<ReadOptions, 'from'>): Iterable<JournalEntry<T>>
}

/** What happens when a bounded journal is full: the oldest entry goes, or the append is refused. */
export type JournalOverflow = 'none' | 'bounded:drop_oldest' | 'bounded:error'

/** What a journal tells its `emit`. `at` is when it happened. */
export type JournalEvent =
  | { type: 'journal:create'; journalId: string; at: Instant }
  | { type: 'journal:append'; id: string; seq: number; size: number; at: Instant }
  | { type: 'journal:subscriber:error'; seq: number; id: string; error: unknown; at: Instant }
  | { type: 'journal:clear'; previousSize: number; at: Instant }
  | { type: 'journal:overflow'; policy: JournalOverflow; maxEntries: number; droppedCount?: number; at: Instant }

/** Makes what `toJSON` gives out of data, and data out of that. */
export interface JournalSerializer<T> {
  serialize(data: T): unknown
  deserialize(stored: unknown): T
}

/** Options of a journal in memory. */
export interface JournalOptions<T> {
  /** Where its time comes from. Default: the clock of the system. */
  readonly clock?: Clock
  /** Default: the default system of this environment. */
  readonly system?: System
  /** Makes ids; the first is the journal's own. Default: a random one, and for entries that with the sequence. */
  readonly idGenerator?: IdGenerator
  /** Told of every event, on the stack of the caller. Its own errors go to `onError`. */
  readonly emit?: (event: JournalEvent) => void
  /** How many entries it holds: an integer from 1. Counts only with a bounded `overflow`. Default: no bound. */
  readonly maxEntries?: number
  /** What happens at `maxEntries`. Default `'none'`: it grows. */
  readonly overflow?: JournalOverflow
  /** For `toJSON` and `fromJSON`. Default: data as it is. */
  readonly serializer?: JournalSerializer<T>
  /**
   * Whether data that is appended is frozen, all the way down (records and arrays, not instances of classes), so that
   * history cannot be edited. Default true.
   */
  readonly freeze?: boolean
  /** Owns errors of `emit`, and of subscribers when there is no `emit` to tell. Default: the owner of the system. */
  readonly onError?: ErrorOwner
}

/** What `toJSON` gives and `fromJSON` takes. */
export interface SerializedJournal {
  readonly entries: readonly {
    readonly id: string
    readonly sequence: number
    readonly timestamp: { readonly wallMs: number; readonly monoMs: number }
    readonly data: unknown
  }[]
  readonly nextSequence: number
  readonly journalId?: string
  readonly createdAt?: { readonly wallMs: number; readonly monoMs: number }
}
