import { TraceChannel } from '../internal/trace-channel.ts'
import type { JournalEntry } from './types.ts'

/** The context object of the tracing channel `keelson:journal.append`. */
export interface AppendTrace {
  /** The journal: a `Journal`, or a `DurableJournal`. */
  readonly journal: object
  /** The data of the entries, in order. */
  readonly data: readonly unknown[]
  /** The entry, or the entries of an `appendMany`. */
  result?: JournalEntry<unknown> | readonly JournalEntry<unknown>[]
  /** The error of the append, once it has failed. */
  error?: unknown
}

/** An operation is an append, until its entries are in memory or acknowledged. */
export const appends: TraceChannel<AppendTrace> = new TraceChannel('keelson:journal.append')
