import { callable, integer } from '../internal/validate.ts'
import { BaseClock } from '../clock/base.ts'
import type { Instant } from '../clock/instant.ts'
import type { Clock } from '../clock/types.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { JournalOverflowError, JournalReentrancyError } from './errors.ts'
import { Listeners } from '../internal/listeners.ts'
import { NativeHandles } from '../internal/native-handles.ts'
import { type ErrorOwner, tellOwner } from '../internal/report-error.ts'
import { getDefaultSystem } from '../system/default.ts'
import { type System, systemOf } from '../system/system.ts'
import { Members } from '../tables/members.ts'
import { offerMembers } from '../tables/offers.ts'
import { appends } from './append-trace.ts'
import { Chunks, idOf } from './chunks.ts'
import { deepFreeze } from './freeze.ts'
import { checkJournalOptions } from './options.ts'
import { fold, read } from './read.ts'
import { hot, scratch } from '../native.ts'
import { GRANT_DROPS, GRANT_FIRST, GRANT_SEQUENCE, POLICIES } from '../protocol/journal.ts'
import { restore, type Restored, serializeEntries } from './serialized.ts'
import { snapshotOf } from './snapshot.ts'
import type {
  FoldOptions,
  JournalEntry,
  JournalEvent,
  JournalOptions,
  JournalOverflow,
  JournalSerializer,
  JournalSnapshot,
  ReadOptions,
  Reducer,
  SerializedJournal,
} from './types.ts'

/** Reading the system clock is a third of an append: four of one uninterrupted run share a reading. */
const SHARED_BY = 4

/** Closes journals of the core when theirs are garbage. */
const handles = new NativeHandles((journal) => hot.memoryClose(journal))

const journals = new Members<Journal>()

offerMembers('journal', journals, {
  name: ({ item }) => item.id,
  where: () => 'memory',
  entries: ({ item }) => item.size(),
  first: ({ item }) => item.nextSequence - item.size(),
  next: ({ item }) => item.nextSequence,
  bytes: () => 0,
  pending: () => 0,
})

/** Passes the constructor the state to take over, out of reach of users. */
const RESTORED: unique symbol = Symbol('restored')

interface InternalOptions<T> {
  readonly [RESTORED]?: Restored<T>
}

/**
 * History in memory: what was appended stays in order and keeps its sequence, without a gap, until it is dropped by a
 * bound or `clear()`. Appending and reading one entry cost the same at any size. For history that outlives the
 * process, see `openJournal`.
 *
 * @example
 * ```ts
 * const journal = new Journal<{ type: string }>({ clock })
 * journal.append({ type: 'started' })
 * for (const { sequence, data } of journal.entries({ from: 0, limit: 10 })) console.log(sequence, data.type)
 * ```
 */
