import type { Clock } from '../../clock/types.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import type { Page } from './pages.ts'
import type { SavedStates } from './states.ts'

/** A journal as its consumers, projections and persistent processes see it. */
export interface FollowedJournal<T> {
  readonly system: System
  readonly clock: Clock
  /** @throws InvalidArgumentError for a read-only journal, ClosedError for a closed one. */
  assertWritable(): void
  isClosed(): boolean
  closedError(what: string): Error
  /** Returns the sequence after the last acknowledged entry. */
  next(): number
  read(from: number, limit: number): Page<T>
  /** Resolves soon after there may be something from `next` on, or a signal is aborted; false when nothing will come. */
  wait(next: number, signal: AbortSignal): Promise<boolean>
  /** Wakes all that wait. */
  wake(): void
  /** Calls a listener when the journal begins to close. The returned function removes it. */
  onClose(listener: () => void): () => void
  /** Takes a name, for one user in this program. Returns false when another has it. */
  claim(name: string): boolean
  release(name: string): void
  /**
   * Resolves when everything that is acknowledged now is on disk, so that no position is saved of entries that a power
   * cut can take. `undefined` when it is already.
   */
  synced(): Promise<void> | undefined
  /** Returns the states that are saved beside the journal. */
  states(): Promise<SavedStates>
  report(error: unknown, origin: string, owner: ErrorOwner | undefined): void
}

/** Returns the inside of a journal. It is kept here, out of the reach of users. */
const followed = new WeakMap<object, FollowedJournal<unknown>>()

/** Makes a journal one that can be followed. */
export function follow<T>(journal: object, inside: FollowedJournal<T>): void {
  followed.set(journal, inside as FollowedJournal<unknown>)
}

/** Returns the inside of a journal; `undefined` for anything else. */
export function insideOf<T>(journal: unknown): FollowedJournal<T> | undefined {
  const isObject = typeof journal === 'object' && journal !== null
  return isObject ? (followed.get(journal) as FollowedJournal<T> | undefined) : undefined
}
