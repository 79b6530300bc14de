import { callable } from './validate.ts'
import { promiseOf } from './thenable.ts'

interface ListenerEntry<E> {
  /** Cleared when the listener is ended, also in the middle of a notification. */
  listener: ((event: E) => unknown) | undefined
}

/**
 * Calls listeners in the order of their registration, and keeps the failure of one from the others.
 *
 * A listener that is added during a notification starts with the next event. A listener that is removed is not called
 * again, not even by a notification under way. The same function may be added twice. A listener may add, remove and
 * notify.
 */
export class Listeners<E> {
  #entries: ListenerEntry<E>[] = []
  readonly #field: string
  readonly #onError: (error: unknown, event: E) => void
  #ended = 0
  /** Calls of {@link tell} on the stack. Entries keep their places until there is none. */
  #telling = 0

  /**
   * @param field The name of the argument in errors, when a listener is no function.
   * @param onError Receives what a listener throws, or rejects with. Must not throw.
   */
  constructor(field: string, onError: (error: unknown, event: E) => void) {
    this.#field = field
    this.#onError = onError
  }

  /** Returns how many listeners there are. */
  get size(): number {
    return this.#entries.length - this.#ended
  }

  /** Adds a listener. Returns a function that removes it. */
  add(listener: (event: E) => unknown): () => void {
    const entry: ListenerEntry<E> = { listener: callable(this.#field, listener) }
    this.#entries.push(entry)
    return () => {
      if (entry.listener === undefined) return
      entry.listener = undefined
      this.#ended++
      this.#sweep()
    }
  }

  /** Removes all listeners. */
  end(): void {
    for (const entry of this.#entries) entry.listener = undefined
    this.#ended = this.#entries.length
    this.#sweep()
  }

  /** Calls the listeners that are registered now. Never throws. */
  tell(event: E): void {
    const entries = this.#entries
    const count = entries.length
    this.#telling++
    for (let index = 0; index < count; index++) {
      const { listener } = entries[index] as ListenerEntry<E>
      if (listener === undefined) continue
      let result: unknown
      try {
        result = listener(event)
      } catch (error) {
        this.#onError(error, event)
      }
      if (result !== undefined) this.#own(result, event)
    }
    this.#telling--
    if (this.#ended > 0) this.#sweep()
  }

  /** Owns the failure of an asynchronous listener. Without it here, `tell` has no closure and is faster. */
  #own(result: unknown, event: E): void {
    promiseOf(result)?.then(undefined, (error: unknown) => this.#onError(error, event))
  }

  /** Drops removed entries once they are half of all, so that a removal costs the same for any number. */
  #sweep(): void {
    if (this.#telling > 0 || this.#ended * 2 < this.#entries.length) return
    this.#entries = this.#entries.filter(({ listener }) => listener !== undefined)
    this.#ended = 0
  }
}
