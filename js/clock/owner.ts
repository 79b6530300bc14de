import { channel } from 'node:diagnostics_channel'
import type { ErrorOwner } from './types.ts'

const errors = channel('keelson:error')

/** The owner of last resort: the `keelson:error` diagnostics channel, and a process warning that nobody can miss. */
export const warnOwner: ErrorOwner = (error, origin) => {
  if (errors.hasSubscribers) errors.publish({ error, origin })
  process.emitWarning(`${origin} failed: ${describe(error)}`, { type: 'KeelsonWarning', code: 'KEELSON_UNOWNED_ERROR' })
}

/** Anything can be thrown, also what has no text. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } catch {
    return `a value without text (${typeof error})`
  }
}
