import { lazy } from '../../internal/lazy.ts'
import type { DurableJournal } from './journal.ts'
import type * as OpenModule from './open.ts'
import type { DurableJournalOptions } from './types.ts'

const opener = lazy(() => require('./open.ts') as typeof OpenModule)

/**
 * Opens a journal on disk, in a directory of its own that is made when it is missing. Everything in it is read and
 * checked, away from the event loop. An unacknowledged tail that a crash tore is cut and reported (`recovery`).
 *
 * Rejects, and writes nothing, with
 * - InvalidArgumentError: an option, or a writer option that differs from what this process has the journal open with;
 * - JournalLockedError: somebody else writes to it (`readOnly: true` reads beside it);
 * - JournalFormatError: the directory is another program's, or of a newer version;
 * - JournalCorruptError: acknowledged data is damaged (`salvage: true` leaves it out);
 * - JournalIoError: the operating system refused.
 *
 * @example
 * ```ts
 * await using journal = await openJournal<{ type: string }>('./data/orders')
 * const { sequence } = await journal.append({ type: 'placed' }) // on disk now
 * ```
 */
export function openJournal<T = unknown>(path: string, options?: DurableJournalOptions<T>): Promise<DurableJournal<T>> {
  return openDurable(path, options, {})
}

/** @internal The same, for those who may want it for themselves. */
export const openDurable: typeof OpenModule.openDurable = async (path, options, mode) =>
  opener().openDurable(path, options, mode)
