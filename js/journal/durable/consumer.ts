import { pauseOn } from '../../clock/internal-timers.ts'
import { deferred, type DeferredPromise } from '../../internal/deferred.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import {
  callable,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import { InvalidArgumentError, isClosedError } from '../../errors/errors.ts'
import { textOf } from '../../internal/thrown-values.ts'
import { JournalNameInUseError } from '../errors.ts'
import type { JournalEntry } from '../types.ts'
import { plainText } from './append-options.ts'
import { turn } from './base.ts'
import type { FollowedJournal } from './followed.ts'
import { checkUpcast, upcastEntry, type Upcast, type Upcasters } from './upcast.ts'

const LAST = Number.MAX_SAFE_INTEGER
const PAGE = 256
/** Parked entries that a checkpoint remembers. */
const MOST_PARKED = 1000

/** The second argument of a consumer's handler. */
export interface ConsumerContext {
  /** Aborts when the consumer is closed. */
  readonly signal: AbortSignal
  /** 1 for the first time that the handler gets these entries since the consumer started. */
  readonly attempt: number
}

/** An entry that a consumer or a projection has parked. */
export interface ParkedEntry {
  /** The sequence of the entry. */
  readonly sequence: number
  /** The message of the error for which it was parked. */
  readonly message: string
}

/** Options of `journal.consumer`. Times are milliseconds on the clock of the journal. */
export interface ConsumerOptions<T, B extends number | undefined = number | undefined> {
  /**
   * The first sequence for a consumer without a checkpoint: a sequence, `'start'` for the first entry that is held, or
   * `'end'` for what is appended from now on. Default `'start'`.
   */
  readonly from?: number | 'start' | 'end'
  /** Passes up to so many entries at once to the handler, as a list: 1 to 65536. Default: one entry, and no list. */
  readonly batchSize?: B
  /**
   * The checkpoint is saved after so many entries, and when the consumer has caught up: 1 to 65536. After a crash, the
   * handler gets again what came after the checkpoint. Default 64, and with `batchSize` each batch.
   */
  readonly checkpointEvery?: number
  /** How often a handler that fails is called again: from 0. Default 5. */
  readonly retries?: number
  /** The pause before the first retry. It doubles with each. Default 100. */
  readonly retryDelayMs?: number
  /** The longest pause between two retries. Default 30 000. */
  readonly maxRetryDelayMs?: number
  /**
   * Takes an entry that the handler failed for, after the retries; the consumer then goes on behind it. Of a batch, each
   * entry is tried alone before. Without it the consumer stops, and reports the error. When it fails itself, the
   * consumer stops, too.
   */
  readonly onParked?: (entry: JournalEntry<T>, error: unknown) => unknown
  /** Brings events of earlier versions up to date before the handler gets them. Default: events as they are. */
  readonly upcast?: Upcasters
  /** Owns the error for which the consumer stops. Default: the owner of the journal's system. */
  readonly onError?: ErrorOwner
}

/**
 * The state of a consumer or a projection: `'starting'` until its checkpoint is read, `'stopped'` after a failure, for
 * which `error` is set.
 */
export type ConsumerStatus = 'starting' | 'running' | 'stopped' | 'closed'

interface Checkpoint {
  readonly next: number
  readonly parked: readonly ParkedEntry[]
}

interface ConsumerSettings<T> {
  readonly from: number | 'start' | 'end'
  readonly batchSize: number | undefined
  readonly checkpointEvery: number
  readonly retries: number
  readonly retryDelayMs: number
  readonly maxRetryDelayMs: number
  readonly onParked: ((entry: JournalEntry<T>, error: unknown) => unknown) | undefined
  readonly upcast: Upcast
  readonly onError: ErrorOwner | undefined
}

function checkConsumer<T>(options: ConsumerOptions<T> | undefined): ConsumerSettings<T> {
  const settings = checkOptions('options', options)
  const names = ['from', 'batchSize', 'checkpointEvery', 'retries', 'retryDelayMs', 'maxRetryDelayMs', 'onParked']
  known('options', settings, [...names, 'upcast', 'onError'])
  const { from = 'start', batchSize } = settings
  if (from !== 'start' && from !== 'end' && !(Number.isInteger(from) && from >= 0 && from <= LAST)) {
    throw new InvalidArgumentError('options.from', "a sequence, 'start' or 'end'", from)
  }
  const size = batchSize === undefined ? undefined : integer('options.batchSize', 1, 65_536, batchSize)
  return {
    from,
    batchSize: size,
    checkpointEvery: integer(
      'options.checkpointEvery',
      1,
      65_536,
      settings.checkpointEvery ?? (size === undefined ? 64 : 1),
    ),
    retries: integer('options.retries', 0, LAST, settings.retries ?? 5),
    retryDelayMs: positiveMillis('options.retryDelayMs', settings.retryDelayMs ?? 100),
    maxRetryDelayMs: positiveMillis('options.maxRetryDelayMs', settings.maxRetryDelayMs ?? 30_000),
    onParked: optionalCallable('options.onParked', settings.onParked),
    upcast: checkUpcast('options.upcast', settings.upcast),
    onError: optionalCallable('options.onError', settings.onError),
  }
}

