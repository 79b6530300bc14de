import { holdTime } from '../../clock/internal-timers.ts'
import type { Clock } from '../../clock/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { forget, hold, release } from '../../internal/inbox.ts'
import { hot, native, scratch } from '../../native.ts'
import * as protocol from '../../protocol/journal.ts'
import { NONE } from '../../protocol/lane.ts'
import { closed, opened } from './exit.ts'
import { errorOf } from './failure.ts'

/** An append that waits to be acknowledged. */
interface Owed {
  /** The last of its sequences. */
  readonly last: number
  /** What it is told then. */
  readonly answer: unknown
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
}

interface Asked {
  readonly resolve: (value: number) => void
  readonly reject: (error: Error) => void
}

/**
 * One use of a journal that is open to be written: appends go in, acknowledgements and news come out, in order. The
 * event loop is held open as long as somebody is owed an answer.
 */
export class Handle {
  readonly id: number
  readonly level: number
  /** Called after news: something more is acknowledged, or the journal has ended. */
  onNews: () => void = () => {}
  readonly #token: number
  readonly #clock: Clock
  #resumeTime: (() => void) | undefined
  #owed: Owed[] = []
  /** How many of `#owed` have their answer. */
  #paid = 0
  readonly #asked = new Map<number, Asked>()
  #holding = false
  #kicking = false
  #failure: Error | undefined
  #closing: Promise<void> | undefined
  #ended: (() => void) | undefined
  #isOpen = true
  readonly #kick = (): void => {
    this.#kicking = false
    if (this.#isOpen) hot.journalKick(this.id)
  }

  /**
   * @param token Under which the journal was opened; who listens to it calls {@link news}.
   * @param clock By which entries grow old.
   */
  constructor(id: number, level: number, token: number, clock: Clock) {
    this.id = id
    this.#clock = clock
    this.#token = token
    this.level = level
    opened(id)
  }

  /** Whether it takes appends. */
  get isOpen(): boolean {
    return this.#isOpen && this.#closing === undefined && this.#failure === undefined
  }

  /** Why it takes none, when that was no close. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** @throws ClosedError when it was closed or has failed. */
  assertOpen(): void {
    if (!this.isOpen) throw new ClosedError('the journal')
  }

  /**
   * Appends a record in the core's form; its sequence.
   *
   * @throws ClosedError, RecordTooLargeError, JournalOverflowError; nothing is appended then.
   */
  append(text: string, wallMs: number, monoMs: number): number {
    this.assertOpen()
    return this.#accepted(hot.journalAppend(text, this.id, wallMs, monoMs, this.level))
  }

  /** Appends records in the core's form, all or none; the first sequence. @throws as {@link append}. */
  appendAll(texts: readonly string[], count: number, wallMs: number, monoMs: number): number {
    this.assertOpen()
    const last = texts.length - 1
    for (let index = 0; index < last; index++) hot.journalGather(texts[index] as string)
    return this.#accepted(hot.journalAppendAll(texts[last] as string, this.id, wallMs, monoMs, this.level, count))
  }

  #accepted(first: number): number {
    if (first < 0) throw first === NONE ? new ClosedError('the journal') : errorOf(native.journalFailure(this.id))
    if (!this.#kicking) {
      // At the end of this turn, so that what the turn appends is one group.
      this.#kicking = true
      process.nextTick(this.#kick)
    }
    return first
  }

  /** Calls back with the answer once a sequence is acknowledged, or with an error when it will never be. */
  whenAcknowledged<A>(last: number, answer: A, resolve: (answer: A) => void, reject: (error: Error) => void): void {
    if (this.level === protocol.LEVEL_MEMORY) {
      resolve(answer)
      return
    }
    this.#owed.push({ last, answer, resolve, reject })
    this.#hold()
  }

