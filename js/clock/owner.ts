import { channel } from 'node:diagnostics_channel'
import type { ErrorOwner } from './types.ts'

const errors = channel('keelson:error')

/** The owner of last resort: the `keelson:error` diagnostics channel, and a process warning that nobody can miss. */
export const warnOwner: ErrorOwner = (error, origin) => {
  if (errors.hasSubscribers) errors.publish({ error, origin })
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.emitWarning(`${origin} failed: ${text}`, { type: 'KeelsonWarning', code: 'KEELSON_UNOWNED_ERROR' })
}
