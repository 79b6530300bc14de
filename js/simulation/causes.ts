import { currentProcess } from '../actor/call-context.ts'
import { MessageSlots } from '../actor/message-slots.ts'
import type { Process } from '../actor/process.ts'

/** Knows in which event of a run each message was sent. */
export class Causes {
  /** The message that each process handled last. */
  readonly #handled = new WeakMap<Process, number>()
  /** The cause of a message that the network delivers, while it does. */
  #arriving: { readonly cause: number | undefined } | undefined

  /** Returns the number of the event in whose handler the calling code runs, if it runs in one. */
  get current(): number | undefined {
    if (this.#arriving !== undefined) return this.#arriving.cause
    const process = currentProcess()
    return process === undefined ? undefined : this.#handled.get(process)
  }

  /** Notes that a process handles a message: an event of this number. */
  handles(process: Process, number: number): void {
    this.#handled.set(process, number)
  }

  /** Delivers a message that was sent before, in the event of this number. */
  deliver(cause: number | undefined, deliver: () => void): void {
    this.#arriving = { cause }
    try {
      deliver()
    } finally {
      this.#arriving = undefined
    }
  }
}

/** Keeps the event of a run in which each value was sent, while somebody reports. */
export class CausedSlots<T> extends MessageSlots<T> {
  causes: Causes | undefined
  readonly #causes: (number | undefined)[] = []

  override keep(value: T): number {
    const place = super.keep(value)
    if (this.causes !== undefined) this.#causes[place] = this.causes.current
    return place
  }

  /** Returns the number of the event in which the value of a place was sent. */
  causeAt(place: number): number | undefined {
    return this.#causes[place]
  }
}
