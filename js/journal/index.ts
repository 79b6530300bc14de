/** History that is not lost: `Journal` in memory, and `openJournal` on disk. */
export type { AppendTrace } from './append-trace.ts'
export { DurableJournal } from './durable/journal.ts'
export { openJournal } from './durable/open-journal.ts'
export type {
  CompactOptions,
  Durability,
  DurableFoldOptions,
  DurableJournalEvent,
  DurableJournalOptions,
  JournalLoss,
  RecoveryReport,
  SavedSnapshot,
  SaveSnapshotOptions,
  TailOptions,
} from './durable/types.ts'
export type { Consumer, ConsumerContext, ConsumerOptions } from './durable/consumer.ts'
export type { ConsumerStatus, ParkedEntry } from './durable/follower.ts'
export { createProjection } from './durable/create-projection.ts'
export type { Projection, ProjectionOptions } from './durable/projection.ts'
export type { Apply, Upcasters } from './durable/upcast.ts'
export type {
  AppendOptions,
  BackupReport,
  ReadStreamOptions,
  StreamEntries,
  StreamsOptions,
  StreamUsage,
} from './durable/stream-types.ts'
export { JournalOverflowError, JournalReentrancyError } from './errors.ts'
export { createJournal, Journal } from './journal.ts'
export type {
  FoldOptions,
  IdGenerator,
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