/**
 * Follows a journal from a checkpoint of its own, and hands each entry to a handler at least once, in order: the entries
 * that are there, and then those to come, without a gap. Consumers do not wait for each other. While one waits for
 * entries it holds the process open.
 */
export class Consumer<T = unknown> {
  /** The name of its checkpoint. */
  readonly name: string
  readonly #journal: FollowedJournal<T>
  readonly #handler: (entries: never, context: ConsumerContext) => unknown
  readonly #settings: ConsumerSettings<T>
  readonly #end = new AbortController()
  readonly #disown: () => void
  readonly #running: Promise<void>
  #status: ConsumerStatus = 'starting'
  #error: unknown
  #next = 0
  #saved = -1
  #sinceSaved = 0
  #parked: readonly ParkedEntry[] = []
  #waiters: { readonly goal: number; readonly waiter: DeferredPromise<void> }[] = []

  /** @internal Use `journal.consumer`. */
  constructor(
    journal: FollowedJournal<T>,
    name: string,
    handler: (entries: never, context: ConsumerContext) => unknown,
    options: ConsumerOptions<T> | undefined,
  ) {
    this.name = plainText('name', name)
    this.#handler = callable('handler', handler)
    this.#settings = checkConsumer(options)
    this.#journal = journal
    journal.assertWritable()
    const disown = journal.system.own({ close: () => this.close() })
    const unlisten = journal.onClose(() => this.#end.abort())
    this.#disown = () => {
      disown()
      unlisten()
    }
    this.#running = this.#run()
  }

  /** The state of the consumer. */
  get status(): ConsumerStatus {
    return this.#status
  }

  /** The error for which it stopped; `undefined` while it has not. */
  get error(): unknown {
    return this.#error
  }

  /** The sequence of the next entry that its handler gets. */
  get nextSequence(): number {
    return this.#next
  }

