import { callable } from '../arguments.ts'
import type { ErrorOwner } from '../owner.ts'
import type { Change, Watcher } from './types.ts'

interface Entry<T> {
  /** Cleared when the watcher is ended, also in the middle of a notification. */
  watcher: Watcher<T> | undefined
}

/** The watchers of an atom: told in order of registration, each alone with its errors. */
export class Watchers<T> {
  readonly #entries: Entry<T>[] = []
  readonly #onError: ErrorOwner
  #ended = 0
  #telling = false

  constructor(onError: ErrorOwner) {
    this.#onError = onError
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.length - this.#ended
  }

  add(watcher: Watcher<T>): () => void {
    const entry: Entry<T> = { watcher: callable('watcher', watcher) }
    this.#entries.push(entry)
    return () => {
      if (entry.watcher === undefined) return
      entry.watcher = undefined
      this.#ended++
      this.#sweep()
    }
  }

  /** Tells those who were there when the change was made. */
  tell(change: Change<T>): void {
    const entries = this.#entries
    const count = entries.length
    this.#telling = true
    for (let index = 0; index < count; index++) {
      const { watcher } = entries[index] as Entry<T>
      if (watcher === undefined) continue
      try {
        const result = watcher(change)
        if (result !== undefined) this.#follow(result)
      } catch (error) {
        this.#onError(error, 'a watcher of an atom')
      }
    }
    this.#telling = false
    if (this.#ended > 0) this.#sweep()
  }

  /** An asynchronous watcher's rejection is an error of its own too. */
  #follow(result: unknown): void {
    if (typeof (result as PromiseLike<unknown> | null)?.then !== 'function') return
    Promise.resolve(result).catch((error: unknown) => this.#onError(error, 'an asynchronous watcher of an atom'))
  }

  /** Drops ended entries once they are many, so that ending a watcher costs the same however many there are. */
  #sweep(): void {
    if (this.#telling || this.#ended * 2 < this.#entries.length) return
    const live = this.#entries.filter(({ watcher }) => watcher !== undefined)
    this.#entries.splice(0, this.#entries.length, ...live)
    this.#ended = 0
  }
}
