import { isJournalLockedError } from '../../journal/errors.ts'
import type { DurableJournal } from '../../journal/durable/journal.ts'
import { openDurable } from '../../journal/durable/open-journal.ts'
import type { Durability, DurableJournalOptions } from '../../journal/durable/types.ts'
import type { System } from '../../system/system.ts'

/** A timer as the journal stores it. */
export interface StoredTimer {
  readonly id: string
  readonly target: string
  readonly message: unknown
  readonly fireAt: number
  readonly repeat?: number
}

/** The number of superseded records after which the journal is compacted. */
const MAX_SUPERSEDED = 10_000

/** Stores of this environment that are closing: their directories become free in a moment. */
const closings = new Set<Promise<void>>()

/** Opens a journal that nobody else uses. Waits for stores of this environment that are closing. */
async function openExclusively<T>(path: string, options: DurableJournalOptions<T>): Promise<DurableJournal<T>> {
  for (;;) {
    try {
      return await openDurable(path, options, { exclusive: true })
    } catch (error) {
      if (!isJournalLockedError(error) || closings.size === 0) throw error
      await Promise.all(closings)
    }
  }
}

/** Keeps timers over restarts of the program. */
export interface TimerStorage {
  /** Returns the timers that have not ended, in the order in which they are due. */
  load(): StoredTimer[]
  /** Stores a timer. Resolves once that is done. */
  put(timer: StoredTimer): Promise<void>
  /** Stores the end of a timer. Resolves once that is done. */
  remove(id: string): Promise<void>
  /** Ends the store. */
  close(): Promise<void>
}

/** Keeps timers on disk: the last record of an id is the timer, and an empty record is its end. */
export class TimerStore implements TimerStorage {
  readonly #journal: DurableJournal<StoredTimer | null>
  readonly #report: (error: unknown) => void
  /** The id of the record that is being written. */
  readonly #writing: { id: string }
  #superseded = 0
  #compacting = false

  private constructor(journal: DurableJournal<StoredTimer | null>, writing: { id: string }, system: System) {
    this.#journal = journal
    this.#writing = writing
    this.#report = (error) => system.report(error, `the timers in ${journal.path}`)
  }

  static async open(path: string, durability: Durability | undefined, system: System): Promise<TimerStore> {
    const writing = { id: '' }
    const current = (): string => writing.id
    const options: DurableJournalOptions<StoredTimer | null> = {
      system,
      idGenerator: current,
      key: current,
      ...(durability === undefined ? {} : { durability }),
    }
    const journal = await openExclusively(path, options)
    return new TimerStore(journal, writing, system)
  }

  /** Returns the timers that have not ended, in the order in which they are due. */
  load(): StoredTimer[] {
    const timers = this.#journal.fold(
      (latest, timer, { id }) => {
        if (timer === null) latest.delete(id)
        else latest.set(id, timer)
        return latest
      },
      { initial: new Map<string, StoredTimer>() },
    )
    return [...timers.values()].toSorted((a, b) => a.fireAt - b.fireAt)
  }

  /**
   * Stores a timer. Resolves once that is done.
   *
   * @throws NotPlainError for a message that is no plain data (as a rejection).
   */
  async put(timer: StoredTimer): Promise<void> {
    this.#writing.id = timer.id
    await this.#journal.append(timer)
    this.#compactIfNeeded()
  }

  /** Stores the end of a timer. Resolves once that is done. */
  async remove(id: string): Promise<void> {
    this.#writing.id = id
    await this.#journal.append(null)
    this.#compactIfNeeded()
  }

  async close(): Promise<void> {
    const closing = this.#journal.close()
    closings.add(closing)
    await closing
    closings.delete(closing)
  }

  #compactIfNeeded(): void {
    this.#superseded++
    if (this.#superseded < MAX_SUPERSEDED || this.#compacting) return
    this.#superseded = 0
    this.#compacting = true
    this.#journal
      .compact({ dropTombstones: true })
      .catch((error: unknown) => {
        if (!this.#journal.closed) this.#report(error)
      })
      .finally(() => {
        this.#compacting = false
      })
  }
}
