import { assertSystem, createSystem, type System } from './system.ts'

let current: System | undefined

/** Throws when the program of a simulation asks for the default system, which runs in real time. */
export const defaultGuard: { refuse: (() => void) | undefined } = { refuse: undefined }

/**
 * Returns the system of this environment (the main thread, or one worker), made at first use. The module-level API
 * works on it. Its namespace is `default` in every environment, so what is shared by name is shared between them. After
 * it was closed, the next call makes a new one.
 */
export function getDefaultSystem(): System {
  defaultGuard.refuse?.()
  if (current === undefined || current.closed) current = createSystem({ name: 'default', namespace: 'default' })
  return current
}

/**
 * Returns the system of an option `system`, or the default one.
 *
 * @throws InvalidArgumentError for a value that is no system.
 */
export function resolveSystem(option: System | undefined): System {
  if (option === undefined) return getDefaultSystem()
  assertSystem('options.system', option)
  return option
}
