/** The table of processes. */
import type { CellReaders, TableItems } from '../tables/offers.ts'
import { PID_SLOT } from '../protocol/actor.ts'
import type { RuntimePort } from './port.ts'
import type { Process } from './process.ts'
import type { ProcessRuntime } from './runtime.ts'

/** The sizes of the mailboxes of a runtime, as one call into the core gave them. */
let sizes: { readonly runtime: RuntimePort; readonly bySlot: Uint32Array } | undefined

/** Returns the size of a mailbox. All that are asked for before anything else runs cost one call into the core. */
export function mailboxOf({ pid, runtime }: Process): number {
  if (sizes?.runtime !== runtime) sizes = { runtime, bySlot: (runtime as ProcessRuntime).mailboxSizes() }
  return sizes.bySlot[pid & PID_SLOT] ?? 0
}

/** Returns the rows of the table of processes. */
export function processesOf(runtime: ProcessRuntime | undefined): TableItems<Process> | undefined {
  if (runtime === undefined) return undefined
  sizes = undefined
  return {
    items: runtime.processes.list,
    key: ({ id }) => id,
    columns: { mailbox: () => mailboxesInOrder(runtime) },
  }
}

/** Returns the sizes of all mailboxes, in the order of the starts of their processes. */
function mailboxesInOrder(runtime: ProcessRuntime): Float64Array {
  const bySlot = runtime.mailboxSizes()
  const { slots } = runtime.processes
  const inOrder = new Float64Array(slots.length)
  for (let place = 0; place < slots.length; place++) inOrder[place] = bySlot[slots[place] as number] ?? 0
  return inOrder
}

/** Returns the processes of a runtime, and forgets the sizes of mailboxes that were read before. */
export function freshly(runtime: ProcessRuntime): Process[] {
  sizes = undefined
  return runtime.alive
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
