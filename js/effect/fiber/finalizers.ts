import { callable } from '../../internal/validate.ts'
import { ScopeClosedError } from '../errors.ts'

/** How what a scope protects has ended. */
export type Cause = 'ok' | 'error' | 'interrupted'

/** Cleans up. It may be asynchronous, and it may return an effect, which is run. */
export type Finalizer = (cause: Cause) => unknown

/** Finalisers that run in reverse order, once, when it closes. */
export interface FinalizerScope {
  /** @throws ScopeClosedError once it has begun to close. */
  push(finalizer: Finalizer): void
  /** Runs what is there, the last one first. Later calls wait for the first. */
  close(cause: Cause): Promise<void>
}

/** A finaliser, and where it was added. */
export interface Entry {
  readonly finalizer: Finalizer
  readonly site: Error | undefined
}

/** Runs one finaliser, to its end or its deadline; never fails. */
type Run = (entry: Entry, cause: Cause, ended: () => void) => void

export class Finalizers implements FinalizerScope {
  readonly #run: Run
  readonly #site: () => Error | undefined
  readonly #entries: Entry[] = []
  #closing: Promise<void> | undefined
  #closed = false

  constructor(run: Run, site: () => Error | undefined) {
    this.#run = run
    this.#site = site
  }

  /** Those that have not begun. */
  get entries(): readonly Entry[] {
    return this.#entries
  }

  push(finalizer: Finalizer, site: Error | undefined = this.#site()): void {
    callable('finalizer', finalizer)
    if (this.#closed) throw new ScopeClosedError()
    this.#entries.push({ finalizer, site })
  }

  /** No more are taken. */
  seal(): void {
    this.#closed = true
  }

  /** Runs the last one; false when there is none. */
  runLast(cause: Cause, ended: () => void): boolean {
    const entry = this.#entries.pop()
    if (entry === undefined) return false
    this.#run(entry, cause, ended)
    return true
  }

  close(cause: Cause): Promise<void> {
    this.seal()
    this.#closing ??= this.#close(cause)
    return this.#closing
  }

  async #close(cause: Cause): Promise<void> {
    while (this.#entries.length > 0) {
      await new Promise<void>((resolve) => this.runLast(cause, resolve))
    }
  }
}
