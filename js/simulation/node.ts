import { DrivenRuntime } from './driven-runtime.ts'
import { runtimeOf } from '../actor/system-runtime.ts'
import type { Process } from '../actor/process.ts'
import { createSystem, type System } from '../system/system.ts'
import type { Choices } from './choices.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** One machine of a simulation: a system whose clock and processes the simulation drives. */
export class SimulatedNode {
  readonly name: string
  /** Its number in the run, from 0. */
  readonly number: number
  readonly clock: SimulatedClock
  readonly system: System
  readonly runtime: DrivenRuntime
  /** The time of the simulation at which a pause ends. */
  pausedUntil = 0
  /** The processes that are ready, as long as the runtime has not changed. */
  #ready = 0
  readonly #pids: number[] = []
  readonly #labels = new WeakMap<Process, number>()

  constructor(name: string, number: number, clock: SimulatedClock, options: { seed: number; onError: ErrorListener }) {
    this.name = name
    this.number = number
    this.clock = clock
    this.system = createSystem({
      name,
      clock,
      closeClock: true,
      seed: options.seed,
      crashReports: false,
      onError: (error, origin) => options.onError(error, origin, this),
    })
    this.runtime = runtimeOf(this.system, DrivenRuntime) as DrivenRuntime
  }

  get isCrashed(): boolean {
    return this.runtime.isCrashed
  }

  /** Returns how many of its processes have a message to handle. {@link pidAt} names each of them. */
  ready(): number {
    const { runtime } = this
    if (runtime.hasChanged) {
      this.#ready = runtime.ready()
      for (let place = 0; place < this.#ready; place++) this.#pids[place] = runtime.pidAt(place)
    }
    return this.#ready
  }

  /** Returns the pid of a process that is ready; the first is the one that production runs. */
  pidAt(place: number): number {
    return this.#pids[place] as number
  }

  /** Returns whether it takes steps. */
  isRunning(now: number): boolean {
    return !this.runtime.isCrashed && this.pausedUntil <= now
  }

  /** Returns the key of a process in the questions of the schedule. */
  keyOf(pid: number): number {
    // Slots of processes are below 2^24, and slots that are used again have other pids.
    return pid * 64 + (this.number % 64)
  }

  /** Returns the label of a step of a process. */
  stepLabel(process: Process, choices: Choices): number {
    let label = this.#labels.get(process)
    if (label === undefined) {
      label = choices.label(`${this.name} runs ${nameOf(process)}`)
      this.#labels.set(process, label)
    }
    return label
  }

  /** Ends its system without a word to anybody. */
  async end(): Promise<void> {
    this.runtime.isCrashed = true
    await this.system.close()
  }
}

/** Owns errors without a caller. */
export type ErrorListener = (error: unknown, origin: string, node: SimulatedNode) => void

/** Returns the name of a process in events: its registered name, or its id. */
export const nameOf = (process: Process): string => process.publicName ?? process.id
