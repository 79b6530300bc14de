import { Backlog, type Handle } from './backlog.ts'
import type { Process } from './process.ts'
import { INFO, OPERATION, PLACE, STEP, STEP_WORDS, TAKEN_BACK, USE } from './protocol.ts'

/** Messages that were handed out and wait here: behind a handler that takes longer, or for their turn in a round. */
export class Waiting {
  readonly #steps: Float64Array
  readonly #words: Int32Array
  readonly #displaced: (process: Process, ...message: Parameters<Handle>) => void

  /**
   * @param steps Those of the present round.
   * @param words The same memory.
   * @param displaced Told of a message that goes because its mailbox is full.
   */
  constructor(
    steps: Float64Array,
    words: Int32Array,
    displaced: (process: Process, ...message: Parameters<Handle>) => void,
  ) {
    this.#steps = steps
    this.#words = words
    this.#displaced = displaced
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
    const displaced: Handle = (operation, index, use) => this.#displaced(process, operation, index, use)
    if (process.backlog?.displace(displaced) === true) return
    const words = this.#words
    for (let index = next; index < count; index++) {
      if (!this.#isFor(process, index)) continue
      const at = index * STEP_WORDS
      const operation = words[at + OPERATION] as number
      words[at + OPERATION] = TAKEN_BACK
      displaced(operation, words[at + PLACE] as number, words[at + USE] as number)
      return
    }
  }

  #isFor(process: Process, index: number): boolean {
    return this.#steps[index * STEP] === process.pid && (this.#words[index * STEP_WORDS + OPERATION] as number) <= INFO
  }
}
