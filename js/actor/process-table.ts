import type { Process } from './process.ts'
import { processFeed } from './process-feed.ts'
import { PID_SLOT } from '../protocol/actor.ts'

/** Returns the core's slot of a process. */
const slotOf = (pid: number): number => pid & PID_SLOT

/** Stands for a process that has ended in the order of the starts. */
const GAP = -1
/** The least number of gaps that is worth closing. */
const GAPS = 64

/**
 * Finds the processes of a runtime by pid, and lists those that have not ended in the order of their starts. A process
 * that has ended stays until no step of the core names it any more.
 */
export class ProcessTable {
  readonly #processes: (Process | undefined)[] = []
  /**
   * The slots of the living processes in the order of their starts, with gaps. Listing looks at no process: of a hundred
   * thousand, most are in no cache of the processor.
   */
  #order: number[] = []
  /** The place of each slot in the order. */
  readonly #places: number[] = []
  #gaps = 0
  /** The services among the processes that have not ended, in the order of their starts. */
  readonly services: Set<Process> = new Set()

  add(process: Process): void {
    const slot = slotOf(process.pid)
    this.#processes[slot] = process
    this.#places[slot] = this.#order.push(slot) - 1
    if (process.isService) this.services.add(process)
    processFeed.changed?.(process)
  }

  /** Returns the process of a pid, also one that has just ended. */
  at(pid: number): Process | undefined {
    const process = this.#processes[slotOf(pid)]
    return process?.pid === pid ? process : undefined
  }

  /** Takes a process off the list: it has ended. */
  ended(process: Process): void {
    this.#order[this.#places[slotOf(process.pid)] as number] = GAP
    this.#gaps++
    if (process.isService) this.services.delete(process)
    if (this.#gaps >= GAPS && this.#gaps * 2 > this.#order.length) this.#closeGaps()
  }

  forget(process: Process | undefined): void {
    if (process === undefined || this.at(process.pid) !== process) return
    this.#processes[slotOf(process.pid)] = undefined
    processFeed.changed?.(process)
  }

  /** The slots of the processes that have not ended, in the order of their starts. */
  get slots(): readonly number[] {
    if (this.#gaps > 0) this.#closeGaps()
    return this.#order
  }

  /** The processes that have not ended, in the order of their starts, for as long as nothing else runs. */
  get list(): { readonly length: number; readonly at: (place: number) => Process | undefined } {
    const { slots } = this
    return { length: slots.length, at: (place) => this.#processes[slots[place] as number] }
  }

  /** All processes that have not ended, in the order of their starts. */
  get alive(): Process[] {
    const found: Process[] = []
    // A loop takes half the time of a filter.
    for (const slot of this.#order) if (slot !== GAP) found.push(this.#processes[slot] as Process)
    return found
  }

  /** The number of processes that have not ended. */
  get count(): number {
    return this.#order.length - this.#gaps
  }

  /** The number of processes that are kept. */
  get size(): number {
    return this.#processes.filter((each) => each !== undefined).length
  }

  #closeGaps(): void {
    this.#order = this.#order.filter((slot) => slot !== GAP)
    for (const [place, slot] of this.#order.entries()) this.#places[slot] = place
    this.#gaps = 0
  }
}