  /** The sequence behind its checkpoint: what was handled before does not come again. 0 until it has one. */
  get checkpoint(): number {
    return Math.max(this.#saved, 0)
  }

  /** The number of sequences between it and the end of the acknowledged entries. 0 when it has caught up. */
  get lag(): number {
    return this.#journal.isClosed() ? 0 : Math.max(this.#journal.next() - this.#next, 0)
  }

  /** The newest 1000 entries that it has parked, oldest first. */
  get parked(): readonly ParkedEntry[] {
    return this.#parked
  }

  /**
   * Resolves when everything that is acknowledged now was handled, and the checkpoint is saved. Rejects with the error
   * for which the consumer stopped, and with ClosedError when it is closed before.
   */
  whenCaughtUp(): Promise<void> {
    if (this.#status === 'stopped') return Promise.reject(this.#error as Error)
    if (this.#status === 'closed') return Promise.reject(this.#journal.closedError('the consumer'))
    const waiter = deferred<void>()
    this.#waiters.push({ goal: this.#journal.next(), waiter })
    this.#journal.wake()
    return waiter.promise
  }

  /** Ends the consumer once the handler that runs has ended, and saves its checkpoint. Idempotent; does not reject. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  /** `await using` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(): Promise<void> {
    const claim = `consumer:${this.name}`
    let isClaimed = false
    try {
      // A consumer is returned before anything of it runs.
      await Promise.resolve()
      isClaimed = this.#journal.claim(claim)
      if (!isClaimed) throw new JournalNameInUseError('consumer', this.name)
      if (this.#end.signal.aborted) throw this.#journal.closedError('the consumer')
      const states = await this.#journal.states()
      this.#begin(states.get(claim) as Checkpoint | undefined)
      while (!this.#end.signal.aborted) {
        const page = this.#journal.read(this.#next, PAGE)
        if (page.entries.length > 0) {
          await this.#handle(page.entries)
          if (!this.#end.signal.aborted) this.#next = Math.max(this.#next, page.next)
          await turn()
          continue
        }
        this.#next = Math.max(this.#next, page.next)
        if (this.#journal.isClosed()) break
        await this.#save()
        this.#tellCaughtUp()
        if (!(await this.#journal.wait(this.#next, this.#end.signal))) break
      }
      await this.#save()
      this.#status = 'closed'
    } catch (error) {
      const isClosing = this.#end.signal.aborted && isClosedError(error)
      this.#status = isClosing ? 'closed' : 'stopped'
      if (!isClosing) {
        this.#error = error
        this.#journal.report(error, `the consumer ${this.name} of a journal`, this.#settings.onError)
      }
    } finally {
      if (isClaimed) this.#journal.release(claim)
      this.#end.abort()
      this.#disown()
      const error = this.#status === 'stopped' ? this.#error : this.#journal.closedError('the consumer')
      for (const { waiter } of this.#waiters.splice(0)) waiter.reject(error)
    }
  }

  #begin(saved: Checkpoint | undefined): void {
    const { from } = this.#settings
    const end = this.#journal.next()
    if (saved === undefined) this.#next = from === 'start' ? 0 : from === 'end' ? end : from
    else {
      this.#parked = saved.parked
      // Entries that were not synced can be lost with the power, and a checkpoint behind them would skip new ones.
      this.#next = this.#saved = Math.min(saved.next, end)
    }
    this.#status = 'running'
  }

  async #handle(entries: readonly JournalEntry<T>[]): Promise<void> {
    const size = this.#settings.batchSize ?? 1
    for (let at = 0; at < entries.length && !this.#end.signal.aborted; at += size) {
      const some = entries.slice(at, at + size)
      await this.#attempt(some)
      if (this.#sinceSaved >= this.#settings.checkpointEvery) await this.#save()
    }
  }

  /** Hands entries to the handler until it takes them, or parks them. */
  async #attempt(entries: readonly JournalEntry<T>[]): Promise<void> {
    const { retries, onParked } = this.#settings
    const failure = await this.#tries(entries, retries)
    if (failure === undefined || this.#end.signal.aborted) return
    if (onParked === undefined) throw failure.error
    for (const entry of entries) {
      const own = entries.length === 1 ? failure : await this.#tries([entry], 0)
      if (this.#end.signal.aborted) return
      if (own === undefined) continue
      await onParked(entry, own.error)
      const { sequence } = entry
      this.#parked = [...this.#parked, { sequence, message: textOf(own.error) }].slice(-MOST_PARKED)
      this.#handled(sequence, 1)
    }
  }

  /** Returns the last error when every attempt failed. */
  async #tries(entries: readonly JournalEntry<T>[], retries: number): Promise<{ readonly error: unknown } | undefined> {
    const { batchSize, upcast, retryDelayMs, maxRetryDelayMs } = this.#settings
    const last = (entries.at(-1) as JournalEntry<T>).sequence
    for (let attempt = 1; ; attempt++) {
      try {
        const current = entries.map((entry) => upcastEntry(upcast, entry))
        const argument = batchSize === undefined ? current[0] : current
        await this.#handler(argument as never, { signal: this.#end.signal, attempt })
        this.#handled(last, entries.length)
        return undefined
      } catch (error) {
        if (attempt > retries || this.#end.signal.aborted) return { error }
        await this.#pause(Math.min(retryDelayMs * 2 ** Math.min(attempt - 1, 50), maxRetryDelayMs))
        if (this.#end.signal.aborted) return { error }
      }
    }
  }

  #handled(last: number, count: number): void {
    this.#next = Math.max(this.#next, last + 1)
    this.#sinceSaved += count
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#end
      const timer = pauseOn(this.#journal.clock, ms, `a retry of the consumer ${this.name}`, () => done())
      const done = (): void => {
        signal.removeEventListener('abort', done)
        timer.cancel()
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }

  async #save(): Promise<void> {
    this.#sinceSaved = 0
    const next = this.#next
    if (next === this.#saved || (next === 0 && this.#saved < 0)) return
    const states = await this.#journal.states()
    await states.set(`consumer:${this.name}`, { next, parked: this.#parked } satisfies Checkpoint)
    this.#saved = next
  }

  #tellCaughtUp(): void {
    const reached = this.#waiters.filter(({ goal }) => goal <= this.#next)
    this.#waiters = this.#waiters.filter(({ goal }) => goal > this.#next)
    for (const { waiter } of reached) waiter.resolve()
  }
}
