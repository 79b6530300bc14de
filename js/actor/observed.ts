/** The table of processes. */
import type { CellReaders, TableItems } from '../tables/offers.ts'
import { PID_SLOT } from '../protocol/actor.ts'
import type { RuntimePort } from './port.ts'
import type { Process } from './process.ts'
import type { ProcessRuntime } from './runtime.ts'

/** Returns the number of a process among all asynchronous resources, which are numbered as they are made. */
const birthOf = ({ scope }: Process): number => scope.asyncId()

/** Returns the processes of a runtime that have not ended, in the order of their starts. */
export const inOrder = ({ alive, isInOrder }: ProcessRuntime): Process[] =>
  isInOrder ? alive : alive.toSorted((one, other) => birthOf(one) - birthOf(other))

/** The sizes of the mailboxes of a runtime, as one call into the core gave them. */
let sizes: { readonly runtime: RuntimePort; readonly bySlot: Uint32Array } | undefined

/** Returns the size of a mailbox. All that are asked for before anything else runs cost one call into the core. */
export function mailboxOf(process: Process): number {
  const { backlog, isBounded, pid, runtime } = process
  if (isBounded) return runtime.mailboxSize(process)
  if (sizes?.runtime !== runtime) sizes = { runtime, bySlot: (runtime as ProcessRuntime).mailboxSizes() }
  const waiting = sizes.bySlot[pid & PID_SLOT] ?? 0
  return backlog === undefined ? waiting : waiting + backlog.waiting
}

/** Returns the rows of the table of processes. */
export const processesOf = (runtime: ProcessRuntime | undefined): TableItems<Process> | undefined =>
  runtime && { items: freshly(runtime), key: ({ id }) => id }

/** Returns the processes of a runtime, and forgets the sizes of mailboxes that were read before. */
export function freshly(runtime: ProcessRuntime): Process[] {
  sizes = undefined
  return inOrder(runtime)
}

/** Estimates the size of the state of a process. Nothing does unless `Observer.configure` asks for it. */
let readMemory: ((process: Process) => number) | undefined

/** Sets the function that estimates the size of a state, for the table. */
export const readMemoryWith = (read: (process: Process) => number): void => {
  readMemory = read
}

/** Reads the columns of a process. */
export const processReaders: CellReaders<'process', Process> = {
  id: ({ id }) => id,
  name: ({ publicName }) => publicName ?? '',
  kind: ({ observedKind }) => observedKind,
  status: ({ observedStatus }) => observedStatus,
  mailbox: mailboxOf,
  messages: ({ observedMessages }) => observedMessages,
  restarts: ({ observedRestarts }) => observedRestarts,
  crashes: ({ observedCrashes }) => observedCrashes,
  parent: ({ observedParent }) => observedParent,
  startedAt: ({ observedStart }) => observedStart,
  memory: (process) => readMemory?.(process) ?? 0,
}
