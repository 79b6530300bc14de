import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { AnotherJournal } from './another.ts'
import type { Handle } from './handle.ts'
import type { Pages } from './pages.ts'
import type { DurableJournalOptions, RecoveryReport } from './types.ts'

/** What `openJournal` hands over to the journal that it makes. */
export interface OpenedJournal<T> {
  readonly path: string
  readonly report: RecoveryReport
  readonly options: DurableJournalOptions<T>
  readonly system: System
  readonly clock: Clock
  readonly id: number
  readonly level: number
  readonly pages: Pages<T>
  /** Nothing when it is read only. */
  readonly handle: Handle | undefined
  /** False when another journal closes it. */
  readonly closesWithSystem: boolean
  /** Opens another journal, as {@link openJournal} does. */
  readonly open: <U>(path: string, options: DurableJournalOptions<U>) => Promise<AnotherJournal<U>>
}
