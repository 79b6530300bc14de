/** History that is not lost: `Journal` in memory. */
export { createJournal, Journal } from './journal.ts'
export type {
  FoldOptions,
  JournalEntry,
  JournalEvent,
  JournalOptions,
  JournalOverflow,
  JournalSerializer,
  JournalSnapshot,
  ReadOptions,
  Reducer,
  SerializedJournal,
} from './types.ts'
