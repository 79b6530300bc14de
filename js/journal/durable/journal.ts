import { join } from 'node:path'

import { flag, iterable, integer, known, options as checkOptions } from '../../internal/validate.ts'
import type { Instant } from '../../clock/instant.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError, InvalidArgumentError } from '../../errors/errors.ts'
import { lazy } from '../../internal/lazy.ts'
import { Listeners } from '../../internal/listeners.ts'
import { assertInternal, INTERNAL } from '../../internal/private-constructor.ts'
import { hot } from '../../native.ts'
import { tellOwner } from '../../internal/report-error.ts'
import * as protocol from '../../protocol/journal.ts'
import { encodePlain } from '../../plain/text.ts'
import type { System } from '../../system/system.ts'
import { appends } from '../append-trace.ts'
import { serializeEntries } from '../serialized.ts'
import type { JournalEntry, JournalOverflow, SerializedJournal } from '../types.ts'
import { appendsTo, type CheckedAppend, checkAppends, type ExpectedStream } from './append-options.ts'
import { Appender } from './appender.ts'
import type * as BackupModule from './backup.ts'
import { JournalReads } from './base.ts'
import type { Handle } from './handle.ts'
import type { Pages } from './pages.ts'
import type * as ConsumerModule from './consumer.ts'
import type { Consumer, ConsumerContext, ConsumerOptions } from './consumer.ts'
import { follow, type FollowedJournal, insideOf } from './followed.ts'
import type { OpenedJournal } from './opened.ts'
import { checkPath } from './options.ts'
import { hasFiles, SavedStates, STATES } from './states.ts'
import type { AppendOptions, BackupReport } from './stream-types.ts'
import { SyncTimer } from './sync-timer.ts'
import { tail, type TailSource } from './tail.ts'
import { WaitingReaders } from './waiting-readers.ts'
import type {
  CompactOptions,
  Durability,
  DurableJournalEvent,
  DurableJournalOptions,
  RecoveryReport,
  SaveSnapshotOptions,
  TailOptions,
} from './types.ts'

