import { callOut, tellOwner } from '../internal/report-error.ts'
import type { Host } from './host.ts'

/** Tells a listener of events. What it throws, or rejects with, is the system's to report and stops nothing. */
export class Teller<E> {
  readonly emit: ((event: E) => unknown) | undefined
  readonly #host: Host
  readonly #failed = (error: unknown): void => tellOwner(this.#host.report, error, 'an emit function')

  constructor(emit: ((event: E) => unknown) | undefined, host: Host) {
    this.emit = emit
    this.#host = host
  }

  /** Whether anybody listens; events are not made for nobody. */
  get observed(): boolean {
    return this.emit !== undefined
  }

  tell(event: E): void {
    if (this.emit === undefined) return
    const { emit } = this
    callOut(() => emit(event), this.#failed)
  }

  /** Tells of a failure that nobody else hears of: without a listener, the system reports it. */
  tellFailure(event: E, error: unknown, origin: string): void {
    if (this.observed) this.tell(event)
    else this.#host.report(error, origin)
  }
}
