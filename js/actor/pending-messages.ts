import { Backlog, type Handle } from './backlog.ts'
import type { Process } from './process.ts'
import {
  FULL,
  INFO,
  STEP_CELLS,
  STEP_OPERATION,
  STEP_PLACE,
  STEP_PROCESS,
  STEP_USAGE,
  STEP_WORDS,
  TAKEN_BACK,
} from '../protocol/actor.ts'

type Refuse = (process: Process, operation: number, index: number, use: number, failure: number) => void

/** Messages that were handed out and wait here: behind a handler that takes longer, or for their turn in a round. */
export class Waiting {
  readonly #steps: Float64Array
  readonly #words: Int32Array
  readonly #refuse: Refuse

  /**
   * @param steps Those of the present round.
   * @param words The same memory.
   * @param refuse Takes a message that goes because its mailbox is full.
   */
  constructor(steps: Float64Array, words: Int32Array, refuse: Refuse) {
    this.#steps = steps
    this.#words = words
    this.#refuse = refuse
  }

  /** Behind a handler that takes longer. */
  push(process: Process, operation: number, index: number, use: number): void {
    process.backlog ??= new Backlog()
    process.backlog.push(operation, index, use)
  }

  /** How many messages of users wait; of the round, those of the steps from `next` to `count`. */
  countOf(process: Process, next: number, count: number): number {
    let waiting = process.backlog?.waiting ?? 0
    for (let index = next; index < count; index++) if (this.#isFor(process, index)) waiting++
    return waiting
  }

  /** Takes the oldest back, if there is one. */
  displace(process: Process, next: number, count: number): void {
    const displaced: Handle = (operation, index, use) => this.#refuse(process, operation, index, use, FULL)
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
