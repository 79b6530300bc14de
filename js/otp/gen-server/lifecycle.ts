import { Listeners } from '../../internal/listeners.ts'
import type { System } from '../../system/system.ts'
import type { LifecycleEvent, LifecycleHandler } from './types.ts'

/**
 * Hands lifecycle events of a system's processes to listeners, on the stack of what happened. What a listener throws
 * goes to the system's `onError`.
 */
export class LifecycleEvents {
  readonly #listeners = new WeakMap<System, Listeners<LifecycleEvent>>()
  /** The beginning of the names of events in a journal. */
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Adds a listener. The returned function removes it. */
  listen(system: System, handler: LifecycleHandler): () => void {
    let listeners = this.#listeners.get(system)
    if (listeners === undefined) {
      listeners = new Listeners('handler', (error) => system.report(error, 'a lifecycle handler'))
      this.#listeners.set(system, listeners)
    }
    return listeners.add(handler)
  }

  /** Returns whether a system has listeners or a journal. Without any, callers need not make events. */
  hasListeners(system: System): boolean {
    return system.trail.isOn || (this.#listeners.get(system)?.size ?? 0) > 0
  }

  notify(system: System, event: LifecycleEvent): void {
    if (system.trail.isOn && event.type !== 'process_down') {
      system.trail.write(event, `${this.#prefix}:${event.type}`)
    }
    this.#listeners.get(system)?.tell(event)
  }
}

/** Events for `GenServer.onLifecycleEvent`. */
export const processEvents: LifecycleEvents = new LifecycleEvents('process')

/** Events for `Supervisor.onLifecycleEvent`. */
export const supervisorEvents: LifecycleEvents = new LifecycleEvents('supervisor')
