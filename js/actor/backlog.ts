import { INFO } from '../protocol/actor.ts'

/** What is done with a message that was handed out: what it is, and where it is kept. */
export type Handle = (operation: number, index: number, use: number) => void

/** Numbers of a message. */
const STEP = 3

/** What was handed out for a process that could not handle it then, in order: taking the oldest costs the same for any length. */
export class Backlog {
  /** Operation, place and use in turns. */
  readonly #steps: number[] = []
  #at = 0
  /** How many of them are messages of users. */
  waiting = 0

  push(operation: number, index: number, use: number): void {
    this.#steps.push(operation, index, use)
    if (operation <= INFO) this.waiting++
  }

  get isEmpty(): boolean {
    return this.#at === this.#steps.length
  }

  /** Takes the oldest, of which there has to be one. */
  take(handle: Handle): void {
    const at = this.#at
    this.#at += STEP
    this.#handOver(at, handle)
  }

  /** Takes the oldest message of a user out of its turn, if there is one. */
  displace(handle: Handle): boolean {
    const steps = this.#steps
    for (let at = this.#at; at < steps.length; at += STEP) {
      if ((steps[at] as number) > INFO) continue
      if (at !== this.#at) {
        // Behind what is no work: that moves up by one.
        const message = steps.splice(at, STEP)
        steps.splice(this.#at, 0, ...message)
      }
      this.take(handle)
      return true
    }
    return false
  }

  #handOver(at: number, handle: Handle): void {
    const steps = this.#steps
    const operation = steps[at] as number
    if (operation <= INFO) this.waiting--
    handle(operation, steps[at + 1] as number, steps[at + 2] as number)
  }
}
