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
interface PendingAck {
  /** The last of its sequences. */
  readonly last: number
  /** The value with which its promise resolves. */
  readonly result: unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

/** A command to the writing thread that has no result yet. */
interface PendingCommand {
  readonly resolve: (value: number) => void
  readonly reject: (error: Error) => void
}

/**
 * One use of a journal that is open to be written: appends go in, acknowledgements and notifications come out, in
 * order. Holds the event loop open while an append or a command is pending.
 */
export class Handle {
  readonly id: number
  readonly level: number
  /** Called after each notification: more entries are acknowledged, or the journal has ended. */
  onProgress: () => void = () => {}
  readonly #token: number
  readonly #clock: Clock
  #resumeTime: (() => void) | undefined
  #pendingAcks: PendingAck[] = []
  /** The number of `#pendingAcks`, from the first, that are acknowledged. */
  #acknowledged = 0
  readonly #pendingCommands = new Map<number, PendingCommand>()
  #isHolding = false
  #isFlushScheduled = false
  #failure: Error | undefined
  #closing: Promise<void> | undefined
  #ended: (() => void) | undefined
  #isOpen = true
  readonly #flush = (): void => {
    this.#isFlushScheduled = false
    if (this.#isOpen) hot.journalKick(this.id)
  }

  /**
   * @param token The token of the inbox under which the journal was opened. Its listener calls {@link notify}.
   * @param clock The clock by which entries grow old.
   */
  constructor(id: number, level: number, token: number, clock: Clock) {
    this.id = id
    this.#clock = clock
    this.#token = token
    this.level = level
    opened(id)
  }

  /** True while it takes appends. */
  get isOpen(): boolean {
    return this.#isOpen && this.#closing === undefined && this.#failure === undefined
  }

  /** The error for which it takes no appends; `undefined` while it is open, and after a close. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** @throws ClosedError when it was closed or has failed. */
  assertOpen(): void {
    if (!this.isOpen) throw new ClosedError('the journal')
  }

  /**
   * Appends a record in the core's form. Returns its sequence.
   *
   * @returns `REPEATED` when it repeats an earlier event; see {@link repeated}.
   * @throws ClosedError, RecordTooLargeError, JournalOverflowError, VersionConflictError; nothing is appended then.
   */
  append(text: string, wallMs: number, monoMs: number): number {
    this.assertOpen()
    return this.#accepted(hot.journalAppend(text, this.id, wallMs, monoMs, this.level))
  }

  /** Appends records in the core's form, all or none. Returns the first sequence. @throws as {@link append}. */
  appendAll(texts: readonly string[], count: number, wallMs: number, monoMs: number): number {
    this.assertOpen()
    const last = texts.length - 1
    for (let index = 0; index < last; index++) hot.journalGather(texts[index] as string)
    return this.#accepted(hot.journalAppendAll(texts[last] as string, this.id, wallMs, monoMs, this.level, count))
  }

  #accepted(first: number): number {
    if (first === protocol.REPEATED) return first
    if (first < 0) throw first === NONE ? new ClosedError('the journal') : errorOf(native.journalFailure(this.id))
    if (!this.#isFlushScheduled) {
      // At the end of this turn, so that what the turn appends is one group.
      this.#isFlushScheduled = true
      process.nextTick(this.#flush)
    }
    return first
  }

  /** Returns the position in its stream of record `index` of the last append. */
  positionOf(index: number): number {
    return hot.journalPosition(this.id, index)
  }

  /** Returns the sequences of the earlier events that the last append repeats, `count` in number. */
  repeated(count: number): number[] {
    return Array.from({ length: count }, (_, index) => hot.journalRepeated(this.id, index))
  }

