import { isJournalLockedError } from '../../journal/errors.ts'
import type { DurableJournal } from '../../journal/durable/journal.ts'
import { openDurable } from '../../journal/durable/open.ts'
import type { Durability, DurableJournalOptions } from '../../journal/durable/types.ts'
import type { System } from '../../system/system.ts'

/** What is stored of a timer. */
export interface StoredTimer {
  readonly id: string
  readonly target: string
  readonly message: unknown
  readonly fireAt: number
  readonly repeat?: number
}

/** Records that may have been overtaken before the store is made smaller. */
const MOST_OVERTAKEN = 10_000

/** Stores of this environment that are being closed: their directories are free in a moment. */
const closings = new Set<Promise<void>>()

/** A journal for one user; waits for those of this environment who are leaving it. */
async function alone<T>(path: string, options: DurableJournalOptions<T>): Promise<DurableJournal<T>> {
  for (;;) {
    try {
      return await openDurable(path, options, { exclusive: true })
    } catch (error) {
      if (!isJournalLockedError(error) || closings.size === 0) throw error
      await Promise.all(closings)
    }
  }
}

/** Timers on disk: the last record of an id is the timer, and an empty one is its end. */
export class TimerStore {
  readonly #journal: DurableJournal<StoredTimer | null>
  readonly #report: (error: unknown) => void
  /** Whose record is being written. */
  readonly #writing: { id: string }
  #overtaken = 0
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
    const journal = await alone(path, options)
    return new TimerStore(journal, writing, system)
  }

  /** The timers that have not ended, in the order in which they are due. */
  load(): StoredTimer[] {
    const timers = this.#journal.fold(
      (found, timer, { id }) => {
        if (timer === null) found.delete(id)
        else found.set(id, timer)
        return found
      },
      { initial: new Map<string, StoredTimer>() },
    )
    return [...timers.values()].toSorted((one, other) => one.fireAt - other.fireAt)
  }

  /**
   * Resolves once it is stored.
   *
   * @throws NotPlainError for a message that is no plain data (as a rejection).
   */
  async put(timer: StoredTimer): Promise<void> {
    this.#writing.id = timer.id
    await this.#journal.append(timer)
    this.#grown()
  }

  /** Resolves once its end is stored. */
  async remove(id: string): Promise<void> {
    this.#writing.id = id
    await this.#journal.append(null)
    this.#grown()
  }

  async close(): Promise<void> {
    const closing = this.#journal.close()
    closings.add(closing)
    await closing
    closings.delete(closing)
  }

  #grown(): void {
    this.#overtaken++
    if (this.#overtaken < MOST_OVERTAKEN || this.#compacting) return
    this.#overtaken = 0
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