  /** Begins something in the core; its result. */
  begin(task: number): Promise<number> {
    return this.#ask(() => {
      const { wallMs, monoMs } = this.#clock.now()
      return hot.journalBegin(this.id, task, wallMs, monoMs)
    })
  }

  /** Saves a state for all before `next`. */
  saveSnapshot(state: string, next: number, wallMs: number): Promise<number> {
    return this.#ask(() => hot.journalSnapshot(state, this.id, next, wallMs))
  }

  /** Asks for news once more than `beyond` is acknowledged; true when it is already. */
  arm(beyond: number): boolean {
    return (
      hot.journalArm(this.id, this.level === protocol.LEVEL_MEMORY ? protocol.LEVEL_FLUSH : this.level, beyond) !== 0
    )
  }

  /** Ends the use once everything it appended is on disk. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** What the core has to tell. The inbox calls it. */
  readonly news = (): void => {
    if (!this.#isOpen) return
    for (let ticket = hot.journalFinished(this.id); ticket >= 0; ticket = hot.journalFinished(this.id)) {
      const worked = scratch[protocol.FINISHED_WORKED] === 1
      const value = scratch[protocol.FINISHED_VALUE] as number
      const asked = this.#asked.get(ticket)
      this.#asked.delete(ticket)
      if (worked) asked?.resolve(value)
      else asked?.reject(errorOf(native.journalFailure(this.id)))
    }
    const state = hot.journalProgress(this.id)
    this.#acknowledge(this.#reached())
    if (state === protocol.STATE_FAILED) this.#fail(errorOf(native.journalFailure(this.id)))
    if (state >= protocol.STATE_ENDED) this.#ended?.()
    this.onNews()
    this.#hold()
  }

  /** Returns the sequence before which all is acknowledged, by the progress that the core has just written. */
  #reached(): number {
    const { level } = this
    return scratch[level === protocol.LEVEL_SYNC ? protocol.PROGRESS_SYNCED : protocol.PROGRESS_WRITTEN] as number
  }

  #acknowledge(before: number): void {
    const owed = this.#owed
    while (this.#paid < owed.length && (owed[this.#paid] as Owed).last < before) {
      const { resolve, answer } = owed[this.#paid++] as Owed
      resolve(answer as never)
    }
    if (this.#paid === owed.length) {
      this.#owed = []
      this.#paid = 0
    } else if (this.#paid >= 1024 && this.#paid * 2 >= owed.length) {
      this.#owed = owed.slice(this.#paid)
      this.#paid = 0
    }
    const first = this.#owed[this.#paid]
    if (first !== undefined && this.arm(first.last)) {
      // It came between the look and the asking.
      const state = hot.journalProgress(this.id)
      if (state < protocol.STATE_ENDED) this.#acknowledge(this.#reached())
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    const owed = this.#owed.slice(this.#paid)
    this.#owed = []
    this.#paid = 0
    for (const { reject } of owed) reject(error)
  }

  #ask(begin: () => number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure
      if (!this.#isOpen) throw new ClosedError('the journal')
      const ticket = begin()
      if (ticket < 0) throw new ClosedError('the journal')
      this.#asked.set(ticket, { resolve, reject })
      this.#hold()
    })
  }

  /** Holds the event loop exactly while something is owed. */
  #hold(): void {
    const owes = this.#owed.length > this.#paid || this.#asked.size > 0 || this.#ended !== undefined
    if (owes === this.#holding) return
    this.#holding = owes
    if (owes) {
      hold()
      this.#resumeTime = holdTime(this.#clock, 'a journal on disk')
    } else {
      release()
      this.#resumeTime?.()
    }
  }

  async #close(): Promise<void> {
    try {
      hot.journalKick(this.id)
      // A journal that failed has nothing to sync any more.
      if (hot.journalProgress(this.id) === protocol.STATE_OPEN) await this.begin(protocol.BEGIN_SYNC).catch(() => {})
      if (hot.journalLeave(this.id) === 1 && hot.journalProgress(this.id) < protocol.STATE_ENDED) {
        await new Promise<void>((resolve) => {
          this.#ended = resolve
          this.#hold()
        })
        this.#ended = undefined
      }
      this.news()
    } finally {
      this.#isOpen = false
      // A compaction that still runs goes on for the others who use the journal.
      for (const { reject } of this.#asked.values()) reject(new ClosedError('the journal'))
      this.#asked.clear()
      this.#hold()
      closed(this.id)
      forget(this.#token)
      hot.journalDrop(this.id)
    }
  }
}
