import { channel } from 'node:diagnostics_channel'

/** Receives an error that has no caller, with what it came from. */
export type ErrorOwner = (error: unknown, origin: string) => void

const errors = channel('keelson:error')

/** The owner of last resort: the `keelson:error` diagnostics channel, and a process warning that nobody can miss. */
export const warnOwner: ErrorOwner = (error, origin) => {
  if (errors.hasSubscribers) errors.publish({ error, origin })
  process.emitWarning(`${origin} failed: ${describe(error)}`, { type: 'KeelsonWarning', code: 'KEELSON_UNOWNED_ERROR' })
}

/** Hands an error to its owner. An owner that throws loses neither error and stops nobody. */
export function tellOwner(owner: ErrorOwner, error: unknown, origin: string): void {
  try {
    owner(error, origin)
  } catch (second) {
    warnOwner(error, origin)
    warnOwner(second, 'onError')
  }
}

/** Anything can be thrown, also what has no text. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } catch {
    return `a value without text (${typeof error})`
  }
}
