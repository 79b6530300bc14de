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

  add(process: Process): void {
    this.#processes[slotOf(process.pid)] = process
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

  /** All processes that have not ended. */
  get alive(): Process[] {
    return this.#processes.filter((each): each is Process => each !== undefined && each.status !== DEAD)
  }

  /** The number of processes that are kept. */
  get size(): number {
    return this.#processes.filter((each) => each !== undefined).length
  }
}
