import { outsideTraces } from '../../clock/internal-timers.ts'
import { deferred, type DeferredPromise } from '../../internal/deferred.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import { textOf } from '../../internal/thrown-values.ts'
import { isClosedError } from '../../errors/errors.ts'
import { JournalNameInUseError } from '../errors.ts'
import { turn } from './base.ts'
import type { FollowedJournal } from './followed.ts'
import type { Page } from './pages.ts'

/** Parked entries that a follower remembers. */
const MOST_PARKED = 1000

/** An entry that a consumer or a projection has parked. */
export interface ParkedEntry {
  /** The sequence of the entry. */
  readonly sequence: number
  /** The message of the error for which it was parked. */
  readonly message: string
}

/** Returns the newest 1000 parked entries, with one more. */
export function withParked(parked: readonly ParkedEntry[], sequence: number, error: unknown): readonly ParkedEntry[] {
  return [...parked, { sequence, message: textOf(error) }].slice(-MOST_PARKED)
}

/**
 * The state of a consumer or a projection: `'starting'` until its checkpoint is read, `'stopped'` after a failure, for
 * which `error` is set.
 */
export type ConsumerStatus = 'starting' | 'running' | 'stopped' | 'closed'

/** What a {@link Follower} is. */
interface Following {
  readonly kind: 'consumer' | 'projection'
  /** Entries that it reads at once. */
  readonly pageSize: number
  readonly onError: ErrorOwner | undefined
}

/** Implements what consumers and projections share: they follow a journal, save how far they are, and end once. */
export abstract class Follower<T> {
  /** The name under which its position is saved. */
  readonly name: string
  /** @internal */
  protected readonly journal: FollowedJournal<T>
  /** @internal Aborts when it is closed. */
  protected readonly end: AbortController = new AbortController()
  /** @internal */
  protected running: Promise<void> = Promise.resolve()
  readonly #following: Following
  readonly #disown: () => void
  #isClaimed = false
  #status: ConsumerStatus = 'starting'
  #error: unknown
  #waiters: { readonly goal: number; readonly waiter: DeferredPromise<void> }[] = []

  /** @internal */
  constructor(journal: FollowedJournal<T>, name: string, following: Following) {
    this.name = name
    this.journal = journal
    this.#following = following
    const disown = journal.system.own({ close: () => this.close() })
    const unlisten = journal.onClose(() => this.end.abort())
    this.#disown = () => {
      disown()
      unlisten()
    }
  }

  /** The state of the follower. */
  get status(): ConsumerStatus {
    return this.#status
  }

  /** The error for which it stopped; `undefined` while it has not. */
  get error(): unknown {
    return this.#error
  }

  /** The sequence of the next entry that it takes. */
  abstract get nextSequence(): number

  /** The newest 1000 entries that it has parked, oldest first. */
  abstract get parked(): readonly ParkedEntry[]

  /** The number of sequences between it and the end of the acknowledged entries. 0 when it has caught up. */
  get lag(): number {
    return this.journal.isClosed() ? 0 : Math.max(this.journal.next() - this.nextSequence, 0)
  }

  /**
   * Resolves when everything that is acknowledged now was taken, and its position is saved. Rejects with the error for
   * which it stopped, and with ClosedError when it is closed before.
   */
  whenCaughtUp(): Promise<void> {
    if (this.#status === 'stopped') return Promise.reject(this.#error as Error)
    if (this.#status === 'closed') return Promise.reject(this.closedError())
    const waiter = deferred<void>()
    this.#waiters.push({ goal: this.journal.next(), waiter })
    this.journal.wake()
    return waiter.promise
  }

  /** Ends it once what runs has ended, and saves its position. Idempotent; does not reject. */
  async close(): Promise<void> {
    this.end.abort()
    await this.running
  }

  /** `await using` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @internal */
  protected closedError(): Error {
    return this.journal.closedError(`the ${this.#following.kind}`)
  }

  /** @internal The name of its claim, and of its saved state. */
  protected get key(): string {
    return `${this.#following.kind}:${this.name}`
  }

  /** @internal Takes the entries of a page, which may be none, as far as it is not closed. */
  protected abstract take(page: Page<T>): Promise<void>
  /** @internal Saves its position once it has caught up. */
  protected abstract saveAtEnd(): Promise<void>
  /** @internal Saves its position. */
  protected abstract save(): Promise<void>

  /** @internal Takes its name. @throws JournalNameInUseError when another one has it. */
  protected claim(): void {
    if (!this.journal.claim(this.key)) throw new JournalNameInUseError(this.#following.kind, this.name)
    this.#isClaimed = true
  }

  /** @internal Gives its name free, and leaves its journal and system. */
  protected leave(): void {
    if (this.#isClaimed) this.journal.release(this.key)
    this.#disown()
  }

  /** @internal Follows the journal, once it is prepared, until it is closed or fails. Does not reject. */
  protected run(prepare?: () => Promise<void>): Promise<void> {
    return outsideTraces(this.journal.clock, () => this.#run(prepare))
  }

  async #run(prepare: (() => Promise<void>) | undefined): Promise<void> {
    try {
      if (prepare !== undefined) await prepare()
      this.#status = 'running'
      await this.#follow()
      await this.save()
      this.#status = 'closed'
    } catch (error) {
      const isClosing = this.end.signal.aborted && isClosedError(error)
      this.#status = isClosing ? 'closed' : 'stopped'
      if (!isClosing) {
        this.#error = error
        const { kind, onError } = this.#following
        this.journal.report(error, `the ${kind} ${this.name} of a journal`, onError)
      }
    } finally {
      this.end.abort()
      this.leave()
      const error = this.#status === 'stopped' ? this.#error : this.closedError()
      for (const { waiter } of this.#waiters.splice(0)) waiter.reject(error)
    }
  }

  async #follow(): Promise<void> {
    const { journal } = this
    const { signal } = this.end
    while (!signal.aborted) {
      const page = journal.read(this.nextSequence, this.#following.pageSize)
      await this.take(page)
      if (page.entries.length > 0) {
        await turn()
        continue
      }
      if (journal.isClosed()) return
      await this.saveAtEnd()
      this.#tellCaughtUp()
      if (!(await journal.wait(this.nextSequence, signal))) return
    }
  }

  #tellCaughtUp(): void {
    const next = this.nextSequence
    const reached = this.#waiters.filter(({ goal }) => goal <= next)
    this.#waiters = this.#waiters.filter(({ goal }) => goal > next)
    for (const { waiter } of reached) waiter.resolve()
  }
}
