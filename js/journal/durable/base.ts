import { callable, flag, integer, known, options as checkOptions } from '../../internal/validate.ts'
import { soon } from '../../clock/host.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { hot, native, scratch } from '../../native.ts'
import * as protocol from '../../protocol/journal.ts'
import { revivePlain } from '../../plain/text.ts'
import { fold } from '../read.ts'
import type { JournalEntry, JournalSnapshot, ReadOptions, Reducer } from '../types.ts'
import { errorOf } from './failure.ts'
import { streamName } from './append-options.ts'
import type { Page, Pages } from './pages.ts'
import type { ReadStreamOptions, StreamEntries, StreamsOptions, StreamUsage } from './stream-types.ts'
import type { DurableFoldOptions, SavedSnapshot } from './types.ts'

const LAST = Number.MAX_SAFE_INTEGER
/** Names of streams read at once. */
const STREAM_NAMES = 1000

/** The range that can be read now. */
export interface View {
  /** The first sequence. */
  readonly first: number
  /** The sequence after the last. */
  readonly next: number
  readonly count: number
  /** Bytes of all segment files. */
  readonly bytes: number
  readonly segments: number
}

/** Reads the answer of `journalView`. */
const viewOf = (count: number): View => ({
  count,
  first: scratch[protocol.VIEW_FIRST] as number,
  next: scratch[protocol.VIEW_NEXT] as number,
  bytes: scratch[protocol.VIEW_BYTES] as number,
  segments: scratch[protocol.VIEW_SEGMENTS] as number,
})

/** Implements what all readers of a journal on disk share: entries in pages, folds, snapshots. */
export abstract class JournalReads<T> {
  /** @internal */
  protected readonly pages: Pages<T>
  /** @internal */
  protected abstract readonly clock: Clock
  readonly #id: number
  readonly #level: number

  constructor(id: number, level: number, pages: Pages<T>) {
    this.#id = id
    this.#level = level
    this.pages = pages
  }