const backups = lazy(() => require('./backup.ts') as typeof BackupModule)
const consumers = lazy(() => require('./consumer.ts') as typeof ConsumerModule)

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
  readonly #readers: WaitingReaders
  readonly #subscribers: Listeners<JournalEntry<T>>
  readonly #appends: Appender<T> | undefined
  readonly #openAnother: OpenedJournal<T>['open']
  #states: Promise<SavedStates> | undefined
  /** Called when it begins to close. */
  readonly #closeListeners = new Set<() => void>()
  #pump: AbortController | undefined
  readonly #syncTimer: SyncTimer
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
    this.#syncTimer = new SyncTimer(opened.clock, () => void (this.closed || hot.journalSyncSoon(this.#id)))
    this.#handle = opened.handle
    this.#subscribers = new Listeners('subscriber', (error, { sequence, id }) => {
      if (opened.options.emit === undefined) this.#report(error, 'a subscriber of a journal')
      else this.#emitEvent((at) => ({ type: 'journal:subscriber:error', seq: sequence, id, error, at }))
    })
    if (this.#handle !== undefined) this.#handle.onProgress = () => this.#onProgress()
    this.#openAnother = opened.open
    this.#readers = new WaitingReaders(opened.clock, this.readOnly ? (opened.options.pollMs ?? 100) : undefined)
    this.#appends =
      opened.handle &&
      new Appender<T>(opened.handle, {
        clock: opened.clock,
        options: opened.options,
        getEntry: (sequence) => this.getEntry(sequence),
        first: () => this.view().first,
        onAppended: (last) => this.#readers.appended(last),
        onOverflow: (maxEntries) => this.#overflow(maxEntries),
      })
    this.#letFollow()
    this.#disown = opened.closesWithSystem ? this.#system.own({ close: () => this.close() }) : () => {}
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
   *
   * With a `stream` the entry is an event of that stream. Rejects with VersionConflictError when the stream has another
   * version than `expectedVersion`, with those events that are in flight: then nothing was appended.
   *
   * @example
   * ```ts
   * await journal.append({ type: 'added', sku: 'a-1' }, { stream: 'cart-7', expectedVersion: 0, id: 'command-81' })
   * ```
   */
  append(data: T, options?: AppendOptions): Promise<JournalEntry<T>> {
    return appends.hasSubscribers ? this.#appendTraced(data, options) : this.#append(data, options)
  }

  #appendTraced(data: T, options: AppendOptions | undefined): Promise<JournalEntry<T>> {
    return appends.trace({ journal: this, data: [data] }, () => this.#append(data, options))
  }

  #append(data: T, options: AppendOptions | undefined): Promise<JournalEntry<T>> {
    return this.#withEvents(new Promise((resolve, reject) => this.#appender().append(data, options, resolve, reject)))
  }

  /**
   * Adds entries, all or none of them, also over several streams and after a crash, with one time and without another's
   * between. Options are for all entries, or a list with those of each. `expectedVersion` is always that of the stream
   * before all of them. When all entries repeat an `id`, it resolves with the earlier entries; when only some do, it
   * rejects with InvalidArgumentError. Rejects as {@link append}, and for entries of more than 1 GiB together.
   *
   * @example
   * ```ts
   * await journal.appendMany(
   *   [{ type: 'debited', amount: 5 }, { type: 'credited', amount: 5 }],
   *   [{ stream: 'account-1', expectedVersion: 3 }, { stream: 'account-2', expectedVersion: 7 }],
   * )
   * ```
   */
  appendMany(
    datas: Iterable<T>,
    options?: AppendOptions | readonly (AppendOptions | undefined)[],
  ): Promise<JournalEntry<T>[]> {
    try {
      this.#writer()
      const list = [...iterable('datas', datas)]
      return this.#appendAll(list, () => checkAppends(options, list.length))
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  /** @internal Appends events, all or none. Rejects with VersionConflictError unless the stream is as expected. */
  appendTo(stream: ExpectedStream, datas: readonly T[]): Promise<JournalEntry<T>[]> {
    return this.#appendAll(datas, () => appendsTo(stream, datas.length))
  }

  #appendAll(data: readonly T[], each: () => readonly CheckedAppend[] | undefined): Promise<JournalEntry<T>[]> {
    const append = (): Promise<JournalEntry<T>[]> =>
      this.#withEvents(new Promise((resolve, reject) => this.#appender().appendAll(data, each(), resolve, reject)))
    return appends.hasSubscribers ? appends.trace({ journal: this, data }, append) : append()
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
   * meanwhile, and so do saved states that nothing has replaced. Memory: the distinct keys. Resolves with the number of
   * entries that went.
   */
  async compact(options?: CompactOptions): Promise<number> {
    const settings = checkOptions('options', options)
    known('options', settings, ['dropTombstones'])
    const drop = flag('options.dropTombstones', false, settings.dropTombstones)
    const droppedCount = await this.#writer().begin(drop ? protocol.BEGIN_COMPACT_AND_DROP : protocol.BEGIN_COMPACT)
    if (hasFiles(join(this.path, STATES))) await (await this.#openStates()).compact()
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

  /**
   * Starts a consumer: it follows the journal from a checkpoint that the journal keeps under this name, in the directory
   * `states` beside its files, and hands each entry to `handler` at least once, in order. The promise of a handler is
   * waited for. A consumer of the same name that runs already, on any thread, makes this one stop with
   * JournalNameInUseError.
   *
   * @throws InvalidArgumentError naming the argument or option that is refused, and for a read-only journal.
   * @throws ClosedError when the journal is closed.
   * @example
   * ```ts
   * const mails = journal.consumer('mails', async ({ data }) => send(data), { onParked: (entry, error) => report(error) })
   * await mails.whenCaughtUp()
   * ```
   */
  consumer<B extends number | undefined = undefined>(
    name: string,
    handler: (
      entries: B extends number ? readonly JournalEntry<T>[] : JournalEntry<T>,
      context: ConsumerContext,
    ) => unknown,
    options?: ConsumerOptions<T, B>,
  ): Consumer<T> {
    return new (consumers().Consumer)<T>(insideOf<T>(this) as FollowedJournal<T>, name, handler, options)
  }

  /**
   * Copies the journal, with its saved states, into a directory that is empty or not there yet. The copy holds
   * everything that was accepted before, and is read and checked before the promise resolves. Appends go on meanwhile;
   * a compaction and `close()` wait. Ended segments are hard links where the file system can make them, and their bytes
   * are shared with the original.
   *
   * Rejects with InvalidArgumentError when the directory holds files, with JournalCorruptError, and with JournalIoError,
   * which does not end this journal. Then the directory holds nothing, or a part.
   */
  async backup(directory: string): Promise<BackupReport> {
    const target = checkPath('directory', directory)
    this.#assertOpen()
    const { assertEmpty, backUp } = backups()
    const states = join(this.path, STATES)
    if (hasFiles(states)) {
      await assertEmpty(target)
      // First, so that no checkpoint in the copy is behind its last entry.
      const open = { system: this.#system, clock: this.clock, readOnly: true }
      await using saved = await this.#openAnother(states, open)
      await saved.backup(join(target, STATES))
    }
    return backUp(this.#id, target, this.clock)
  }

  /** Returns the form from which `Journal.fromJSON` makes a journal in memory. */
  toJSON(): SerializedJournal {
    return {
      entries: serializeEntries(this.entries(), this.#options.serializer),
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

  #appender(): Appender<T> {
    this.#writer()
    return this.#appends as Appender<T>
  }

  #letFollow(): void {
    follow<T>(this, {
      system: this.#system,
      clock: this.clock,
      assertWritable: () => void this.#writer(),
      isClosed: () => this.closed,
      closedError: (what) => new ClosedError(what),
      next: () => (this.closed ? 0 : this.view().next),
      read: (from, limit) => this.#readTail(from, limit),
      wait: (next, signal) => this.#wait(next, undefined, signal, true),
      wake: () => this.#readers.wake(),
      onClose: (listener) => {
        this.#closeListeners.add(listener)
        return () => void this.#closeListeners.delete(listener)
      },
      claim: (name) => this.#writer().claim(name),
      release: (name) => this.#handle?.release(name),
      // With 'sync' only entries that are on disk are acknowledged.
      synced: () => (this.durability === 'sync' ? undefined : this.sync()),
      states: () => this.#openStates(),
      report: (error, origin, owner) => {
        if (owner === undefined) this.#report(error, origin)
        else tellOwner(owner, error, origin)
      },
    })
  }

  #openStates(): Promise<SavedStates> {
    this.#writer()
    const { path, clock } = this
    const owner = { path, clock, system: this.#system, mode: this.#options.mode, open: this.#openAnother }
    this.#states ??= SavedStates.open(owner)
    return this.#states
  }

  #writer(): Handle {
    if (this.#handle === undefined) throw new InvalidArgumentError('journal', 'open to write', 'a read-only journal')
    this.#handle.assertOpen()
    return this.#handle
  }

  #assertOpen(): void {
    if (this.closed) throw new ClosedError('the journal')
  }

  /** Returns the promise of an append that also emits its events, and syncs soon, once it is acknowledged. */
  #withEvents<A extends JournalEntry<T> | JournalEntry<T>[]>(appended: Promise<A>): Promise<A> {
    const { emit } = this.#options
    if (this.durability === 'sync' && emit === undefined) return appended
    return appended.then((answer) => {
      const entries: readonly JournalEntry<T>[] = Array.isArray(answer) ? answer : [answer]
      if (entries.length > 0 && this.durability !== 'sync') this.#syncTimer.set()
      if (emit !== undefined) {
        const size = this.closed ? 0 : this.size()
        for (const { id, sequence: seq } of entries)
          this.#emitEvent((at) => ({ type: 'journal:append', id, seq, size, at }))
      }
      return answer
    })
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
    return this.#readers.wait(next, signal, end, keepAlive)
  }

  #onProgress(): void {
    this.#readers.wake()
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
    this.#syncTimer.cancel()
    for (const listener of this.#closeListeners) listener()
    await this.#states?.then(
      (states) => states.close(),
      () => {},
    )
    if (this.#handle !== undefined) await this.#handle.close()
    else hot.journalDrop(this.#id)
    this.#closed = true
    this.#disown()
    this.#pump?.abort()
    this.#readers.wake()
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
