import { DEAD, type Process } from './process.ts'
import { PID_SLOT } from '../protocol/actor.ts'

/** Returns the core's slot of a process. */
const slotOf = (pid: number): number => pid & PID_SLOT

/** The processes of a runtime by the core's slot; one that has ended is kept until no step names it any more. */
export class Table {
  readonly #processes: (Process | undefined)[] = []

  add(process: Process): void {
    this.#processes[slotOf(process.pid)] = process
  }

  /** The process a pid stands for, also one that has just ended. */
  at(pid: number): Process | undefined {
    const process = this.#processes[slotOf(pid)]
    return process?.pid === pid ? process : undefined
  }

  forget(process: Process | undefined): void {
    if (process !== undefined && this.at(process.pid) === process) this.#processes[slotOf(process.pid)] = undefined
  }

  /** All that have not ended. */
  get alive(): Process[] {
    return this.#processes.filter((one): one is Process => one !== undefined && one.status !== DEAD)
  }

  /** How many are kept. */
  get size(): number {
    return this.#processes.filter((one) => one !== undefined).length
  }
}
