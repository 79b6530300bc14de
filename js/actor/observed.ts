/** The table of processes. */
import type { CellReaders, TableItems } from '../tables/offers.ts'
import type { Process } from './process.ts'
import type { ProcessRuntime } from './runtime.ts'

/** Returns the processes of a runtime that have not ended, in the order of their starts. */
export const inOrder = (runtime: ProcessRuntime): Process[] =>
  runtime.alive.toSorted((one, other) => one.scope.asyncId() - other.scope.asyncId())

/** Returns the rows of the table of processes. */
export const processesOf = (runtime: ProcessRuntime | undefined): TableItems<Process> | undefined =>
  runtime && { items: inOrder(runtime), key: ({ id }) => id }

/** Reads the columns of a process. */
export const processReaders: CellReaders<'process', Process> = {
  id: ({ id }) => id,
  name: ({ observedName }) => observedName,
  kind: ({ observedKind }) => observedKind,
  status: ({ observedStatus }) => observedStatus,
  mailbox: (process) => process.runtime.mailboxSize(process),
  messages: ({ observedMessages }) => observedMessages,
  restarts: ({ observedRestarts }) => observedRestarts,
  crashes: ({ observedCrashes }) => observedCrashes,
  parent: ({ observedParent }) => observedParent,
  startedAt: ({ observedStart }) => observedStart,
  memory: () => 0,
}
