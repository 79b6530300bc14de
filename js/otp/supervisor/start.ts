import { runtimeOf } from '../../actor/system-runtime.ts'
import { options as checkOptions } from '../../internal/validate.ts'
import { resolveSystem } from '../../system/default.ts'
import { OVERFLOW_REJECT, UNBOUNDED } from '../../protocol/actor.ts'
import { namesOf } from '../gen-server/names.ts'
import { ProcessIds } from '../gen-server/process-ids.ts'
import { currentStartAttempt } from './child.ts'
import { offerSupervisors } from './observed.ts'
import { planOf } from './options.ts'
import { SupervisorProcess } from './process.ts'
import type { SupervisorOptions } from './types.ts'

const ids = new ProcessIds()
offerSupervisors()

/**
 * Starts a supervisor and its children.
 *
 * @param partitions The number of partitions, if the children are those: then none is added or removed later.
 */
export async function startSupervisor(
  options: SupervisorOptions | undefined,
  partitions?: number,
): Promise<SupervisorProcess> {
  // Read before the first await: afterwards another call may be on the stack.
  const attempt = currentStartAttempt()
  const settings = checkOptions('options', options)
  const system = resolveSystem(settings.system)
  const runtime = runtimeOf(system)
  const id = ids.next(system, 'supervisor')
  const process = new SupervisorProcess(id, runtime, system, planOf(id, settings), partitions)
  runtime.spawn(process, { trapExit: true, maxMailbox: UNBOUNDED, overflow: OVERFLOW_REJECT })
  if (settings.name !== undefined) {
    try {
      namesOf(system).register(settings.name, process)
    } catch (error) {
      process.kill()
      throw error
    }
  }
  attempt?.nested.push(process)
  await process.launch()
  return process
}