  /** @internal Looks at the directory again, where that is needed to see what is new. */
  protected refresh(): void {
    if (hot.journalRefresh(this.#id) === protocol.REFUSED) throw errorOf(native.journalFailure(this.#id))
  }

  /** @internal Returns how far it can be read, as far as that is known without a look at the directory. */
  get knownView(): View | undefined {
    const count = hot.journalView(this.#id, this.#level)
    return count < 0 ? undefined : viewOf(count)
  }

  /** @internal How far it can be read now. */
  protected view(): View {
    this.refresh()
    const count = hot.journalView(this.#id, this.#level)
    if (count < 0) throw new ClosedError('the journal')
    return viewOf(count)
  }

  /** Returns the acknowledged entry with this sequence, or `undefined` when there is none, or none any more. */
  getEntry(sequence: number): JournalEntry<T> | undefined {
    integer('sequence', 0, LAST, sequence)
    this.refresh()
    return this.pages.read(sequence, sequence + 1, 1, false).entries[0]
  }

  /** Returns the oldest entry, or `undefined`. */
  getFirst(): JournalEntry<T> | undefined {
    this.refresh()
    return this.pages.read(0, LAST, 1, false).entries[0]
  }

  /** Returns the newest acknowledged entry, or `undefined`. */
  getLast(): JournalEntry<T> | undefined {
    this.refresh()
    return this.pages.read(0, LAST, 1, true).entries[0]
  }

  /** Returns the number of acknowledged entries. */
  size(): number {
    return this.view().count
  }

  /** Returns whether it holds no acknowledged entry. */
  isEmpty(): boolean {
    return this.size() === 0
  }

  /** The same as {@link size}. */
  getCount(): number {
    return this.size()
  }

  /** The sequence after the last acknowledged entry. */
  get nextSequence(): number {
    return this.view().next
  }

  /** Returns its size on disk. */
  usage(): { readonly bytes: number; readonly segments: number } {
    const { bytes, segments } = this.view()
    return { bytes, segments }
  }

  /**
   * Returns the acknowledged entries as they are now. They are read a page at a time (512 entries or 1 MiB), as far as
   * they are wanted; what retention or `clear()` takes meanwhile is left out.
   *
   * @throws InvalidArgumentError naming the option that is refused; when iterated, JournalCorruptError, JournalIoError.
   */
  entries(options?: ReadOptions): Iterable<JournalEntry<T>> {
    const settings = checkOptions('options', options)
    known('options', settings, ['from', 'to', 'limit', 'reverse'])
    const from = integer('options.from', 0, LAST, settings.from ?? 0)
    const to = integer('options.to', -1, LAST, settings.to ?? LAST)
    const limit = integer('options.limit', 0, LAST, settings.limit ?? LAST)
    const reverse = flag('options.reverse', false, settings.reverse)
    const end = Math.min(to + 1, this.view().next)
    return {
      [Symbol.iterator]: () =>
        reverse ? this.pages.backwards(from, end, limit) : this.pages.forwards(from, end, limit),
    }
  }

  /**
   * Returns the acknowledged entries of a stream as they are now, by the index. They are read a page at a time (256
   * entries or 1 MiB), as far as they are wanted. `for await` lets other work have its turn between two pages. A stream
   * that does not exist has no entries.
   *
   * @throws InvalidArgumentError naming the argument or option that is refused; when iterated, JournalCorruptError,
   *   JournalIoError.
   * @example
   * ```ts
   * for (const { data } of journal.readStream('cart-7')) cart = apply(cart, data)
   * const [last] = journal.readStream('cart-7', { backwards: true, limit: 1 })
   * ```
   */
  readStream(stream: string, options?: ReadStreamOptions): StreamEntries<T> {
    const name = streamName('stream', stream)
    const settings = checkOptions('options', options)
    known('options', settings, ['from', 'to', 'backwards', 'limit'])
    const from = integer('options.from', 0, LAST, settings.from ?? 0)
    const to = integer('options.to', -1, LAST, settings.to ?? LAST)
    const limit = integer('options.limit', 0, LAST, settings.limit ?? LAST)
    const backwards = flag('options.backwards', false, settings.backwards)
    const end = Math.min(to + 1, this.streamVersion(name))
    const pages = (): Generator<Page<T>> => this.pages.streamPages(name, from, end, limit, backwards)
    return {
      *[Symbol.iterator]() {
        for (const page of pages()) yield* page.entries
      },
      async *[Symbol.asyncIterator]() {
        for (const page of pages()) {
          yield* page.entries
          await turn()
        }
      },
    }
  }

  /**
   * Returns the version of a stream: how many events it has, of those that are acknowledged. 0 for a stream that does
   * not exist. A stream lasts as long as one of its entries is held; then its name is free, and begins at 0 again.
   */
  streamVersion(stream: string): number {
    const name = streamName('stream', stream)
    this.refresh()
    const version = hot.journalStreamVersion(name, this.#id, this.#level)
    if (version < 0) throw new ClosedError('the journal')
    return version
  }

  /** @internal Returns the sequence of the first event of a stream, held or not; `undefined` for no stream. */
  streamOrigin(stream: string): number | undefined {
    this.refresh()
    const origin = hot.journalStreamOrigin(stream, this.#id, this.#level)
    return origin < 0 ? undefined : origin
  }

  /**
   * Returns the names of the streams that have acknowledged entries, ordered by their UTF-8 bytes. They are read 1000
   * at a time, as far as they are wanted.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   */
  streams(options?: StreamsOptions): Iterable<string> {
    const settings = checkOptions('options', options)
    known('options', settings, ['prefix'])
    const prefix = settings.prefix === undefined ? '' : streamName('options.prefix', settings.prefix)
    this.refresh()
    const [id, level] = [this.#id, this.#level]
    return {
      *[Symbol.iterator]() {
        for (let after: string | undefined = ''; after !== undefined;) {
          const found = native.journalStreams(id, level, prefix, after, STREAM_NAMES)
          if (found === null) throw new ClosedError('the journal')
          yield* found.names
          after = found.next ?? undefined
        }
      },
    }
  }

  /** Returns the size of the index of streams: its streams, their entries, and the bytes that it takes in memory. */
  streamUsage(): StreamUsage {
    this.refresh()
    if (hot.journalStreamUsage(this.#id) < 0) throw new ClosedError('the journal')
    return {
      streams: scratch[protocol.STREAM_USAGE_STREAMS] as number,
      entries: scratch[protocol.STREAM_USAGE_EVENTS] as number,
      bytes: scratch[protocol.STREAM_USAGE_BYTES] as number,
    }
  }

  /** Returns the entries from a sequence on. */
  from(sequence: number): Iterable<JournalEntry<T>> {
    return this.entries({ from: integer('sequence', 0, LAST, sequence) })
  }

  /** All entries as they are now. */
  [Symbol.iterator](): Iterator<JournalEntry<T>> {
    return this.entries()[Symbol.iterator]()
  }

  /**
   * All entries from a sequence on, as they are now. Other work gets its turn between two pages.
   *
   * @throws as {@link entries}.
   */
  async *replay(from = 0): AsyncGenerator<JournalEntry<T>, void, undefined> {
    const { next: end } = this.view()
    for (let next = integer('from', 0, LAST, from); next < end;) {
      const page = this.pages.read(next, end, 512, false)
      yield* page.entries
      if (page.entries.length === 0 && page.next <= next) return
      next = page.next
      await turn()
    }
  }

  /** Returns the data of the entries that the predicate accepts. */
  filter(predicate: (data: T, entry: JournalEntry<T>) => boolean): T[] {
    callable('predicate', predicate)
    const found: T[] = []
    for (const entry of this.entries()) if (predicate(entry.data, entry)) found.push(entry.data)
    return found
  }

  /** Returns all that was appended and is still held. It is all in memory then; `entries()` is not. */
  getAll(): T[] {
    return Array.from(this.entries(), ({ data }) => data)
  }

  /** Returns a snapshot of what it holds now. `entries` is read when it is first used. */
  getSnapshot(): JournalSnapshot<T> {
    const { first, next, count } = this.view()
    const pages = this.pages
    let all: readonly JournalEntry<T>[] | undefined
    return Object.freeze({
      firstSequence: first,
      lastSequence: next - 1,
      totalCount: count,
      timestamp: this.clock.now(),
      get entries() {
        all ??= Object.freeze([...pages.forwards(first, next, Infinity)])
        return all
      },
      from: (sequence: number, options?: Omit<ReadOptions, 'from'>) => {
        const settings = checkOptions('options', options)
        known('options', settings, ['to', 'limit', 'reverse'])
        const to = Math.min(settings.to ?? LAST, next - 1)
        return this.entries({ ...settings, to, from: Math.max(sequence, first) })
      },
    })
  }

  /**
   * Rebuilds the state at any sequence or time that is still held.
   *
   * With `fromSnapshot` it begins at the newest saved state that is not after `upTo`; for a time, which entries can
   * share in any order, it does not.
   *
   * @throws InvalidArgumentError for a bound that is neither a sequence nor a time.
   * @throws JournalGapError when retention took entries after the saved state, or took entries while they were read, or
   * when a compaction dropped removals while they were read: no state is given that never was. Without `fromSnapshot`
   * it begins with the first entry that is held.
   * @example
   * ```ts
   * const balance = journal.fold((sum, { amount }) => sum + amount, { initial: 0, upTo: 41 })
   * ```
   */
  fold<S>(reducer: Reducer<S, T>, options?: DurableFoldOptions<S>): S {
    const settings = checkOptions('options', options)
    known('options', settings, ['fromSnapshot', 'initial', 'upTo'])
    const { fromSnapshot, ...foldOptions } = settings
    const bounded = typeof foldOptions.upTo === 'object'
    if (flag('options.fromSnapshot', false, fromSnapshot) && !bounded) {
      const before = typeof foldOptions.upTo === 'number' ? foldOptions.upTo + 1 : Infinity
      const saved = this.#load<S>(before)
      if (saved !== undefined) {
        const rest = this.pages.whole(saved.sequence + 1, this.view().next, true)
        return fold(rest, reducer, { ...foldOptions, initial: saved.state })
      }
    }
    return fold(this.pages.whole(0, this.view().next, false), reducer, foldOptions)
  }

  /** Returns the newest saved state that is whole, or `undefined`. */
  loadSnapshot<S = unknown>(): SavedSnapshot<S> | undefined {
    return this.#load<S>(Infinity)
  }

  #load<S>(before: number): SavedSnapshot<S> | undefined {
    const saved = native.journalLoadSnapshot(this.#id, this.#level, before)
    if (saved === null) return undefined
    if (saved.failure) throw errorOf(saved.failure)
    return { sequence: saved.next - 1, wallMs: saved.wall, state: revivePlain(JSON.parse(saved.state)) as S }
  }
}

/** Lets other work have its turn. */
export const turn = (): Promise<void> => new Promise((resolve) => void soon(resolve))
