import type { Consumer, DurableJournal, JournalEntry } from 'keelson/journal'
import { expect } from 'vitest'

import { same } from '../../../../support/programs.ts'
import type { Data, Log } from './log.ts'

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

/** An entry that the handler got. */
interface Got {
  readonly sequence: number
  readonly n: number
}

/** One run of a consumer, since it was started last. */
interface Run {
  /** Its checkpoint when the handler got the first entry: what comes from there on must come in this run. */
  from: number | undefined
  /** The entries that were handled or parked, in order. */
  readonly handled: Got[]
  /** The poison for which the handler failed last. */
  refused: Got | undefined
}

/** A consumer over all its runs: what it has handled, and what it must not get again. */
export class Consumed {
  readonly name: string
  readonly #kind: Kind
  /** The `n` of each entry that was handled or parked, in any run. After a kill some of them come again. */
  readonly #done = new Set<number>()
  #floor = 0
  #run: Run = { from: undefined, handled: [], refused: undefined }
  /** The assertions that failed in the handler. Thrown there, they would be taken for failures that are tried again. */
  readonly faults: string[] = []
  consumer: Consumer<Data> | undefined

  constructor(name: string) {
    this.name = name
    this.#kind = CONSUMERS[name] as Kind
  }

  /** The sequence before which nothing comes again: what was saved of its position for sure. */
  get floor(): number {
    return Math.max(this.#floor, this.consumer?.checkpoint ?? 0)
  }

  /** Starts it, if it does not run. While it is not `isWell`, its handler fails for poison. */
  start(journal: DurableJournal<Data>, isWell: boolean): void {
    if (this.consumer?.status === 'starting' || this.consumer?.status === 'running') return
    const { batchSize, checkpointEvery, parks } = this.#kind
    const run: Run = { from: undefined, handled: [], refused: undefined }
    this.#floor = this.floor
    this.#run = run
    const handle = (given: JournalEntry<Data> | readonly JournalEntry<Data>[], { attempt }: { attempt: number }) => {
      const entries = (Array.isArray(given) ? given : [given]) as readonly JournalEntry<Data>[]
      const first = entries[0]?.sequence ?? -1
      run.from ??= this.consumer?.checkpoint ?? 0
      this.#holds(entries.length <= (batchSize ?? 1), `got ${entries.length} entries`)
      // Nothing comes before what was handled, nor twice once it was.
      this.#holds(first > (run.handled.at(-1)?.sequence ?? -1), `got ${first} again`)
      this.#holds(first >= this.floor, `got ${first} below its checkpoint, ${this.floor}`)
      const poison = entries.find(({ data: { n } }) => !isWell && isPoison(n))
      if (poison !== undefined) {
        run.refused = { sequence: poison.sequence, n: poison.data.n }
        throw new Error(`poison ${poison.data.n}`)
      }
      const weak = entries.find(({ data: { n } }) => isWeak(n))
      if (weak !== undefined && attempt === 1) throw new Error(`weak ${weak.data.n}`)
      for (const entry of entries) this.#handled(run, entry)
    }
    const onParked = (entry: JournalEntry<Data>, error: unknown): void => {
      const { n } = entry.data
      // An entry of a list that failed is tried once.
      const isOwn = isPoison(n) || (batchSize !== undefined && isWeak(n))
      this.#holds(isOwn, `parked ${n}: ${(error as Error).message}`)
      this.#handled(run, entry)
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

  #holds(isRight: boolean, fault: string): void {
    if (!isRight) this.faults.push(`${this.name} ${fault}`)
  }

  #handled(run: Run, { sequence, data: { n } }: JournalEntry<Data>): void {
    this.#holds(sequence > (run.handled.at(-1)?.sequence ?? -1), `handled ${sequence} out of order`)
    run.handled.push({ sequence, n })
    this.#done.add(n)
  }

  /** Checks a consumer that has caught up, or has stopped. Returns whether it stopped. */
  check(log: Log, outcome: PromiseSettledResult<void>): boolean {
    const { consumer } = this
    const { from = consumer?.checkpoint ?? 0, handled, refused } = this.#run
    same(
      handled,
      handled.map(({ sequence }) => ({ sequence, n: log.all[sequence] })),
    )
    const known = new Set(handled.map(({ n }) => n))
    // Entries before the checkpoint were handled in a run before, and those behind it come in this one.
    const missing = log.held.filter(({ sequence, n }) => !(sequence < from ? this.#done : known).has(n))
    if (outcome.status === 'rejected') {
      const { reason } = outcome
      expect(this.#kind.parks, `${this.name} stopped: ${reason}`).toBe(false)
      expect((reason as Error).message).toBe(`poison ${refused?.n}`)
      expect(consumer).toMatchObject({ status: 'stopped', error: reason })
      const { sequence, n } = refused as Got
      // It may be gone: a limit drops entries also while the handler fails for them.
      expect(n).toBe(log.all[sequence])
      expect(
        missing.filter((entry) => entry.sequence < sequence),
        `${this.name} left out`,
      ).toEqual([])
      // Sequences before the entry can be of entries that are gone.
      expect(consumer?.nextSequence).toBeLessThanOrEqual(sequence)
      expect(consumer?.nextSequence).toBeGreaterThan(handled.at(-1)?.sequence ?? -1)
      return true
    }
    expect(missing, `${this.name} left out`).toEqual([])
    expect(consumer).toMatchObject({
      status: 'running',
      lag: 0,
      nextSequence: log.next,
      checkpoint: log.next,
    })
    return false
  }

  /** Closes it, and saves its position. */
  async close(): Promise<void> {
    await this.consumer?.close()
    this.#floor = this.floor
    this.consumer = undefined
  }

  /** Goes on in a copy of the journal. What was not saved by `floor` comes again. */
  async moveTo(floor: number): Promise<void> {
    await this.close()
    this.#floor = floor
  }
}
