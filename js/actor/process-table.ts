import { DEAD, type Process } from './process.ts'
import { processFeed } from './process-feed.ts'
import { PID_SLOT } from '../protocol/actor.ts'

/** Returns the core's slot of a process. */
const slotOf = (pid: number): number => pid & PID_SLOT

/**
 * Finds the processes of a runtime by pid. A process that has ended stays until no step of the core names it any more.
 */
export class ProcessTable {
  readonly #processes: (Process | undefined)[] = []
  /** True while the order of slots is that of the starts: no slot was used again. */
  isInOrder = true

  add(process: Process): void {
    const slot = slotOf(process.pid)
    if (slot < this.#processes.length) this.isInOrder = false
    this.#processes[slot] = process
    processFeed.changed?.(process)
  }

  /** Returns the process of a pid, also one that has just ended. */
  at(pid: number): Process | undefined {
    const process = this.#processes[slotOf(pid)]
    return process?.pid === pid ? process : undefined
  }

  forget(process: Process | undefined): void {
    if (process === undefined || this.at(process.pid) !== process) return
    this.#processes[slotOf(process.pid)] = undefined
    processFeed.changed?.(process)
  }

  /** All processes that have not ended, in the order of slots. */
  get alive(): Process[] {
    const found: Process[] = []
    // A loop takes half the time of a filter.
    for (const each of this.#processes) if (each !== undefined && each.status !== DEAD) found.push(each)
    return found
  }

  /** The number of processes that are kept. */
  get size(): number {
    return this.#processes.filter((each) => each !== undefined).length
  }
}
