/** Observes systems when the environment variable `KEELSON_OBSERVE` says so. */
import { builtin } from '../internal/builtin.ts'
import { warnOwner } from '../internal/report-error.ts'

/** What `keelson/observe` does once it is loaded: it gets a `System`. */
export const observeHook: { show: ((system: object, value: string) => void) | undefined } = { show: undefined }

/**
 * Shows a system as `KEELSON_OBSERVE` asks for: `unix`, `unix:PATH`, `http`, or `http:127.0.0.1:PORT`. Loads `keelson/observe` by its
 * name, because this module stands below it. A failure is a process warning: the program goes on unobserved.
 */
export function observeIfAsked(system: object): void {
  const value = process.env['KEELSON_OBSERVE']
  if (value === undefined || value === '') return
  try {
    if (observeHook.show === undefined) builtin('node:module').createRequire(__filename)('keelson/observe')
    observeHook.show?.(system, value)
  } catch (error) {
    warnOwner(error, 'KEELSON_OBSERVE')
  }
}
