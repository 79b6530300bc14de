import { callable } from './arguments.ts'

interface Entry<E> {
  /** Cleared when the listener is ended, also in the middle of a notification. */
  listener: ((event: E) => unknown) | undefined
}

/**
 * Listeners of one kind: told in order of registration, each alone with its errors. One that is added while others are
 * told starts with the next event; one that is ended is not told again. The same function may be added twice.
 */
export class Listeners<E> {
  readonly #entries: Entry<E>[] = []
  readonly #field: string
  readonly #onError: (error: unknown, event: E) => void
  #ended = 0
  #telling = false

  /**
   * @param field What a listener is called as an argument.
   * @param onError Owns what a listener throws, or rejects with; must not throw.
   */
  constructor(field: string, onError: (error: unknown, event: E) => void) {
    this.#field = field
    this.#onError = onError
  }

  /** How many there are. */
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
    this.#telling = true
    for (let index = 0; index < count; index++) {
      const { listener } = entries[index] as Entry<E>
      if (listener === undefined) continue
      try {
        const result = listener(event)
        if (result !== undefined) this.#follow(result, event)
      } catch (error) {
        this.#onError(error, event)
      }
    }
    this.#telling = false
    if (this.#ended > 0) this.#sweep()
  }

  /** An asynchronous listener's rejection is an error of its own too. */
  #follow(result: unknown, event: E): void {
    if (typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return
    Promise.resolve(result).catch((error: unknown) => this.#onError(error, event))
  }

  /** Drops ended entries once they are many, so that ending one costs the same however many there are. */
  #sweep(): void {
    if (this.#telling || this.#ended * 2 < this.#entries.length) return
    const live = this.#entries.filter(({ listener }) => listener !== undefined)
    this.#entries.splice(0, this.#entries.length, ...live)
    this.#ended = 0
  }
}
