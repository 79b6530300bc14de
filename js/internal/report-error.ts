/** Gives errors that no caller can receive to whoever is responsible for them. */
import { channel } from 'node:diagnostics_channel'
import { promiseOf } from './thenable.ts'
import { stackOf } from './thrown-values.ts'

/** Receives an error that has no caller, with what it came from. */
export type ErrorOwner = (error: unknown, origin: string) => void

const errors = channel('keelson:error')

/**
 * Publishes an error on the diagnostics channel `keelson:error` and emits a process warning. The owner of last resort.
 */
export const warnOwner: ErrorOwner = (error, origin) => {
  if (errors.hasSubscribers) errors.publish({ error, origin })
  process.emitWarning(`${origin} failed: ${stackOf(error)}`, { type: 'KeelsonWarning', code: 'KEELSON_UNOWNED_ERROR' })
}

/** Calls a function of the user's and drops its result. Passes what it throws, or rejects with, to `failed`. */
export function callOut(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    promiseOf(call())?.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/** Passes an error to its owner. When the owner throws or rejects, both errors become warnings. Never throws. */
export function tellOwner(owner: ErrorOwner, error: unknown, origin: string): void {
  callOut(
    () => owner(error, origin),
    (second) => {
      warnOwner(error, origin)
      warnOwner(second, 'onError')
    },
  )
}
