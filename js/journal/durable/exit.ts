import { hot } from '../../native.ts'

const open = new Set<number>()

/** `process.exit` and uncaught exceptions run no destructor: what was accepted is written and synced here. */
function finish(): void {
  for (const handle of open) hot.journalDrop(handle)
  open.clear()
}

/** Makes the exit of the process, or the worker, write and sync a journal, until {@link closed}. */
export function opened(handle: number): void {
  if (open.size === 0) process.on('exit', finish)
  open.add(handle)
}

/** Leaves a journal out of the work at exit, because it was closed. */
export function closed(handle: number): void {
  open.delete(handle)
  if (open.size === 0) process.off('exit', finish)
}
