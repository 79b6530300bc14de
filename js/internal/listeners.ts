import { callable } from './validate.ts'
import { promiseOf } from './thenable.ts'

interface Entry<E> {
  /** Cleared when the listener is ended, also in the middle of a notification. */
  listener: ((event: E) => unknown) | undefined
}

/**
 * Listeners of one kind: told in order of registration, each alone with its errors. One that is added while others are
 * told starts with the next event; one that is ended is not told again. The same function may be added twice. A listener
 * may add, end and tell while it is told.
 */
export class Listeners<E> {
  #entries: Entry<E>[] = []
  readonly #field: string
  readonly #onError: (error: unknown, event: E) => void
  #ended = 0
  /** How many calls of {@link tell} are on the stack: entries keep their places until there is none. */
  #telling = 0

  /**
   * @param field What a listener is called as an argument.
   * @param onError Owns what a listener throws, or rejects with; must not throw.
   */
  constructor(field: string, onError: (error: unknown, event: E) => void) {
    this.#field = field
    this.#onError = onError
  }

  /** Returns how many there are. */
  get size(): number {
    return this.#entries.length - this.#ended
  }

  /** Adds one; the returned function ends it. */
  add(listener: (event: E) => unknown): () => void {
    const entry: Entry<E> = { listener: callable(this.#field, listener) }
    this.#entries.push(entry)
    return () => {
      if (entry.listener === undefined) return
      entry.listener = undefined
      this.#ended++
      this.#sweep()
    }
  }

  /** Ends all. */
  end(): void {
    for (const entry of this.#entries) entry.listener = undefined
    this.#ended = this.#entries.length
    this.#sweep()
  }

  /** Tells those who are there now. Never throws. */
  tell(event: E): void {
    const entries = this.#entries
    const count = entries.length
    this.#telling++
    for (let index = 0; index < count; index++) {
      const { listener } = entries[index] as Entry<E>
      if (listener === undefined) continue
      try {
        const result = listener(event)
        // An asynchronous listener's rejection is an error of its own too.
        if (result !== undefined) promiseOf(result)?.then(undefined, (error: unknown) => this.#onError(error, event))
      } catch (error) {
        this.#onError(error, event)
      }
    }
    this.#telling--
    if (this.#ended > 0) this.#sweep()
  }

  /** Drops ended entries once they are many, so that ending one costs the same however many there are. */
  #sweep(): void {
    if (this.#telling > 0 || this.#ended * 2 < this.#entries.length) return
    this.#entries = this.#entries.filter(({ listener }) => listener !== undefined)
    this.#ended = 0
  }
}
