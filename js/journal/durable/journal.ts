import { flag, iterable, integer, known, options as checkOptions } from '../../internal/validate.ts'
import type { Instant } from '../../clock/instant.ts'
import { holdTime } from '../../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { isJournalOverflowError } from '../errors.ts'
import { hold, release } from '../../internal/inbox.ts'
import { Listeners } from '../../internal/listeners.ts'
import { assertInternal, INTERNAL } from '../../internal/private-constructor.ts'
import { hot } from '../../native.ts'
import { tellOwner } from '../../internal/report-error.ts'
import * as protocol from '../../protocol/journal.ts'
import { encodePlain, encodePlainEach } from '../../plain/encode.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import type { System } from '../../system/system.ts'
import type { JournalEntry, JournalOverflow, SerializedJournal } from '../types.ts'
import { JournalReads } from './base.ts'
import type { Handle } from './handle.ts'
import type { Pages } from './pages.ts'
import { tail, type TailSource } from './tail.ts'
import type {
  CompactOptions,
  Durability,
  DurableJournalEvent,
  DurableJournalOptions,
  RecoveryReport,
  SaveSnapshotOptions,
  TailOptions,
} from './types.ts'

/** With `'flush'` and `'memory'`, what was written is synced this much later at the latest. */
const SYNC_WITHIN_MS = 1000

/** @internal What {@link openJournal} hands over. */
export interface OpenedJournal<T> {
  readonly path: string
  readonly report: RecoveryReport
  readonly options: DurableJournalOptions<T>
  readonly system: System
  readonly clock: Clock
  readonly id: number
  readonly level: number
  readonly pages: Pages<T>
  /** Nothing when it is read only. */
  readonly handle: Handle | undefined
}

/** @internal Makes the journal of one that was opened. */
export let makeDurableJournal: <T>(opened: OpenedJournal<T>) => DurableJournal<T>

/**
 * History on disk. Entries keep their order and their sequence; an entry whose append resolved is there after a crash
 * (see {@link Durability}). Reads serve acknowledged entries only.
 *
 * All threads of a process that open one directory share one writer. Memory: what is in flight, and a page per reader.
 */
export class DurableJournal<T = unknown> extends JournalReads<T> {
  static {
    makeDurableJournal = (opened) => new DurableJournal(INTERNAL, opened)
  }

