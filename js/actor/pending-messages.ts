import { Backlog, type MessageHandler } from './backlog.ts'
import type { Process } from './process.ts'
import {
  FULL,
  INFO,
  PID_SLOT,
  STEP_CELLS,
  STEP_OPERATION,
  STEP_PLACE,
  STEP_PROCESS,
  STEP_USAGE,
  STEP_WORDS,
  TAKEN_BACK,
} from '../protocol/actor.ts'

type Refuse = (process: Process, operation: number, index: number, use: number, failure: number) => void

/**
 * Keeps messages that the core has handed out and that wait in JavaScript: behind an asynchronous handler, or for their
 * turn in a round.
 */
export class PendingMessages {
  readonly #steps: Float64Array
  readonly #words: Int32Array
  readonly #refuse: Refuse
  /** The processes that have a backlog. */
  readonly #backlogged = new Set<Process>()

  /**
   * @param steps The steps of the present round.
   * @param words The same memory in 32-bit words.
   * @param refuse Takes a message that goes because its mailbox is full.
   */
  constructor(steps: Float64Array, words: Int32Array, refuse: Refuse) {
    this.#steps = steps
    this.#words = words
    this.#refuse = refuse
  }

  /** Adds a message behind an asynchronous handler. */
  push(process: Process, operation: number, index: number, use: number): void {
    if (process.backlog === undefined) {
      process.backlog = new Backlog()
      this.#backlogged.add(process)
    }
    process.backlog.push(operation, index, use)
  }

  /** Drops the backlog of a process. */
  forget(process: Process): void {
    process.backlog = undefined
    this.#backlogged.delete(process)
  }

  /**
   * Returns the number of user messages that wait for a process: in its backlog, and in the steps from `next` to
   * `count` of the round.
   */
  countOf(process: Process, next: number, count: number): number {
    let waiting = process.backlog?.waiting ?? 0
    for (let index = next; index < count; index++) if (this.#isFor(process, index)) waiting++
    return waiting
  }

  /**
   * Adds the user messages that wait, in backlogs and in the steps from `next` to `count` of the round, to the sizes of
   * mailboxes, by slot.
   */
  addTo(sizes: Uint32Array, next: number, count: number): void {
    for (const { backlog, pid } of this.#backlogged) {
      const slot = pid & PID_SLOT
      sizes[slot] = (sizes[slot] as number) + (backlog?.waiting ?? 0)
    }
    for (let index = next; index < count; index++) {
      if ((this.#words[index * STEP_WORDS + STEP_OPERATION] as number) > INFO) continue
      const slot = (this.#steps[index * STEP_CELLS + STEP_PROCESS] as number) & PID_SLOT
      sizes[slot] = (sizes[slot] as number) + 1
    }
  }

  /** Takes back the oldest user message of a process, if there is one, because its mailbox is full. */
  displace(process: Process, next: number, count: number): void {
    const displaced: MessageHandler = (operation, index, use) => this.#refuse(process, operation, index, use, FULL)
    if (process.backlog?.displace(displaced) === true) return
    const words = this.#words
    for (let index = next; index < count; index++) {
      if (!this.#isFor(process, index)) continue
      const at = index * STEP_WORDS
      const operation = words[at + STEP_OPERATION] as number
      words[at + STEP_OPERATION] = TAKEN_BACK
      displaced(operation, words[at + STEP_PLACE] as number, words[at + STEP_USAGE] as number)
      return
    }
  }

  #isFor(process: Process, index: number): boolean {
    if (this.#steps[index * STEP_CELLS + STEP_PROCESS] !== process.pid) return false
    return (this.#words[index * STEP_WORDS + STEP_OPERATION] as number) <= INFO
  }
}
