import { Listeners } from '../../internal/listeners.ts'
import type { System } from '../../system/system.ts'
import type { LifecycleEvent, LifecycleHandler } from './types.ts'

const listeners = new WeakMap<System, Listeners<LifecycleEvent>>()

/** Tells of each event of a system's processes, on the stack of what happened. Returns a function that ends it. */
export function onLifecycle(system: System, handler: LifecycleHandler): () => void {
  let own = listeners.get(system)
  if (own === undefined) {
    own = new Listeners('handler', (error) => system.report(error, 'a lifecycle handler'))
    listeners.set(system, own)
  }
  return own.add(handler)
}

/** Whether anybody listens; events are not made for nobody. */
export const isWatched = (system: System): boolean => (listeners.get(system)?.size ?? 0) > 0

export function tellLifecycle(system: System, event: LifecycleEvent): void {
  listeners.get(system)?.tell(event)
}
