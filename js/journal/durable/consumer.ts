import { pauseOn } from '../../clock/internal-timers.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import {
  callable,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { JournalEntry } from '../types.ts'
import { plainText } from './append-options.ts'
import type { FollowedJournal } from './followed.ts'
import { Follower, type ParkedEntry, withParked } from './follower.ts'
import type { Page } from './pages.ts'
import { checkUpcast, upcastEntry, type Upcast, type Upcasters } from './upcast.ts'

const LAST = Number.MAX_SAFE_INTEGER
const PAGE = 256

/** The second argument of a consumer's handler. */
export interface ConsumerContext {
  /** Aborts when the consumer is closed. */
  readonly signal: AbortSignal
  /** 1 for the first time that the handler gets these entries since the consumer started. */
  readonly attempt: number
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
  /** How often a handler that fails is called again: from 0; `Infinity` has no end. Default 5. */
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
    retries: settings.retries === Infinity ? Infinity : integer('options.retries', 0, LAST, settings.retries ?? 5),
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
export class Consumer<T = unknown> extends Follower<T> {
  readonly #handler: (entries: never, context: ConsumerContext) => unknown
  readonly #settings: ConsumerSettings<T>
  #next = 0
  #saved = -1
  #sinceSaved = 0
  #parked: readonly ParkedEntry[] = []

  /** @internal Use `journal.consumer`. */
  constructor(
    journal: FollowedJournal<T>,
    name: string,
    handler: (entries: never, context: ConsumerContext) => unknown,
    options: ConsumerOptions<T> | undefined,
  ) {
    const checkedName = plainText('name', name)
    callable('handler', handler)
    const settings = checkConsumer(options)
    journal.assertWritable()
    super(journal, checkedName, { kind: 'consumer', pageSize: PAGE, onError: settings.onError })
    this.#handler = handler
    this.#settings = settings
    this.running = this.run(() => this.#begin())
  }

  override get nextSequence(): number {
    return this.#next
  }

  /** The sequence behind its checkpoint: what was handled before does not come again. 0 until it has one. */
  get checkpoint(): number {
    return Math.max(this.#saved, 0)
  }

  override get parked(): readonly ParkedEntry[] {
    return this.#parked
  }

  async #begin(): Promise<void> {
    // A consumer is returned before anything of it runs.
    await Promise.resolve()
    this.claim()
    if (this.end.signal.aborted) throw this.closedError()
    const saved = (await this.journal.states()).get(this.key) as Checkpoint | undefined
    const { from } = this.#settings
    const end = this.journal.next()
    const first = from === 'start' ? 0 : from === 'end' ? end : from
    if (saved === undefined) this.#next = first
    else {
      this.#parked = saved.parked
      // A checkpoint behind the end would skip new entries: the journal is an earlier copy of itself, or was salvaged.
      this.#next = this.#saved = Math.min(saved.next, Math.max(end, first))
    }
  }

  /** @internal */
  protected override async take({ entries, next }: Page<T>): Promise<void> {
    await this.#handle(entries)
    if (!this.end.signal.aborted) this.#next = Math.max(this.#next, next)
  }

  /** @internal */
  protected override saveAtEnd(): Promise<void> {
    return this.save()
  }

  /** @internal */
  protected override async save(): Promise<void> {
    this.#sinceSaved = 0
    const next = this.#next
    // Without a checkpoint, 'end' would be another one at the next start.
    if (next === this.#saved || (next === 0 && this.#saved < 0 && this.#settings.from !== 'end')) return
    const checkpoint: Checkpoint = { next, parked: this.#parked }
    await this.journal.synced()
    await (await this.journal.states()).set(this.key, checkpoint)
    this.#saved = next
  }

  async #handle(entries: readonly JournalEntry<T>[]): Promise<void> {
    const size = this.#settings.batchSize ?? 1
    for (let at = 0; at < entries.length && !this.end.signal.aborted; at += size) {
      const some = entries.slice(at, at + size)
      await this.#attempt(some)
      if (this.#sinceSaved >= this.#settings.checkpointEvery) await this.save()
    }
  }

  /** Hands entries to the handler until it takes them, or parks them. */
  async #attempt(entries: readonly JournalEntry<T>[]): Promise<void> {
    const { retries, onParked } = this.#settings
    const failure = await this.#tries(entries, retries)
    if (failure === undefined || this.end.signal.aborted) return
    if (onParked === undefined) throw failure.error
    for (const entry of entries) {
      const own = entries.length === 1 ? failure : await this.#tries([entry], 0)
      if (this.end.signal.aborted) return
      if (own === undefined) continue
      await onParked(entry, own.error)
      this.#parked = withParked(this.#parked, entry.sequence, own.error)
      this.#handled(entry.sequence, 1)
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
        await this.#handler(argument as never, { signal: this.end.signal, attempt })
        this.#handled(last, entries.length)
        return undefined
      } catch (error) {
        if (attempt > retries || this.end.signal.aborted) return { error }
        await this.#pause(Math.min(retryDelayMs * 2 ** Math.min(attempt - 1, 50), maxRetryDelayMs))
        if (this.end.signal.aborted) return { error }
      }
    }
  }

  #handled(last: number, count: number): void {
    this.#next = Math.max(this.#next, last + 1)
    this.#sinceSaved += count
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.end
      const timer = pauseOn(this.journal.clock, ms, `a retry of the consumer ${this.name}`, () => done())
      const done = (): void => {
        signal.removeEventListener('abort', done)
        timer.cancel()
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }
}
