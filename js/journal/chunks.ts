import { instant } from '../clock/instant.ts'
import type { JournalEntry } from './types.ts'

const LARGEST_CHUNK = 1024
const SMALLEST_CHUNK = 16

/** A range of entries that stays as it is, whatever happens to the journal. */
export interface Range<T> {
  readonly first: number
  /** The sequence after the last. */
  readonly next: number
  at(sequence: number): JournalEntry<T>
}

/**
 * A run of entries, only ever added to; by column once it is settled. An entry is several objects and a string, and the
 * collector would copy and trace all of them for each of a million; what makes it up is a reference and two numbers.
 */
class Chunk<T> {
  /** The entries themselves, while the chunk is one of the newest. */
  #entries: JournalEntry<T>[] | undefined = []
  #data: readonly T[] = []
  #wallMs: readonly number[] = []
  #monoMs: readonly number[] = []
  /** Only where ids are not made from the sequence. */
  #ids: readonly string[] = []
  #hasIds = false
  count = 0

  push(entry: JournalEntry<T>, ownId: boolean): void {
    ;(this.#entries as JournalEntry<T>[]).push(entry)
    this.count++
    if (ownId) this.#hasIds = true
  }

  at(place: number, sequence: number, prefix: string): JournalEntry<T> {
    const entry = this.#entries?.[place]
    if (entry !== undefined) return entry
    return Object.freeze({
      id: this.#ids[place] ?? idOf(prefix, sequence),
      sequence,
      timestamp: instant(this.#wallMs[place] as number, this.#monoMs[place] as number),
      data: this.#data[place] as T,
    })
  }

  /** Keeps what makes the entries up, and lets them go. */
  settle(): void {
    const entries = this.#entries
    if (entries === undefined) return
    this.#data = entries.map(({ data }) => data)
    this.#wallMs = entries.map(({ timestamp }) => timestamp.wallMs)
    this.#monoMs = entries.map(({ timestamp }) => timestamp.monoMs)
    if (this.#hasIds) this.#ids = entries.map(({ id }) => id)
    this.#entries = undefined
  }
}

/** The id of an entry that has none of its own. */
export const idOf = (prefix: string, sequence: number): string => `${prefix}-${sequence}`

/**
 * Entries in chunks. Appending, dropping the oldest and reading one cost the same at any size, and a range that was
 * taken costs one reference a chunk and needs no copy of entries.
 */
export class Chunks<T> {
  readonly #prefix: string
  readonly #size: number
  #chunks: Chunk<T>[] = []
  #last: Chunk<T> | undefined
  /** The sequence of the first place of the first chunk; entries before `first` in it are dropped ones. */
  #base: number
  first: number
  next: number

  /**
   * @param prefix Of ids that are made from the sequence.
   * @param next The first sequence.
   * @param bound How many entries it will hold at most; a chunk of dropped ones is kept until it is all dropped.
   */
  constructor(prefix: string, next: number, bound: number) {
    this.#prefix = prefix
    this.#size = Math.min(Math.max(2 ** Math.floor(Math.log2(bound / 8)), SMALLEST_CHUNK), LARGEST_CHUNK)
    this.#base = next
    this.first = next
    this.next = next
  }

  get count(): number {
    return this.next - this.first
  }

  /** @param ownId Whether the entry's id is not the one made from its sequence. */
  push(entry: JournalEntry<T>, ownId: boolean): void {
    let last = this.#last
    if (last === undefined || last.count === this.#size) {
      this.#chunks.at(-2)?.settle()
      this.#last = last = new Chunk<T>()
      this.#chunks.push(last)
    }
    last.push(entry, ownId)
    this.next++
  }

  dropFirst(): void {
    this.first++
    if (this.first - this.#base < this.#size) return
    this.#chunks.shift()
    this.#base += this.#size
  }

  clear(): void {
    this.#chunks = []
    this.#last = undefined
    this.#base = this.next
    this.first = this.next
  }

  at(sequence: number): JournalEntry<T> | undefined {
    if (!(Number.isInteger(sequence) && sequence >= this.first && sequence < this.next)) return undefined
    const place = sequence - this.#base
    const chunk = this.#chunks[Math.floor(place / this.#size)] as Chunk<T>
    return chunk.at(place % this.#size, sequence, this.#prefix)
  }

  range(): Range<T> {
    const chunks = [...this.#chunks]
    const base = this.#base
    const size = this.#size
    const prefix = this.#prefix
    return {
      first: this.first,
      next: this.next,
      at: (sequence) => {
        const place = sequence - base
        return (chunks[Math.floor(place / size)] as Chunk<T>).at(place % size, sequence, prefix)
      },
    }
  }
}
