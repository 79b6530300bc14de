import { Backlog, type Handle } from './backlog.ts'
import type { Process } from './process.ts'
import { INFO, STEP, TAKEN_BACK } from './protocol.ts'
import { indexOf, useOf } from './slots.ts'

/** Messages that were handed out and wait here: behind a handler that takes longer, or for their turn in a round. */
export class Waiting {
  readonly #steps: Float64Array
  readonly #displaced: (process: Process, ...message: Parameters<Handle>) => void

  /**
   * @param steps Those of the present round.
   * @param displaced Told of a message that goes because its mailbox is full.
   */
  constructor(steps: Float64Array, displaced: (process: Process, ...message: Parameters<Handle>) => void) {
    this.#steps = steps
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
    const steps = this.#steps
    for (let index = next; index < count; index++) {
      if (!this.#isFor(process, index)) continue
      const at = index * STEP
      const operation = steps[at + 1] as number
      steps[at + 1] = TAKEN_BACK
      const slot = steps[at + 2] as number
      displaced(operation, indexOf(slot), useOf(slot))
      return
    }
  }

  #isFor(process: Process, index: number): boolean {
    return this.#steps[index * STEP] === process.pid && (this.#steps[index * STEP + 1] as number) <= INFO
  }
}
