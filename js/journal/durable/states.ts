import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { AnotherJournal } from './another.ts'
import type { DurableJournalOptions } from './types.ts'

/** The directory of saved states, within that of the journal. */
export const STATES = 'states'
/** Returns whether a directory has files. Saved states have none yet while they are opened for the first time. */
export function hasFiles(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0
}

/** Bytes of segments at which states that were replaced are dropped for the first time. */
const COMPACT_FROM = 4 << 20

interface SavedState {
  readonly name: string
  /** Absent for a state that was removed. */
  readonly state?: unknown
}

/** What {@link SavedStates} needs of the journal that it belongs to. */
export interface StatesOwner {
  readonly path: string
  readonly system: System
  readonly clock: Clock
  readonly mode: number | undefined
  open(path: string, options: DurableJournalOptions<SavedState>): Promise<AnotherJournal<SavedState>>
}

/**
 * States by name, beside a journal: checkpoints, snapshots and projections. Each is one entry of a journal of its own
 * in the directory `states`. So a state is on disk when its promise resolves, and is the old or the new after a crash.
 */
export class SavedStates {
  readonly #journal: AnotherJournal<SavedState>
  readonly #system: System
  #compactAt: number
  #compacting: Promise<unknown> | undefined

  private constructor(journal: AnotherJournal<SavedState>, system: System) {
    this.#journal = journal
    this.#system = system
    this.#compactAt = Math.max(COMPACT_FROM, 2 * journal.usage().bytes)
  }

  static async open({ path, system, clock, mode, open }: StatesOwner): Promise<SavedStates> {
    const journal = await open(join(path, STATES), {
      system,
      clock,
      segmentBytes: 1 << 20,
      key: ({ name }) => name,
      ...(mode === undefined ? {} : { mode }),
    })
    return new SavedStates(journal, system)
  }

  /** Returns the state of a name, or `undefined`. */
  get(name: string): unknown {
    const [last] = this.#journal.readStream(name, { backwards: true, limit: 1 })
    return last?.data.state
  }

  /** Saves a state. Rejects with NotPlainError when it cannot be stored, and as `append`. */
  async set(name: string, state: unknown): Promise<void> {
    await this.#journal.append({ name, state }, { stream: name })
    this.#compactSometimes()
  }

  /** Removes the state of a name. */
  async remove(name: string): Promise<void> {
    if (this.#journal.streamVersion(name) > 0) await this.#journal.append({ name }, { stream: name })
  }

  /** Drops the states that were replaced, also those that were replaced a moment ago. */
  async compact(): Promise<void> {
    await this.#compacting
    await this.#journal.compact()
  }

  backup(directory: string): Promise<unknown> {
    return this.#journal.backup(directory)
  }

  async close(): Promise<void> {
    await this.#compacting
    await this.#journal.close()
  }

  #compactSometimes(): void {
    if (this.#compacting !== undefined || this.#journal.closed || this.#journal.usage().bytes < this.#compactAt) return
    this.#compacting = this.#journal
      .compact()
      .then(() => {
        if (!this.#journal.closed) this.#compactAt = Math.max(COMPACT_FROM, 2 * this.#journal.usage().bytes)
      })
      .catch((error: unknown) => {
        if (!this.#journal.closed) this.#system.report(error, 'the compaction of saved states')
      })
      .finally(() => {
        this.#compacting = undefined
      })
  }
}
