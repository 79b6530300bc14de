import { createSystem, type System } from './system.ts'

let current: System | undefined

/**
 * The system of this environment (the main thread, or one worker), made at first use. The module-level API works on
 * it. After it was closed, the next call makes a new one.
 */
export function getDefaultSystem(): System {
  if (current === undefined || current.closed) current = createSystem({ name: 'default' })
  return current
}
