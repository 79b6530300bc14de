import { runtimeOf } from '../../actor/system-runtime.ts'
import { options as checkOptions } from '../../internal/validate.ts'
import type { System } from '../../system/system.ts'
import { namesOf } from '../gen-server/names.ts'
import { attemptUnderWay } from './child.ts'
import { planOf } from './options.ts'
import { SupervisorProcess } from './process.ts'
import type { SupervisorOptions } from './types.ts'
import { resolveSystem } from '../../system/default.ts'

/** Numbers the supervisors of a system; the second half tells runs of a program apart. */
const counts = new WeakMap<System, { next: number; suffix: string }>()

function nextId(system: System): string {
  let count = counts.get(system)
  if (count === undefined) {
    count = { next: 0, suffix: Math.floor(system.clock.now().wallMs).toString(36) }
    counts.set(system, count)
  }
  return `supervisor_${++count.next}_${count.suffix}`
}

/** Starts a supervisor and its children. With `partitions`, its children are those, and stay as they are. */
export async function begin(options: SupervisorOptions | undefined, partitions?: number): Promise<SupervisorProcess> {
  // Read now: after the first await it is somebody else's.
  const attempt = attemptUnderWay()
  const given = checkOptions('options', options)
  const system = resolveSystem(given.system)
  const runtime = runtimeOf(system)
  const id = nextId(system)
  const process = new SupervisorProcess(id, runtime, system, planOf(id, given), partitions)
  runtime.spawn(process, { trapExit: true, maxMailbox: 2 ** 32 - 1, overflow: 0 })
  if (given.name !== undefined) {
    try {
      namesOf(system).register(given.name, process)
    } catch (error) {
      process.kill()
      throw error
    }
  }
  attempt?.nested.push(process)
  await process.launch()
  return process
}
