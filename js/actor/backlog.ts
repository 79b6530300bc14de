import { INFO } from '../protocol/actor.ts'

/** Receives a message: its kind, its place and the use of that place. */
export type MessageHandler = (operation: number, index: number, use: number) => void

/** The number of cells of a message. */
const STEP = 3

/**
 * Queues messages that the core has handed out and that their process cannot handle yet. Taking the oldest takes the
 * same time for any length.
 */
export class Backlog {
  /** Kind, place and use of each message, in turns. */
  readonly #steps: number[] = []
  #at = 0
  /** The number of messages that users sent. */
  waiting = 0

  push(operation: number, index: number, use: number): void {
    this.#steps.push(operation, index, use)
    if (operation <= INFO) this.waiting++
  }

  get isEmpty(): boolean {
    return this.#at === this.#steps.length
  }

  /** Takes the oldest message. There must be one. */
  take(handle: MessageHandler): void {
    const at = this.#at
    this.#at += STEP
    this.#handOver(at, handle)
  }

  /** Takes the oldest message that a user sent, out of its turn. Returns false when there is none. */
  displace(handle: MessageHandler): boolean {
    const steps = this.#steps
    for (let at = this.#at; at < steps.length; at += STEP) {
      if ((steps[at] as number) > INFO) continue
      if (at !== this.#at) {
        // Messages of the runtime before it move up by one.
        const message = steps.splice(at, STEP)
        steps.splice(this.#at, 0, ...message)
      }
      this.take(handle)
      return true
    }
    return false
  }

  #handOver(at: number, handle: MessageHandler): void {
    const steps = this.#steps
    const operation = steps[at] as number
    if (operation <= INFO) this.waiting--
    handle(operation, steps[at + 1] as number, steps[at + 2] as number)
  }
}
