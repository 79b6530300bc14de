import { Listeners } from '../../internal/listeners.ts'
import type { System } from '../../system/system.ts'
import type { LifecycleEvent, LifecycleHandler } from './types.ts'

/**
 * Hands lifecycle events of a system's processes to listeners, on the stack of what happened. What a listener throws
 * goes to the system's `onError`.
 */
export class LifecycleEvents {
  readonly #listeners = new WeakMap<System, Listeners<LifecycleEvent>>()

  /** Adds a listener. The returned function removes it. */
  listen(system: System, handler: LifecycleHandler): () => void {
    let listeners = this.#listeners.get(system)
    if (listeners === undefined) {
      listeners = new Listeners('handler', (error) => system.report(error, 'a lifecycle handler'))
      this.#listeners.set(system, listeners)
    }
    return listeners.add(handler)
  }

  /** Returns whether a system has listeners. Without any, callers need not make events. */
  hasListeners(system: System): boolean {
    return (this.#listeners.get(system)?.size ?? 0) > 0
  }

  notify(system: System, event: LifecycleEvent): void {
    this.#listeners.get(system)?.tell(event)
  }
}

/** Events for `GenServer.onLifecycleEvent`. */
export const processEvents: LifecycleEvents = new LifecycleEvents()

/** Events for `Supervisor.onLifecycleEvent`. */
export const supervisorEvents: LifecycleEvents = new LifecycleEvents()
