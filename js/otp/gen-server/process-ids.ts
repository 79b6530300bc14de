import type { System } from '../../system/system.ts'

/** Returns a text that tells runs of a program apart: the wall time in ms, in base 36. */
export const runSuffix = (system: System): string => Math.floor(system.clock.now().wallMs).toString(36)

/** Numbers the processes of each system: `genserver_1_x`, `agent_2_x` … The suffix is that of the first process. */
export class ProcessIds {
  readonly #counters = new WeakMap<System, { next: number; readonly suffix: string }>()

  /** Returns the next id of a system. */
  next(system: System, prefix: string): string {
    let counter = this.#counters.get(system)
    if (counter === undefined) this.#counters.set(system, (counter = { next: 0, suffix: runSuffix(system) }))
    return `${prefix}_${++counter.next}_${counter.suffix}`
  }
}