  /** The directory. */
  readonly path: string
  /** The level at which an append is acknowledged. */
  readonly durability: Durability
  /** Opened to read only. */
  readonly readOnly: boolean
  /** The report of recovery. */
  readonly recovery: RecoveryReport
  /** @internal */
  protected readonly clock: Clock
  readonly #options: DurableJournalOptions<T>
  readonly #system: System
  readonly #handle: Handle | undefined
  readonly #id: number
  readonly #disown: () => void
  readonly #waiting = new Set<() => void>()
  readonly #subscribers: Listeners<JournalEntry<T>>
  #pump: AbortController | undefined
  #syncTimer: TimerHandle | undefined
  #resumeTime: (() => void) | undefined
  /** The last sequence that was appended here. */
  #appended = -1
  #closed = false
  #closing: Promise<void> | undefined
  #isEndReported = false

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, opened: OpenedJournal<T>) {
    assertInternal(internal, 'DurableJournal', 'openJournal()')
    super(opened.id, opened.level, opened.pages)
    this.path = opened.path
    this.#options = opened.options
    this.durability = opened.options.durability ?? 'sync'
    this.readOnly = opened.handle === undefined
    this.recovery = opened.report
    this.clock = opened.clock
    this.#system = opened.system
    this.#id = opened.id
    this.#handle = opened.handle
    this.#subscribers = new Listeners('subscriber', (error, { sequence, id }) => {
      if (opened.options.emit === undefined) this.#report(error, 'a subscriber of a journal')
      else this.#emitEvent((at) => ({ type: 'journal:subscriber:error', seq: sequence, id, error, at }))
    })
    if (this.#handle !== undefined) this.#handle.onProgress = () => this.#onProgress()
    this.#disown = this.#system.own({ close: () => this.close() })
    this.#emitEvent((at) => ({ type: 'journal:recovered', path: this.path, report: this.recovery, at }))
  }

  /** Returns whether it was closed, or has failed; `append` refuses then. */
  get closed(): boolean {
    return this.#closed || this.#handle?.isOpen === false
  }

  /**
   * Adds an entry. The promise resolves when it is acknowledged, see {@link Durability}; appends of one turn of the
   * event loop are written and synced together.
   *
   * Rejects with NotPlainError for data that cannot be stored, RecordTooLargeError, JournalOverflowError, ClosedError:
   * then nothing was appended. Rejects with JournalIoError when the operating system refused: then the journal is
   * closed, and whether this entry is on disk shows when it is opened again.
   */
  append(data: T): Promise<JournalEntry<T>> {
    return this.#withEvents(new Promise((resolve, reject) => this.#append(data, resolve, reject)))
  }

  /**
   * Adds entries, all or none of them, with one time and without another's between. A crash before the promise resolves
   * can leave some of them: the first ones. Rejects as {@link append}.
   */
  appendMany(datas: Iterable<T>): Promise<JournalEntry<T>[]> {
    return this.#withEvents(
      new Promise((resolve, reject) => this.#appendAll([...iterable('datas', datas)], resolve, reject)),
    )
  }

  /** Resolves when everything that was appended before is on disk, whatever the durability. */
  async sync(): Promise<void> {
    await this.#writer().begin(protocol.BEGIN_SYNC)
  }

  /** Drops all entries and saved states. The next entry goes on in sequence. */
  async clear(): Promise<void> {
    const previousSize = await this.#writer().begin(protocol.BEGIN_CLEAR)
    this.#emitEvent((at) => ({ type: 'journal:clear', previousSize, at }))
  }

  /**
   * Applies the retention options now; each append and opening the journal apply them too. Resolves with the number of
   * entries that went.
   */
  async retain(): Promise<number> {
    const droppedCount = await this.#writer().begin(protocol.BEGIN_RETAIN)
    if (droppedCount > 0) this.#emitEvent((at) => ({ type: 'journal:retained', droppedCount, at }))
    return droppedCount
  }

  /**
   * Keeps only the last entry of each key (option `key`); entries without a key stay. Appends and reads go on
   * meanwhile. Memory: the distinct keys. Resolves with the number of entries that went.
   */
  async compact(options?: CompactOptions): Promise<number> {
    const settings = checkOptions('options', options)
    known('options', settings, ['dropTombstones'])
    const drop = flag('options.dropTombstones', false, settings.dropTombstones)
    const droppedCount = await this.#writer().begin(drop ? protocol.BEGIN_COMPACT_AND_DROP : protocol.BEGIN_COMPACT)
    this.#emitEvent((at) => ({ type: 'journal:compacted', droppedCount, at }))
    return droppedCount
  }

  /**
   * Saves a state that stands for all entries up to a sequence, so that `fold(…, { fromSnapshot: true })` can begin
   * there. The two newest are kept.
   *
   * @throws NotPlainError for a state that cannot be stored.
   * @throws InvalidArgumentError naming `options.sequence` when a compaction dropped a removal of a key after that
   *   entry: the state could bring the key back. Nothing is saved then.
   */
  async saveSnapshot(state: unknown, options?: SaveSnapshotOptions): Promise<void> {
    const settings = checkOptions('options', options)
    known('options', settings, ['sequence'])
    const handle = this.#writer()
    const last = this.view().next - 1
    const sequence = integer('options.sequence', -1, last, settings.sequence ?? last)
    await handle.saveSnapshot(encodePlain('state', state), sequence + 1, this.clock.now().wallMs)
  }

  /**
   * Tells of each entry that is acknowledged from now on, whichever thread appended it, in order. Returns a function
   * that ends it. It holds no process open.
   */
  subscribe(subscriber: (entry: JournalEntry<T>) => unknown): () => void {
    this.#assertOpen()
    const end = this.#subscribers.add(subscriber)
    if (this.#pump === undefined) void this.#feed()
    return () => {
      end()
      if (this.#subscribers.size === 0) this.#pump?.abort()
    }
  }

  /**
   * Entries from a sequence on and then those to come, without a gap or a repetition. It reads a page when the one
   * before is used up, so a slow reader holds up nobody and fills no memory; what retention takes before it was read is
   * left out. While it waits it holds the process open. It ends when the journal is closed.
   *
   * @throws what `signal` was aborted with; JournalIoError when the journal failed.
   * @example
   * ```ts
   * for await (const { sequence, data } of journal.tail({ from: 0, signal })) await handle(data)
   * ```
   */
  tail(options?: TailOptions): AsyncGenerator<JournalEntry<T>, void, undefined> {
    this.#assertOpen()
    return tail(this.#source(), options)
  }

  /** Returns the form from which `Journal.fromJSON` makes a journal in memory. */
  toJSON(): SerializedJournal {
    const { serializer } = this.#options
    return {
      entries: Array.from(this.entries(), ({ id, sequence, timestamp, data }) => ({
        id,
        sequence,
        timestamp: { wallMs: timestamp.wallMs, monoMs: timestamp.monoMs },
        data: serializer === undefined ? data : serializer.serialize(data),
      })),
      nextSequence: this.nextSequence,
    }
  }

  /** Writes and syncs what was accepted, then gives the directory free. Idempotent; it does not reject. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** `await using journal = await openJournal(path)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #writer(): Handle {
    if (this.#handle === undefined) throw new InvalidArgumentError('journal', 'open to write', 'a read-only journal')
    this.#handle.assertOpen()
    return this.#handle
  }

  #assertOpen(): void {
    if (this.closed) throw new ClosedError('the journal')
  }

  #append(data: T, resolve: (entry: JournalEntry<T>) => void, reject: (error: Error) => void): void {
    const handle = this.#writer()
    const { idGenerator, serializer } = this.#options
    const own = idGenerator === undefined ? '' : plainText('an id', idGenerator())
    const payload = encodePlain('data', serializer === undefined ? data : serializer.serialize(data))
    const key = this.#keyOf(data)
    const text = own === '' && key === '' ? payload : `${payload}\0${own}\0${key}`
    const timestamp = this.clock.now()
    const sequence = this.#accepted(() => handle.append(text, timestamp.wallMs, timestamp.monoMs))
    this.#holdForReaders(sequence)
    const entry = Object.freeze({ id: own === '' ? String(sequence) : own, sequence, timestamp, data })
    handle.whenAcknowledged(sequence, entry, resolve, reject)
  }

  #appendAll(datas: readonly T[], resolve: (entries: JournalEntry<T>[]) => void, reject: (error: Error) => void): void {
    const handle = this.#writer()
    if (datas.length === 0) {
      resolve([])
      return
    }
    const { idGenerator, key: keyOf, serializer } = this.#options
    const ids = idGenerator === undefined ? undefined : datas.map(() => plainText('an id', idGenerator()))
    const texts = encodePlainEach(
      'data',
      serializer === undefined ? datas : datas.map((data) => serializer.serialize(data)),
    )
    if (ids !== undefined || keyOf !== undefined) {
      texts.push(datas.map((data, index) => `\u0001${ids?.[index] ?? ''}\0${this.#keyOf(data)}`).join(''))
    }
    const timestamp = this.clock.now()
    const first = this.#accepted(() => handle.appendAll(texts, datas.length, timestamp.wallMs, timestamp.monoMs))
    this.#holdForReaders(first + datas.length - 1)
    const entries = datas.map((data, index) => {
      const sequence = first + index
      return Object.freeze({ id: ids?.[index] ?? String(sequence), sequence, timestamp, data })
    })
    handle.whenAcknowledged(first + datas.length - 1, entries, resolve, reject)
  }

  /** Returns the first sequence of an append. Emits an overflow. */
  #accepted(append: () => number): number {
    try {
      return append()
    } catch (error) {
      if (isJournalOverflowError(error)) this.#overflow(error.maxEntries)
      throw error
    }
  }

  /** Returns the promise of an append that also emits its events, and syncs soon, once it is acknowledged. */
  #withEvents<A extends JournalEntry<T> | JournalEntry<T>[]>(appended: Promise<A>): Promise<A> {
    const { emit } = this.#options
    if (this.durability === 'sync' && emit === undefined) return appended
    return appended.then((answer) => {
      const entries: readonly JournalEntry<T>[] = Array.isArray(answer) ? answer : [answer]
      if (entries.length > 0 && this.durability !== 'sync') this.#syncSoon()
      if (emit !== undefined) {
        const size = this.closed ? 0 : this.size()
        for (const { id, sequence: seq } of entries)
          this.#emitEvent((at) => ({ type: 'journal:append', id, seq, size, at }))
      }
      return answer
    })
  }

  /** Returns the key of data, or an empty text. */
  #keyOf(data: T): string {
    const key = this.#options.key?.(data)
    return key === undefined ? '' : plainText('a key', key)
  }

  #syncSoon(): void {
    if (this.#syncTimer !== undefined) return
    try {
      this.#syncTimer = this.clock.schedule(SYNC_WITHIN_MS as never, () => this.#syncNow(), { ref: false })
    } catch {
      // The clock was closed before the journal: then sooner.
      this.#syncNow()
    }
  }

  #syncNow(): void {
    this.#syncTimer = undefined
    if (!this.closed) hot.journalSyncSoon(this.#id)
  }

  #source(): TailSource<T> {
    return {
      next: () => this.view().next,
      read: (from, limit) => this.#readTail(from, limit),
      wait: (next, signal, end, keepAlive) => this.#wait(next, signal, end, keepAlive),
    }
  }

  #readTail(from: number, limit: number): ReturnType<Pages<T>['read']> {
    if (this.#handle?.failure !== undefined) throw this.#handle.failure
    if (this.closed) return { entries: [], next: from, start: 0, removed: 0 }
    this.refresh()
    return this.pages.read(from, Number.MAX_SAFE_INTEGER, limit, false)
  }

  /** Resolves after the next progress, or when a signal aborts; with false once the journal is closed. */
  #wait(next: number, signal: AbortSignal | undefined, end: AbortSignal, keepAlive: boolean): Promise<boolean> {
    if (this.closed && this.#handle?.failure === undefined) return Promise.resolve(false)
    if (this.#handle?.requestNotification(next) === true) return Promise.resolve(true)
    return new Promise((resolve) => {
      const poll = this.readOnly
        ? this.clock.schedule((this.#options.pollMs ?? 100) as never, () => wake(), { ref: keepAlive })
        : undefined
      const wake = (): void => {
        this.#waiting.delete(wake)
        if (this.#waiting.size === 0) this.#resume()
        stop()
        stopEnd()
        poll?.cancel()
        if (keepAlive) release()
        resolve(true)
      }
      if (keepAlive) hold()
      this.#waiting.add(wake)
      if (this.#appended >= next) this.#holdForReaders(this.#appended)
      const stop = whenAborted(signal, wake)
      const stopEnd = whenAborted(end, wake)
    })
  }

  /** Holds the clock until the readers that wait have received what was appended. */
  #holdForReaders(last: number): void {
    this.#appended = last
    if (this.#waiting.size > 0) this.#resumeTime ??= holdTime(this.clock, 'the readers of a journal on disk')
  }

  #wakeReaders(): void {
    for (const wake of this.#waiting) wake()
    this.#resume()
  }

  #resume(): void {
    this.#resumeTime?.()
    this.#resumeTime = undefined
  }

  #onProgress(): void {
    this.#wakeReaders()
    const failure = this.#handle?.failure
    if (failure !== undefined) this.#ended(failure)
  }

  async #feed(): Promise<void> {
    const pump = new AbortController()
    this.#pump = pump
    try {
      for await (const entry of tail(this.#source(), { signal: pump.signal }, false)) this.#subscribers.tell(entry)
    } catch (error) {
      // A journal that failed says so to those who append, and as an event.
      const isOwned = pump.signal.aborted || error === this.#handle?.failure
      if (!isOwned) this.#report(error, 'reading for the subscribers of a journal')
    }
    this.#pump = undefined
    if (this.#subscribers.size > 0 && !this.closed) void this.#feed()
  }

  async #close(): Promise<void> {
    this.#syncTimer?.cancel()
    if (this.#handle !== undefined) await this.#handle.close()
    else hot.journalDrop(this.#id)
    this.#closed = true
    this.#disown()
    this.#pump?.abort()
    this.#wakeReaders()
    this.#ended(this.#handle?.failure)
  }

  #ended(error: Error | undefined): void {
    if (this.#isEndReported) return
    this.#isEndReported = true
    this.#emitEvent((at) =>
      error === undefined ? { type: 'journal:closed', at } : { type: 'journal:closed', error, at },
    )
  }

  #overflow(maxEntries: number): void {
    const policy: JournalOverflow = 'bounded:error'
    this.#emitEvent((at) => ({ type: 'journal:overflow', policy, maxEntries, at }))
  }

  /** A listener's failure is no reason to lose the entry. */
  #emitEvent(event: (at: Instant) => DurableJournalEvent): void {
    const { emit } = this.#options
    if (emit === undefined) return
    try {
      emit(event(this.clock.now()))
    } catch (error) {
      this.#report(error, "a journal's emit function")
    }
  }

  #report(error: unknown, origin: string): void {
    const { onError } = this.#options
    if (onError === undefined) this.#system.report(error, origin)
    else tellOwner(onError, error, origin)
  }
}

/** Text that the core can tell from what stands beside it. */
function plainText(what: string, value: unknown): string {
  const isText = typeof value === 'string' && value !== '' && !value.includes('\0') && !value.includes('\u0001')
  if (isText && (value as string & { isWellFormed(): boolean }).isWellFormed()) return value
  throw new InvalidArgumentError(what, 'a non-empty string without U+0000 and U+0001', value)
}
