/** Ends a process for an observer. */
import { textOf } from '../../internal/thrown-values.ts'
import type { System } from '../../system/system.ts'
import { stop } from '../gen-server/calls.ts'
import { findProcess } from '../gen-server/ref.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { SupervisorProcess } from '../supervisor/process.ts'
import { processesOf } from './stats.ts'
import type { StopProcessResult } from './types.ts'

/** Returns the supervisor that has adopted a process, if it lives. */
function supervisorOf(server: GenServerProcess, system: System): SupervisorProcess | undefined {
  const id = server.placement?.supervisorId
  const found = id === undefined ? undefined : processesOf(system).find((process) => process.id === id)
  return found instanceof SupervisorProcess ? found : undefined
}

/**
 * Ends a process. A child of a supervisor is removed from it, so that it does not restart. Never rejects: the result
 * says why it was not stopped.
 */
export async function stopProcess(id: string, reason: unknown, system: System): Promise<StopProcessResult> {
  const server = processesOf(system).find((process) => process.id === id)
  if (server === undefined) return { success: false, error: `Process with ID '${id}' not found` }
  try {
    const supervisor = supervisorOf(server, system)
    if (supervisor?.partitions !== undefined) {
      return { success: false, error: `Process with ID '${id}' is a partition, which its supervisor would restart` }
    }
    if (supervisor === undefined || server.placement === undefined) {
      await stop(server.ref, reason === 'normal' ? 'normal' : 'shutdown')
    } else {
      await supervisor.executor.removeChild(server.placement.childId)
    }
    return { success: true }
  } catch (error) {
    return { success: false, error: textOf(error) }
  }
}

/** Returns the process of a ref or an id. */
export const findObserved = (ref: unknown, system: System): GenServerProcess | undefined =>
  typeof ref === 'string' ? processesOf(system).find(({ id }) => id === ref) : findProcess(ref)
