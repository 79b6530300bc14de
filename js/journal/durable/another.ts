import type { JournalEntry } from '../types.ts'
import type { AppendOptions, BackupReport, ReadStreamOptions, StreamEntries } from './stream-types.ts'

/** A journal that another journal opens for itself. */
export interface AnotherJournal<T> extends AsyncDisposable {
  readonly closed: boolean
  append(data: T, options: AppendOptions): Promise<JournalEntry<T>>
  readStream(stream: string, options: ReadStreamOptions): StreamEntries<T>
  streamVersion(stream: string): number
  usage(): { readonly bytes: number }
  compact(): Promise<number>
  backup(directory: string): Promise<BackupReport>
  close(): Promise<void>
}
