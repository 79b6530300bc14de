import { callOut, tellOwner } from '../internal/report-error.ts'
import type { ProcessHost } from './host.ts'

/** Sends events to one listener, if there is one. The system reports what the listener throws; nothing stops. */
export class EventNotifier<E> {
  readonly emit: ((event: E) => unknown) | undefined
  readonly #host: ProcessHost
  readonly #onError = (error: unknown): void => tellOwner(this.#host.report, error, 'an emit function')

  constructor(emit: ((event: E) => unknown) | undefined, host: ProcessHost) {
    this.emit = emit
    this.#host = host
  }

  /** True if there is a listener. Without one, callers need not make events. */
  get hasListener(): boolean {
    return this.emit !== undefined
  }

  notify(event: E): void {
    if (this.emit === undefined) return
    const { emit } = this
    callOut(() => emit(event), this.#onError)
  }

  /** Sends the event of a failure that has no caller. Without a listener, the system reports the failure. */
  notifyFailure(event: E, error: unknown, origin: string): void {
    if (this.hasListener) this.notify(event)
    else this.#host.report(error, origin)
  }
}
