import type { Consumer, DurableJournal, JournalEntry } from 'keelson/journal'
import { expect } from 'vitest'

import type { Data, Held } from './log.ts'

/** The settings of a consumer, by its name. */
interface Kind {
  readonly batchSize?: number
  readonly checkpointEvery?: number
  readonly parks: boolean
}

export const CONSUMERS: Readonly<Record<string, Kind>> = {
  single: { parks: true },
  often: { checkpointEvery: 2, parks: true },
  batches: { batchSize: 3, parks: true },
  strict: { parks: false, checkpointEvery: 3 },
}

const isPoison = (n: number): boolean => n % 13 === 0
const isWeak = (n: number): boolean => n % 5 === 0

/** A consumer over all its runs: what it has handled, and what it must not get again. */
export class Consumed {
  readonly name: string
  readonly #kind: Kind
  /** The `n` of each entry that was handled or parked. */
  readonly done = new Set<number>()
  /** The sequence before which nothing comes again. */
  floor = 0
  consumer: Consumer<Data> | undefined
  #last = -1

  constructor(name: string) {
    this.name = name
    this.#kind = CONSUMERS[name] as Kind
  }

  /** Starts it, if it does not run. While it is not `isWell`, its handler fails for poison. */
  start(journal: DurableJournal<Data>, isWell: boolean): void {
    if (this.consumer?.status === 'starting' || this.consumer?.status === 'running') return
    const { batchSize, checkpointEvery, parks } = this.#kind
    this.#last = -1
    const handle = (given: JournalEntry<Data> | readonly JournalEntry<Data>[], { attempt }: { attempt: number }) => {
      const entries = (Array.isArray(given) ? given : [given]) as readonly JournalEntry<Data>[]
      expect(entries.length).toBeLessThanOrEqual(batchSize ?? 1)
      // Nothing comes before what was handled, nor twice once it was.
      expect(entries[0]?.sequence, `${this.name} again`).toBeGreaterThan(this.#last)
      expect(entries[0]?.sequence, `${this.name} below its checkpoint`).toBeGreaterThanOrEqual(this.floor)
      const poison = entries.find(({ data: { n } }) => !isWell && isPoison(n))
      if (poison !== undefined) throw new Error(`poison ${poison.data.n}`)
      const weak = entries.find(({ data: { n } }) => isWeak(n))
      if (weak !== undefined && attempt === 1) throw new Error(`weak ${weak.data.n}`)
      for (const entry of entries) this.#handled(entry)
    }
    const onParked = (entry: JournalEntry<Data>, error: unknown): void => {
      const { n } = entry.data
      // An entry of a list that failed is tried once.
      const isOwn = isPoison(n) || (batchSize !== undefined && isWeak(n))
      expect(isOwn, `${this.name} parked ${n}: ${(error as Error).message}`).toBe(true)
      this.#handled(entry)
    }
    this.consumer = journal.consumer(this.name, handle as never, {
      ...(batchSize !== undefined && { batchSize: batchSize as never }),
      ...(checkpointEvery !== undefined && { checkpointEvery }),
      ...(parks && { onParked }),
      retries: 2,
      retryDelayMs: 10,
      onError: () => {},
    }) as Consumer<Data>
  }

  #handled(entry: JournalEntry<Data>): void {
    expect(entry.sequence, `${this.name} out of order`).toBeGreaterThan(this.#last)
    this.#last = entry.sequence
    this.done.add(entry.data.n)
  }

  /** Checks a consumer that has caught up, or has stopped. Returns whether it stopped. */
  check(held: readonly Held[], next: number, outcome: PromiseSettledResult<void>): boolean {
    const { consumer } = this
    const missing = held.filter(({ n }) => !this.done.has(n))
    if (outcome.status === 'rejected') {
      expect(this.#kind.parks, `${this.name} stopped: ${outcome.reason}`).toBe(false)
      const [first] = missing
      expect((outcome.reason as Error).message).toBe(`poison ${first?.n}`)
      expect(consumer).toMatchObject({ status: 'stopped', error: outcome.reason })
      // Sequences before the entry can be of entries that are gone.
      expect(consumer?.nextSequence).toBeLessThanOrEqual(first?.sequence ?? -1)
      return true
    }
    expect(
      missing.map(({ n }) => n),
      `${this.name} left out`,
    ).toEqual([])
    expect(consumer).toMatchObject({ status: 'running', lag: 0, nextSequence: next, checkpoint: next })
    this.floor = next
    return false
  }

  /** Closes it. What it has handled does not come again, unless it had stopped. */
  async close(): Promise<void> {
    const { consumer } = this
    await consumer?.close()
    if (consumer?.status === 'closed') this.floor = consumer.checkpoint
    this.consumer = undefined
  }
}
