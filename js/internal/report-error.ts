import { channel } from 'node:diagnostics_channel'
import { promiseOf } from './thenable.ts'
import { stackOf } from './thrown-values.ts'

/** Receives an error that has no caller, with what it came from. */
export type ErrorOwner = (error: unknown, origin: string) => void

const errors = channel('keelson:error')

/** The owner of last resort: the `keelson:error` diagnostics channel, and a process warning that nobody can miss. */
export const warnOwner: ErrorOwner = (error, origin) => {
  if (errors.hasSubscribers) errors.publish({ error, origin })
  process.emitWarning(`${origin} failed: ${stackOf(error)}`, { type: 'KeelsonWarning', code: 'KEELSON_UNOWNED_ERROR' })
}

/** Calls a function of somebody else's. `failed` hears what it throws, or rejects with; its value is dropped. */
export function callOut(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    promiseOf(call())?.then(undefined, failed)
  } catch (error) {
    failed(error)
  }
}

/** Hands an error to its owner. An owner that throws, or rejects, loses neither error and stops nobody. */
export function tellOwner(owner: ErrorOwner, error: unknown, origin: string): void {
  callOut(
    () => owner(error, origin),
    (second) => {
      warnOwner(error, origin)
      warnOwner(second, 'onError')
    },
  )
}
