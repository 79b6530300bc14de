import { callOut, tellOwner } from '../internal/report-error.ts'
import { Audit, type AuditJournal } from '../system/audit.ts'
import type { ProcessHost } from './host.ts'

/** The events of a process's life. Those of its messages are too many for a journal. */
const LIFECYCLE = new Set([
  'process:start',
  'process:ready',
  'process:stop',
  'process:stop:error',
  'process:fail',
  'supervisor:restart',
  'supervisor:giveup',
  'supervisor:restart:abandoned',
])

/** Sends events to one listener, if there is one. The system reports what the listener throws; nothing stops. */
export class EventNotifier<E> {
  readonly emit: ((event: E) => unknown) | undefined
  readonly #audits: readonly Audit[]
  readonly #host: ProcessHost
  readonly #onError = (error: unknown): void => tellOwner(this.#host.report, error, 'an emit function')

  /** @param journal Takes the lifecycle events of the process, beside the journal of the system. */
  constructor(emit: ((event: E) => unknown) | undefined, host: ProcessHost, journal?: AuditJournal) {
    this.emit = emit
    this.#host = host
    const own = journal === undefined ? [] : [new Audit(host.report, journal)]
    this.#audits = host.trail === undefined ? own : [...own, host.trail]
  }

  /** True if there is a listener or a journal for lifecycle events. */
  get hasLifecycleListener(): boolean {
    return this.hasListener || this.#audits.some(({ isOn }) => isOn)
  }

  /** True if there is a listener. Without one, callers need not make events. */
  get hasListener(): boolean {
    return this.emit !== undefined
  }

  notify(event: E): void {
    this.#write(event)
    if (this.emit === undefined) return
    const { emit } = this
    callOut(() => emit(event), this.#onError)
  }

  /** Sends the event of a failure that has no caller. Without a listener, the system reports the failure. */
  notifyFailure(event: E, error: unknown, origin: string): void {
    this.notify(event)
    if (!this.hasListener) this.#host.report(error, origin)
  }

  #write(event: E): void {
    if (this.#audits.length === 0 || !LIFECYCLE.has((event as { readonly type: string }).type)) return
    for (const audit of this.#audits) audit.write(event as object)
  }
}
