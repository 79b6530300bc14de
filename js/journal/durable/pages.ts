import { instant } from '../../clock/instant.ts'
import { ClosedError } from '../../errors/errors.ts'
import { JournalCorruptError, JournalGapError } from '../errors.ts'
import { native, type NativeJournalPage, scratch } from '../../native.ts'
import {
  PAGE_ENTRY_CELLS,
  PAGE_ENTRY_MONO,
  PAGE_ENTRY_POSITION,
  PAGE_ENTRY_SEQUENCE,
  PAGE_ENTRY_WALL,
} from '../../protocol/journal.ts'
import { revivePlain } from '../../plain/text.ts'
import type { JournalEntry, JournalSerializer } from '../types.ts'
import { errorOf } from './failure.ts'

/** Entries and bytes of payload read at once: what reading holds in memory. */
export const PAGE_ENTRIES = 512
const PAGE_BYTES = 1 << 20
/** Entries of a stream read at once: each can lie in another part of the disk. */
const STREAM_PAGE_ENTRIES = 256

/** Some entries, and where to go on. */
export interface Page<T> {
  readonly entries: readonly JournalEntry<T>[]
  readonly next: number
  /** Forwards: where the journal began when it was read. */
  readonly start: number
  /** Forwards: the sequence after the last removal of a key that compactions had dropped. */
  readonly removed: number
}

/** Reads a journal's entries from disk, a page at a time. */
export class Pages<T> {
  readonly #id: number
  readonly #level: number
  readonly #serializer: JournalSerializer<T> | undefined

  constructor(id: number, level: number, serializer: JournalSerializer<T> | undefined) {
    this.#id = id
    this.#level = level
    this.#serializer = serializer
  }

  /**
   * Returns entries from `from` to before `to`, or the last of them when `backwards`; in ascending order either way.
   */
  read(from: number, to: number, limit: number, backwards: boolean): Page<T> {
    const range = { durability: this.#level, from, to, limit, bytes: PAGE_BYTES, backwards }
    const page = native.journalRead(this.#id, range)
    if (page === null) throw new ClosedError('the journal')
    if (page.failure) throw errorOf(page.failure)
    return { entries: this.#entries(page), next: page.next, start: page.start, removed: page.removed }
  }

  /**
   * Returns entries of a stream with positions from `from` to before `to`; the last of them, in descending order, when
   * `backwards`. The `next` of the page is the position at which to go on, backwards the one to stop before.
   */
  readStream(stream: string, from: number, to: number, limit: number, backwards: boolean): Page<T> {
    const range = { durability: this.#level, from, to, limit, bytes: PAGE_BYTES, backwards }
    const page = native.journalReadStream(this.#id, stream, range)
    if (page === null) throw new ClosedError('the journal')
    if (page.failure) throw errorOf(page.failure)
    return { entries: this.#entries(page, stream), next: page.next, start: page.start, removed: 0 }
  }

  /** Pages of a stream; each is read when it is asked for. */
  *streamPages(stream: string, from: number, to: number, limit: number, backwards: boolean): Generator<Page<T>> {
    let [left, first, end] = [limit, from, to]
    while (left > 0 && first < end) {
      const page = this.readStream(stream, first, end, Math.min(left, STREAM_PAGE_ENTRIES), backwards)
      if (page.next === (backwards ? end : first)) return
      yield page
      left -= page.entries.length
      if (backwards) end = page.next
      else first = page.next
    }
  }

  /** Entries in order from `from` to before `to`; each page is read when the one before is used up. */
  *forwards(from: number, to: number, limit: number): Generator<JournalEntry<T>, void, undefined> {
    let left = limit
    for (let next = from; next < to && left > 0;) {
      const page = this.read(next, to, Math.min(left, PAGE_ENTRIES), false)
      yield* page.entries
      left -= page.entries.length
      if (page.entries.length === 0 && page.next <= next) return
      next = page.next
    }
  }

  /**
   * The same, and nothing is left out: from `from` on when `joins`, and else from the first entry on.
   *
   * @throws JournalGapError when an entry between goes before it was read, or a removal of a key that was read.
   */
  *whole(from: number, to: number, joins: boolean): Generator<JournalEntry<T>, void, undefined> {
    let checked = joins
    let known = joins ? from : -1
    for (let next = from; next < to || checked;) {
      const page = this.read(next, Math.max(next, to), PAGE_ENTRIES, false)
      if (checked && page.start > next) throw new JournalGapError(next, page.start)
      checked = false
      if (known < 0) known = page.removed
      // A compaction dropped what would have taken a key out of the state.
      if (page.removed > Math.max(known, next)) throw new JournalGapError(next, page.removed)
      yield* page.entries
      if (page.entries.length === 0 && page.next <= next) return
      next = page.next
      checked = next < to
    }
  }

  /** The same as {@link forwards} from the last to the first. */
  *backwards(from: number, to: number, limit: number): Generator<JournalEntry<T>, void, undefined> {
    let left = limit
    for (let end = to; end > from && left > 0;) {
      const page = this.read(from, end, Math.min(left, PAGE_ENTRIES), true)
      if (page.entries.length === 0) return
      yield* page.entries.toReversed()
      left -= page.entries.length
      end = page.next
    }
  }

  #entries(page: NativeJournalPage, streamOfAll?: string): JournalEntry<T>[] {
    const { text, count, ids, streams } = page
    // A serializer may call the core, which then writes to scratch.
    const numbers = page.numbers ?? scratch.slice(0, count * PAGE_ENTRY_CELLS)
    const first = numbers[PAGE_ENTRY_SEQUENCE] ?? 0
    const data = parse(text, first)
    return data.map((parsed, index) => {
      const at = index * PAGE_ENTRY_CELLS
      const sequence = numbers[at + PAGE_ENTRY_SEQUENCE] as number
      const timestamp = instant(numbers[at + PAGE_ENTRY_WALL] as number, numbers[at + PAGE_ENTRY_MONO] as number)
      const plain = revivePlain(parsed)
      const serializer = this.#serializer
      const value = (serializer === undefined ? plain : serializer.deserialize(plain)) as T
      const id = ids[index] || String(sequence)
      const stream = streamOfAll ?? streams[index]
      if (!stream) return Object.freeze({ id, sequence, timestamp, data: value })
      const position = numbers[at + PAGE_ENTRY_POSITION] as number
      return Object.freeze({ id, sequence, timestamp, data: value, stream, position })
    })
  }
}

/** The checksums held, so this is another writer's mistake, and still no reason to serve something else. */
function parse(text: string, first: number): unknown[] {
  try {
    return JSON.parse(text) as unknown[]
  } catch (error) {
    throw new JournalCorruptError('a page', first, `it holds no JSON: ${(error as Error).message}`)
  }
}
