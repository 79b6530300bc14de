/** Finalisers: cleanup that runs when a fibre ends. */
import { callable } from '../../internal/validate.ts'
import { ScopeClosedError } from '../errors.ts'

/** The outcome of the work that a finaliser cleans up after. */
export type Cause = 'ok' | 'error' | 'interrupted'

/** A cleanup. It may be asynchronous, and it may return an effect, which is run. */
export type Finalizer = (cause: Cause) => unknown

/** A list of finalisers that run in reverse order, once, when the scope closes. */
export interface FinalizerScope {
  /**
   * Adds a finaliser.
   *
   * @throws ScopeClosedError once the scope has begun to close.
   */
  push(finalizer: Finalizer): void
  /** Runs the finalisers, the last one first, and resolves when they have ended. Later calls wait for the first. */
  close(cause: Cause): Promise<void>
}

/** A finaliser, and the call site of its addition. */
export interface FinalizerEntry {
  readonly finalizer: Finalizer
  readonly site: Error | undefined
}

/** Runs one finaliser to its end or its deadline, then calls `ended`. Never throws. */
type RunFinalizer = (entry: FinalizerEntry, cause: Cause, ended: () => void) => void

/** The finalisers of a fibre. */
export class Finalizers implements FinalizerScope {
  readonly #run: RunFinalizer
  readonly #site: () => Error | undefined
  readonly #entries: FinalizerEntry[] = []
  #closing: Promise<void> | undefined
  #isSealed = false

  constructor(run: RunFinalizer, site: () => Error | undefined) {
    this.#run = run
    this.#site = site
  }

  /** Finalisers that have not started. */
  get entries(): readonly FinalizerEntry[] {
    return this.#entries
  }

  push(finalizer: Finalizer, site: Error | undefined = this.#site()): void {
    callable('finalizer', finalizer)
    if (this.#isSealed) throw new ScopeClosedError()
    this.#entries.push({ finalizer, site })
  }

  /** Refuses further finalisers. */
  seal(): void {
    this.#isSealed = true
  }

  /** Runs the last finaliser. Returns false when there is none. */
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
