/** Runs a program on a journal in memory and on a list of entries that is kept by hand. */
import {
  createControlledClock,
  createSystem,
  isJournalOverflowError,
  isJournalReentrancyError,
  Journal,
  type JournalSnapshot,
} from 'keelson'

import { type Reach, same } from '../../support/programs.ts'
import { thrown } from '../../support/rejection.ts'
import type { Op, Program } from './program.ts'

interface Kept {
  readonly sequence: number
  readonly data: number
  readonly wallMs: number
}

/** Appends in a row: now and then more than one grant of the core has. */
const manyOf = (n: number): number => (n === 31 ? 1100 : n)

class Run {
  readonly #program: Program
  readonly #reach: Reach
  readonly #clock = createControlledClock()
  readonly #system = createSystem({ clock: this.#clock, seed: 1 })
  #journal: Journal<number>
  #list: Kept[] = []
  #next = 0
  #ids = 0
  /** The operation of the generator of ids at its next call. */
  #atNextId: (() => void) | undefined
  readonly #seen: number[] = []
  readonly #expected: number[] = []
  readonly #snapshots: [JournalSnapshot<number>, readonly Kept[]][] = []

  constructor(program: Program, reach: Reach) {
    this.#program = program
    this.#reach = reach
    this.#journal = this.#watched(new Journal<number>(this.#options()))
  }

  run(): void {
    for (const op of this.#program.ops) {
      this.#step(op)
      this.#check()
    }
    for (const [snapshot, list] of this.#snapshots) {
      same(
        snapshot.entries.map(({ sequence }) => sequence),
        list.map(({ sequence }) => sequence),
      )
    }
    this.#reach.program(this.#program.ops.map(({ kind }) => kind))
  }

  #options(): ConstructorParameters<typeof Journal<number>>[0] {
    const { maxEntries, overflow, named } = this.#program
    const idGenerator = (): string => {
      const act = this.#atNextId
      this.#atNextId = undefined
      act?.()
      return `id-${this.#ids++}`
    }
    return { system: this.#system, maxEntries, overflow, ...(named ? { idGenerator } : {}) }
  }

  #watched(journal: Journal<number>): Journal<number> {
    journal.subscribe(({ sequence }) => {
      this.#seen.push(sequence)
      // Errors take time.
      if (sequence % 64 === 0) same(isJournalReentrancyError(thrown(() => journal.append(-1))), true)
    })
    return journal
  }

  #step({ kind, n }: Op): void {
    switch (kind) {
      case 'append':
        return this.#append(n)
      case 'appendMany':
        for (let count = 0; count < manyOf(n); count++) this.#append(count)
        return
      case 'clear':
        this.#journal.clear()
        this.#list = []
        return
      case 'time':
        return this.#clock.advanceBy(n)
      case 'snapshot':
        this.#snapshots.push([this.#journal.getSnapshot(), [...this.#list]])
        return
      case 'restore':
        this.#journal = this.#watched(Journal.fromJSON(this.#journal.toJSON(), this.#options()))
        return
      case 'reenter':
        this.#nested(
          () => this.#journal.clear(),
          () => (this.#list = []),
        )
        return this.#append(n)
      case 'failing':
        return this.#failing(n)
      case 'nested':
        this.#nested(() => this.#append(100))
        return this.#append(n)
      default:
        return this.#read(n)
    }
  }

  /** Runs code of the user at the next append, where there is any. */
  #nested(act: () => void, then: () => void = () => {}): void {
    if (!this.#program.named) return
    this.#atNextId = () => {
      act()
      then()
    }
  }

  #append(data: number): void {
    const { maxEntries, overflow } = this.#program
    const isFull = overflow !== 'none' && this.#list.length >= maxEntries
    if (isFull && overflow === 'bounded:error') {
      this.#reach.fault('refused')
      this.#atNextId = undefined
      same(isJournalOverflowError(thrown(() => this.#journal.append(data))), true)
      return
    }
    const result = thrown(() => this.#journal.append(data)) as { returned: { sequence: number } }
    if (isJournalOverflowError(result)) {
      // A nested append took the last place.
      same(this.#list.length, maxEntries)
      return
    }
    if (this.#list.length >= maxEntries && overflow === 'bounded:drop_oldest') this.#list.shift()
    if (result.returned.sequence !== this.#next) same(result.returned.sequence, this.#next)
    this.#expected.push(this.#next)
    this.#list.push({ sequence: this.#next++, data, wallMs: this.#clock.now().wallMs })
  }

  /** An append whose generator of ids throws appends nothing. */
  #failing(data: number): void {
    if (!this.#program.named) return
    const failure = new Error('no id')
    this.#atNextId = () => {
      throw failure
    }
    const error = thrown(() => this.#journal.append(data))
    this.#atNextId = undefined
    if (!isJournalOverflowError(error)) same(error, failure)
  }

  #read(n: number): void {
    const from = this.#next - n
    const wanted = this.#list.filter(({ sequence }) => sequence >= from)
    const entries = [...this.#journal.entries({ from: Math.max(from, 0) })]
    same(
      entries.map(({ sequence, data, timestamp }) => ({ sequence, data, wallMs: timestamp.wallMs })),
      wanted,
    )
  }

  #check(): void {
    const journal = this.#journal
    same(
      [journal.size(), journal.nextSequence, journal.getFirst()?.sequence, journal.getLast()?.data],
      [this.#list.length, this.#next, this.#list[0]?.sequence, this.#list.at(-1)?.data],
    )
    same(this.#seen.length, this.#expected.length)
    same(this.#seen.at(-1), this.#expected.at(-1))
  }
}

export const run = (program: Program, reach: Reach): void => new Run(program, reach).run()
