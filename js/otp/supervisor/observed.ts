/** The table of supervisors. */
import { knownRuntimeOf } from '../../actor/system-runtime.ts'
import { STRATEGIES } from '../../protocol/supervisor.ts'
import { type CellReaders, offerTable } from '../../tables/offers.ts'
import type { System } from '../../system/system.ts'
import { SupervisorProcess } from './process.ts'
import type { SupervisorStrategy } from './types.ts'

/** Returns the supervisors of a system that have not ended, in the order of their starts. */
export function supervisorsOf(system: System): SupervisorProcess[] {
  const runtime = knownRuntimeOf(system)
  return [...(runtime?.processes.services ?? [])].filter((process) => process instanceof SupervisorProcess)
}

/** Returns the word for the strategy of a supervisor. */
export const strategyOf = ({ plan }: SupervisorProcess): SupervisorStrategy =>
  STRATEGIES[plan.strategy] as SupervisorStrategy

const readers: CellReaders<'supervisor', SupervisorProcess> = {
  id: ({ id }) => id,
  name: ({ publicName }) => publicName ?? '',
  strategy: strategyOf,
  children: ({ executor }) => executor.count,
  restarts: ({ executor }) => executor.restarts,
  intensityLeft: ({ executor }) => executor.restartsLeft,
  parent: ({ observedParent }) => observedParent,
  startedAt: ({ observedStart }) => observedStart,
}

/** Offers the table. */
export const offerSupervisors = (): void =>
  offerTable('supervisor', (system) => ({ items: supervisorsOf(system), key: ({ id }) => id }), readers)
