/** Events of processes and supervisors as observers get them. */
import { wallMsOf } from '../../clock/observed-time.ts'
import type { System } from '../../system/system.ts'
import { processEvents, supervisorEvents } from '../gen-server/lifecycle.ts'
import { findProcess } from '../gen-server/ref.ts'
import type { LifecycleEvent } from '../gen-server/types.ts'
import { SupervisorProcess } from '../supervisor/process.ts'
import { serverStats, supervisorStats } from './stats.ts'
import type { ObserverEvent, ObserverEventHandler } from './types.ts'

const named = (name: string | undefined): { readonly name?: string } => (name === undefined ? {} : { name })

function ofProcess(event: LifecycleEvent, system: System): ObserverEvent | undefined {
  const { ref, type } = event
  switch (type) {
    case 'started': {
      const server = findProcess(ref)
      if (server === undefined) return undefined
      // It takes over its state as soon as listeners have heard of it.
      const stats = serverStats(server, wallMsOf(system.clock), false)
      return { type: 'server_started', stats: { ...stats, status: 'running' } }
    }
    case 'terminated':
      return { type: 'server_stopped', id: ref.id, reason: event.reason }
    case 'crashed':
      return { type: 'crashed', id: ref.id, ...named(event.name), error: event.error }
    default:
      return undefined
  }
}

/** Returns the event of a supervisor itself. Its events about a child have a `childId`. */
function ofSupervisor(event: LifecycleEvent, system: System): ObserverEvent | undefined {
  const { ref, type } = event
  if (type === 'restarted') {
    const { attempt, childId = '', name } = event
    const supervisorId = findProcess(ref)?.placement?.supervisorId ?? ''
    return { type, id: ref.id, ...named(name), supervisorId, childId, attempt }
  }
  if ('childId' in event && event.childId !== undefined) return undefined
  switch (type) {
    case 'started': {
      const supervisor = findProcess(ref)
      if (!(supervisor instanceof SupervisorProcess)) return undefined
      return { type: 'supervisor_started', stats: supervisorStats(supervisor, wallMsOf(system.clock)) }
    }
    case 'terminated':
      return { type: 'supervisor_stopped', id: ref.id, reason: event.reason }
    case 'crashed':
      return { type: 'crashed', id: ref.id, ...named(event.name), error: event.error }
    default:
      return undefined
  }
}

/** Calls a handler for each event of a system, on the stack of what happened. The returned function ends it. */
export function subscribe(handler: ObserverEventHandler, system: System): () => void {
  const tell =
    (convert: typeof ofProcess) =>
    (event: LifecycleEvent): unknown => {
      const own = convert(event, system)
      return own === undefined ? undefined : handler(own)
    }
  const ends = [processEvents.listen(system, tell(ofProcess)), supervisorEvents.listen(system, tell(ofSupervisor))]
  return () => {
    for (const end of ends) end()
  }
}