export class Journal<T = unknown> {
  /** Its id; the ids of its entries begin with it, unless there is an `idGenerator`. */
  readonly id: string
  /** The time of its creation; of a restored journal, that of the original. */
  readonly createdAt: Instant
  /** The options, for `Journal.fromJSON(journal.toJSON(), journal.options)`. Frozen. */
  readonly options: Readonly<JournalOptions<T>>
  readonly #clock: Clock
  readonly #time: () => Instant
  readonly #system: System | undefined
  readonly #onError: ErrorOwner | undefined
  readonly #idGenerator: (() => string) | undefined
  readonly #emit: ((event: JournalEvent) => void) | undefined
  readonly #serializer: JournalSerializer<T> | undefined
  readonly #maxEntries: number
  readonly #freeze: boolean
  readonly #chunks: Chunks<T>
  /** The journal of the core, which decides on sequences and on what is dropped. */
  readonly #journal: number
  /** How many appends the core has granted, and how many of them were made. */
  #granted = 0
  #made = 0
  /** The sequence of the next append. */
  #sequence = 0
  /** Set while each append drops the oldest entry. */
  #drops = false
  readonly #subscribers: Listeners<JournalEntry<T>> = new Listeners('subscriber', (error, { sequence, id }) => {
    if (this.#emit === undefined) this.#report(error, 'a subscriber of a journal')
    else this.#tell({ type: 'journal:subscriber:error', seq: sequence, id, error, at: this.#clock.now() })
  })
  #telling = false

  /** @throws InvalidArgumentError naming the option that is refused. */
  constructor(options?: JournalOptions<T>) {
    const settings = checkJournalOptions(options)
    const restored = (settings as InternalOptions<T>)[RESTORED]
    this.#system = settings.system ?? (settings.clock === undefined ? getDefaultSystem() : undefined)
    this.#clock = settings.clock ?? (this.#system as System).clock
    const clock = this.#clock
    this.#time = clock instanceof BaseClock ? () => clock.recent(SHARED_BY) : () => clock.now()
    this.#onError = settings.onError
    this.#idGenerator = settings.idGenerator
    this.#emit = settings.emit
    this.#serializer = settings.serializer
    this.#freeze = settings.freeze !== false
    this.options = Object.freeze({ ...settings })
    const overflow = settings.overflow ?? 'none'
    this.#maxEntries = overflow === 'none' ? Infinity : (settings.maxEntries as number)
    // The generator's first id is the journal's, also when that is not used.
    const ownId = this.#idGenerator === undefined ? undefined : this.#generated(this.#idGenerator)
    this.id = restored?.journalId ?? ownId ?? (this.#system ?? getDefaultSystem()).random.id()
    this.createdAt = restored?.createdAt ?? this.#clock.now()
    const entries = restored?.entries ?? []
    const next = restored?.nextSequence ?? 0
    this.#journal = this.#open(next - entries.length, next, overflow)
    this.#chunks = this.#take(entries)
    const lister = this.#system ?? systemOf(this.#clock)
    if (lister !== undefined) journals.add(lister, this as Journal, undefined)
    this.#tell({ type: 'journal:create', journalId: this.id, at: this.createdAt })
  }

  /**
   * Adds an entry, then tells `emit`, then the subscribers. If anything throws before that (the clock, the id
   * generator), nothing is appended.
   *
   * @throws JournalReentrancyError from a subscriber or `emit` of this journal.
   * @throws JournalOverflowError when it is full and its policy is `'bounded:error'`.
   */
  append(data: T): JournalEntry<T> {
    return appends.hasSubscribers ? this.#appendTraced(data) : this.#append(data)
  }

  /** A method of its own: a function with a closure allocates at each call what the closure needs. */
  #appendTraced(data: T): JournalEntry<T> {
    return appends.trace({ journal: this, data: [data] }, () => this.#append(data))
  }

  #append(data: T): JournalEntry<T> {
    if (this.#telling) throw new JournalReentrancyError()
    if (this.#made === this.#granted) this.#renew()
    const timestamp = this.#time()
    const ownId = this.#idGenerator === undefined ? undefined : this.#generated(this.#idGenerator)
    this.#fix(data)
    // The user's code that ran may have appended too.
    if (this.#made === this.#granted) this.#renew()
    const chunks = this.#chunks
    const drops = this.#drops
    const sequence = this.#sequence
    const id = ownId ?? idOf(this.id, sequence)
    const entry: JournalEntry<T> = Object.freeze({ id, sequence, timestamp, data })
    if (drops) chunks.dropFirst()
    chunks.push(entry, ownId !== undefined)
    this.#made++
    this.#sequence++
    this.#telling = true
    if (this.#emit !== undefined) {
      if (drops) this.#dropped(timestamp)
      this.#tell({ type: 'journal:append', id, seq: sequence, size: chunks.count, at: timestamp })
    }
    if (this.#subscribers.size > 0) this.#subscribers.tell(entry)
    this.#telling = false
    return entry
  }

  /** Returns the entry with this sequence, or `undefined` when there is none, or none any more. */
  getEntry(sequence: number): JournalEntry<T> | undefined {
    return this.#chunks.at(sequence)
  }

  /** Returns the oldest entry, or `undefined`. */
  getFirst(): JournalEntry<T> | undefined {
    return this.#chunks.at(this.#chunks.first)
  }

  /** Returns the newest entry, or `undefined`. */
  getLast(): JournalEntry<T> | undefined {
    return this.#chunks.at(this.#chunks.next - 1)
  }

  /** Returns the number of entries. */
  size(): number {
    return this.#chunks.count
  }

  /** Returns whether it holds no entry. */
  isEmpty(): boolean {
    return this.#chunks.count === 0
  }

  /** The sequence of the next entry. */
  get nextSequence(): number {
    return this.#chunks.next
  }

  /**
   * Drops all entries. The next one goes on in sequence.
   *
   * @throws JournalReentrancyError from a subscriber or `emit` of this journal.
   */
  clear(): void {
    if (this.#telling) throw new JournalReentrancyError('clear')
    const at = this.#clock.now()
    const previousSize = hot.memoryClear(this.#journal, this.#made)
    this.#made = this.#granted = 0
    this.#chunks.clear()
    this.#telling = true
    this.#tell({ type: 'journal:clear', previousSize, at })
    this.#telling = false
  }

  /**
   * Calls the subscriber for each later entry, on the stack of its append, in order of registration. Returns a function
   * that removes it. When a subscriber throws or rejects, the journal emits `journal:subscriber:error` and calls the
   * others.
   */
  subscribe(subscriber: (entry: JournalEntry<T>) => unknown): () => void {
    return this.#subscribers.add(subscriber)
  }

  /** Returns the journal as it is now, whatever happens to it later. */
  getSnapshot(): JournalSnapshot<T> {
    return snapshotOf(this.#chunks.range(), this.#clock.now())
  }

  /**
   * Returns entries as they are now, read one at a time.
   *
   * @throws InvalidArgumentError naming the option that is refused.
   */
  entries(options?: ReadOptions): Iterable<JournalEntry<T>> {
    return read(this.#chunks.range(), options)
  }

  /** Returns the entries from a sequence on, read one at a time. */
  from(sequence: number): Iterable<JournalEntry<T>> {
    return this.entries({ from: integer('sequence', 0, Number.MAX_SAFE_INTEGER, sequence) })
  }

  /** All entries as they are now. */
  [Symbol.iterator](): Iterator<JournalEntry<T>> {
    return this.entries()[Symbol.iterator]()
  }

  /** Returns the data of the entries that the predicate accepts. */
  filter(predicate: (data: T, entry: JournalEntry<T>) => boolean): T[] {
    callable('predicate', predicate)
    const found: T[] = []
    for (const entry of this.entries()) if (predicate(entry.data, entry)) found.push(entry.data)
    return found
  }

  /** Returns all that was appended and is still held. */
  getAll(): T[] {
    return Array.from(this.entries(), ({ data }) => data)
  }

  /** The same as {@link size}. */
  getCount(): number {
    return this.size()
  }

  /**
   * Rebuilds the state at any sequence or time that is still held.
   *
   * @throws InvalidArgumentError for a bound that is neither a sequence nor a time.
   * @example
   * ```ts
   * const balance = journal.fold((sum, { amount }) => sum + amount, { initial: 0, upTo: 41 })
   * ```
   */
  fold<S>(reducer: Reducer<S, T>, options?: FoldOptions<S>): S {
    return fold(this.entries(), reducer, options)
  }

  /** Everything {@link fromJSON} needs to make an equal journal. */
  toJSON(): SerializedJournal {
    return {
      entries: serializeEntries(this.entries(), this.#serializer),
      nextSequence: this.nextSequence,
      journalId: this.id,
      createdAt: { wallMs: this.createdAt.wallMs, monoMs: this.createdAt.monoMs },
    }
  }

  /**
   * Returns a journal that goes on where the serialized one ended.
   *
   * @throws JournalCorruptError for anything that `toJSON` would not have written: a gap, a bad entry, a wrong end.
   * @throws JournalOverflowError when it holds more than `maxEntries` and the policy is `'bounded:error'`; with
   *   `'bounded:drop_oldest'` the newest are kept.
   */
  static fromJSON<T = unknown>(json: SerializedJournal, options?: JournalOptions<T>): Journal<T> {
    const checked = checkJournalOptions(options)
    const restored = restore(json, checked.serializer)
    return new Journal<T>({ ...checked, [RESTORED]: restored } as JournalOptions<T>)
  }

  /** Opens the journal of the core. It may hold fewer of the entries: the newest. */
  #open(first: number, next: number, overflow: JournalOverflow): number {
    const journal = hot.memoryOpen(first, next, this.#maxEntries, POLICIES.indexOf(overflow))
    if (journal < 0) throw new JournalOverflowError(this.#maxEntries)
    this.#sequence = scratch[GRANT_FIRST] as number
    return handles.own(this, journal)
  }

  /** Asks the core for the next appends. */
  #renew(): void {
    const made = this.#made
    this.#made = 0
    this.#granted = hot.memoryGrant(this.#journal, made)
    if (this.#granted === 0) this.#refuse()
    this.#sequence = scratch[GRANT_SEQUENCE] as number
    this.#drops = scratch[GRANT_DROPS] === 1
  }

  /** Takes over the entries that the core holds. */
  #take(entries: readonly JournalEntry<T>[]): Chunks<T> {
    const chunks = new Chunks<T>(this.id, this.#sequence, this.#maxEntries)
    for (const entry of entries) {
      if (entry.sequence < this.#sequence) continue
      this.#fix(entry.data)
      chunks.push(entry, entry.id !== idOf(this.id, entry.sequence))
    }
    return chunks
  }

  /** History is not edited. */
  #fix(data: T): void {
    if (this.#freeze && typeof data === 'object' && data !== null) deepFreeze(data)
  }

  #generated(generate: () => string): string {
    const id: unknown = generate()
    if (typeof id !== 'string' || id === '') {
      throw new InvalidArgumentError('options.idGenerator', 'a function that returns a non-empty string', id)
    }
    return id
  }

  #refuse(): never {
    const at = this.#clock.now()
    this.#telling = true
    this.#tell({ type: 'journal:overflow', policy: 'bounded:error', maxEntries: this.#maxEntries, at })
    this.#telling = false
    throw new JournalOverflowError(this.#maxEntries)
  }

  #dropped(at: Instant): void {
    const policy = 'bounded:drop_oldest'
    this.#tell({ type: 'journal:overflow', policy, maxEntries: this.#maxEntries, droppedCount: 1, at })
  }

  /** A listener's failure is no reason to lose the entry. */
  #tell(event: JournalEvent): void {
    if (this.#emit === undefined) return
    try {
      this.#emit(event)
    } catch (error) {
      this.#report(error, "a journal's emit function")
    }
  }

  #report(error: unknown, origin: string): void {
    if (this.#onError !== undefined) tellOwner(this.#onError, error, origin)
    else if (this.#system !== undefined) this.#system.report(error, origin)
    else if (this.#clock instanceof BaseClock) this.#clock.report(error, origin)
    else getDefaultSystem().report(error, origin)
  }
}

/**
 * A journal in memory; all options have defaults. Without `T` its data is `any`: whoever reads says what it reads.
 *
 * @example
 * ```ts
 * const journal = createJournal<{ type: string }>({ maxEntries: 1000, overflow: 'bounded:drop_oldest' })
 * ```
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a journal that was given no type holds whatever was appended
export function createJournal<T = any>(options?: JournalOptions<T>): Journal<T> {
  return new Journal<T>(options)
}
