import { createSystem, type System } from './system.ts'

let current: System | undefined

/**
 * The system of this environment (the main thread, or one worker), made at first use. The module-level API works on
 * it. Its namespace is `default` in every environment, so what is shared by name is shared between them. After it was closed, the next call makes a new one.
 */
export function getDefaultSystem(): System {
  if (current === undefined || current.closed) current = createSystem({ name: 'default', namespace: 'default' })
  return current
}