  /** Calls `resolve` once a sequence can be read, at the level of this use, or `reject` when it never will be. */
  whenReadable(last: number, resolve: () => void, reject: (error: Error) => void): void {
    if (this.requestNotification(last)) {
      if (this.#failure === undefined) resolve()
      else reject(this.#failure)
      return
    }
    this.#pendingAcks.push({ last, result: undefined, resolve, reject })
    this.#updateHold()
  }

  /** The number of appends that wait for their acknowledgement. */
  get pending(): number {
    return this.#pendingAcks.length - this.#acknowledged
  }

  /** Takes a name for this use, until it is released or the use ends. Returns false when another has it. */
  claim(name: string): boolean {
    this.assertOpen()
    return hot.journalClaim(name, this.id) === 1
  }

  /** Gives a name free. */
  release(name: string): void {
    if (this.#isOpen) hot.journalRelease(name, this.id)
  }

  /** Calls `resolve` with `result` once a sequence is acknowledged, or `reject` when it never will be. */
  whenAcknowledged<A>(last: number, result: A, resolve: (result: A) => void, reject: (error: Error) => void): void {
    if (this.level === protocol.LEVEL_MEMORY) {
      resolve(result)
      return
    }
    this.#pendingAcks.push({ last, result, resolve, reject })
    this.#updateHold()
  }

  /** Begins a task of the writing thread. Resolves with its result. */
  begin(task: number): Promise<number> {
    return this.#command(() => {
      const { wallMs, monoMs } = this.#clock.now()
      return hot.journalBegin(this.id, task, wallMs, monoMs)
    })
  }

  /** Saves a state that stands for all entries before `next`. */
  saveSnapshot(state: string, next: number, wallMs: number): Promise<number> {
    return this.#command(() => hot.journalSnapshot(state, this.id, next, wallMs))
  }

  /** Asks for a notification once more than `beyond` is acknowledged. Returns true, and asks for none, when it is. */
  requestNotification(beyond: number): boolean {
    return (
      hot.journalArm(this.id, this.level === protocol.LEVEL_MEMORY ? protocol.LEVEL_FLUSH : this.level, beyond) !== 0
    )
  }

  /** Ends the use once everything it appended is on disk. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Settles what the core has acknowledged, done or failed. The inbox calls it. */
  readonly notify = (): void => {
    if (!this.#isOpen) return
    for (let ticket = hot.journalFinished(this.id); ticket >= 0; ticket = hot.journalFinished(this.id)) {
      const worked = scratch[protocol.FINISHED_WORKED] === 1
      const value = scratch[protocol.FINISHED_VALUE] as number
      const command = this.#pendingCommands.get(ticket)
      this.#pendingCommands.delete(ticket)
      if (worked) command?.resolve(value)
      else command?.reject(errorOf(native.journalFailure(this.id)))
    }
    const state = hot.journalProgress(this.id)
    this.#acknowledge(this.#reached())
    if (state === protocol.STATE_FAILED) this.#fail(errorOf(native.journalFailure(this.id)))
    if (state >= protocol.STATE_ENDED) this.#ended?.()
    this.onProgress()
    this.#updateHold()
  }

  /** Returns the sequence before which all is acknowledged, by the progress that the core has just written. */
  #reached(): number {
    const { level } = this
    return scratch[level === protocol.LEVEL_SYNC ? protocol.PROGRESS_SYNCED : protocol.PROGRESS_WRITTEN] as number
  }

  #acknowledge(before: number): void {
    const acks = this.#pendingAcks
    while (this.#acknowledged < acks.length && (acks[this.#acknowledged] as PendingAck).last < before) {
      const { resolve, result } = acks[this.#acknowledged++] as PendingAck
      resolve(result as never)
    }
    if (this.#acknowledged === acks.length) {
      this.#pendingAcks = []
      this.#acknowledged = 0
    } else if (this.#acknowledged >= 1024 && this.#acknowledged * 2 >= acks.length) {
      this.#pendingAcks = acks.slice(this.#acknowledged)
      this.#acknowledged = 0
    }
    const first = this.#pendingAcks[this.#acknowledged]
    if (first !== undefined && this.requestNotification(first.last)) {
      // It was acknowledged after the progress was read and before the request.
      const state = hot.journalProgress(this.id)
      if (state < protocol.STATE_ENDED) this.#acknowledge(this.#reached())
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    const failed = this.#pendingAcks.slice(this.#acknowledged)
    this.#pendingAcks = []
    this.#acknowledged = 0
    for (const { reject } of failed) reject(error)
  }

  #command(begin: () => number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure
      if (!this.#isOpen) throw new ClosedError('the journal')
      const ticket = begin()
      if (ticket < 0) throw new ClosedError('the journal')
      this.#pendingCommands.set(ticket, { resolve, reject })
      this.#updateHold()
    })
  }

  /** Holds the event loop, and the clock, exactly while something is pending. */
  #updateHold(): void {
    const isPending =
      this.#pendingAcks.length > this.#acknowledged || this.#pendingCommands.size > 0 || this.#ended !== undefined
    if (isPending === this.#isHolding) return
    this.#isHolding = isPending
    if (isPending) {
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
          this.#updateHold()
        })
        this.#ended = undefined
      }
      this.notify()
    } finally {
      this.#isOpen = false
      // A compaction that still runs goes on for the others who use the journal.
      for (const { reject } of this.#pendingCommands.values()) reject(new ClosedError('the journal'))
      this.#pendingCommands.clear()
      this.#updateHold()
      closed(this.id)
      forget(this.#token)
      hot.journalDrop(this.id)
    }
  }
}
