import { currentProcess } from '../actor/call-context.ts'
import { MessageSlots } from '../actor/message-slots.ts'
import type { Process } from '../actor/process.ts'
import { currentPlace } from './network/places.ts'
import type { Endpoint } from './network/transport.ts'

/**
 * Knows after which event of a run each message was sent: the last message that its sender handled, or a timer of its
 * node that fired since.
 */
export class Causes {
  /** The message that each process handled last. */
  readonly #handled = new WeakMap<Process, number>()
  /** The timer that fired last on each node, and in the program itself. */
  readonly #fired = new Map<Endpoint | undefined, number>()
  /** The cause of a message that the network delivers, while it does. */
  #arriving: { readonly cause: number | undefined } | undefined

  /** Returns the number of the event after which the calling code runs, if there is one. */
  get current(): number | undefined {
    if (this.#arriving !== undefined) return this.#arriving.cause
    const process = currentProcess()
    const handled = process === undefined ? undefined : this.#handled.get(process)
    const fired = this.#fired.get(currentPlace())
    if (handled === undefined || fired === undefined) return handled ?? fired
    return Math.max(handled, fired)
  }

  /** Notes that a timer fires on a node, or in the program: an event of this number. */
  fires(node: Endpoint | undefined, number: number): void {
    this.#fired.set(node, number)
  }

  /** Notes that a process handles a message: an event of this number. */
  handles(process: Process, number: number): void {
    this.#handled.set(process, number)
  }

  /** Delivers a message that was sent before, after the event of this number. */
  deliver(cause: number | undefined, deliver: () => void): void {
    this.#arriving = { cause }
    try {
      deliver()
    } finally {
      this.#arriving = undefined
    }
  }
}

/** Keeps the event of a run after which each value was sent, while somebody reports. */
export class CausedSlots<T> extends MessageSlots<T> {
  causes: Causes | undefined
  readonly #causes: (number | undefined)[] = []

  override keep(value: T): number {
    const place = super.keep(value)
    if (this.causes !== undefined) this.#causes[place] = this.causes.current
    return place
  }

  /** Returns the number of the event after which the value of a place was sent. */
  causeAt(place: number): number | undefined {
    return this.#causes[place]
  }
}
