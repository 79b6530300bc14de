import { hot } from '../../native.ts'

const open = new Set<number>()

/** `process.exit` and uncaught exceptions run no destructor: what was accepted is written and synced here. */
function finish(): void {
  for (const handle of open) hot.journalDrop(handle)
  open.clear()
}

/** From now until {@link closed}, the journal is finished when the process, or the worker, exits. */
export function opened(handle: number): void {
  if (open.size === 0) process.on('exit', finish)
  open.add(handle)
}

/** The journal needs no finishing any more. */
export function closed(handle: number): void {
  open.delete(handle)
  if (open.size === 0) process.off('exit', finish)
}
