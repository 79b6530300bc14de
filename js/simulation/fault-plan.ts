import type { Process } from '../actor/process.ts'
import type { Choices } from './choices.ts'
import type { SimulatedNode } from './node.ts'
import type { Faults } from './types.ts'

/** The kinds of faults, by their numbers. A run switches off a random subset of them. */
export const FAULT_KINDS: readonly (keyof Faults)[] = ['crash', 'delay', 'pause', 'skew']
const CRASH = 0
const DELAY = 1
const PAUSE = 2
const SKEW = 3

/** The longest time that passes at once while a message waits, in ms. */
const LONGEST_DELAY_MS = 100
/** The lengths of pauses, in ms. */
const PAUSES_MS = [10, 100, 1000, 10_000] as const
/** The number of speeds of a clock on either side of the right one. */
const SPEEDS = 10

/** The objects that faults act on. */
interface FaultTarget {
  readonly now: number
  readonly nodes: readonly SimulatedNode[]
  crashProcess(process: Process): void
  pauseNode(node: SimulatedNode, ms: number): void
}

/** Asks for faults, each of which is a choice. */
export class FaultPlan {
  readonly #choices: Choices
  readonly #crash: number
  readonly #delay: number
  readonly #pause: number
  readonly #skew: number
  #isStopped = false

  constructor(choices: Choices, { crash = 0, delay = 0, pause = 0, skew = 0 }: Faults) {
    this.#choices = choices
    this.#crash = crash
    this.#delay = delay
    this.#pause = pause
    this.#skew = skew
  }

  /** True if a step may bring a fault. */
  get areOn(): boolean {
    return !this.#isStopped && (this.#crash > 0 || this.#delay > 0 || this.#pause > 0)
  }

  /** Asks for no further faults. */
  stop(): void {
    this.#isStopped = true
  }

  /** Asks for the faults of a step. */
  ask(target: FaultTarget): void {
    if (this.#crash > 0) this.#askForCrash(target)
    if (this.#pause > 0) this.#askForPause(target)
  }

  #askForCrash(target: FaultTarget): void {
    const victims = target.nodes
      .filter((node) => node.isRunning(target.now))
      .flatMap((node) => node.runtime.alive.filter(isVictim))
    if (victims.length === 0) return
    const label = this.#choices.label('crash a process')
    const which = this.#choices.chooseFault(label, victims.length + 1, CRASH, this.#crash, target.now)
    const victim = victims[which - 1]
    if (victim !== undefined) target.crashProcess(victim)
  }

  #askForPause(target: FaultTarget): void {
    const nodes = target.nodes.filter((node) => node.isRunning(target.now))
    if (nodes.length === 0) return
    const label = this.#choices.label('pause a node')
    const of = nodes.length * PAUSES_MS.length + 1
    const which = this.#choices.chooseFault(label, of, PAUSE, this.#pause, target.now)
    if (which === 0) return
    const node = nodes[Math.floor((which - 1) / PAUSES_MS.length)] as SimulatedNode
    target.pauseNode(node, PAUSES_MS[(which - 1) % PAUSES_MS.length] as number)
  }

  /** Asks whether time passes to the next timer although a message waits. */
  isDelayed(aheadMs: number, now: number): boolean {
    if (this.#delay <= 0 || aheadMs > LONGEST_DELAY_MS || aheadMs <= 0) return false
    return this.#choices.chooseFault(this.#choices.label('let time pass'), 2, DELAY, this.#delay, now) > 0
  }

  /** Asks how fast the clock of a node runs: 1 for as fast as it should. */
  clockRate(name: string, now: number): number {
    if (this.#skew <= 0) return 1
    const label = this.#choices.label(`speed of the clock of ${name}`)
    const which = this.#choices.chooseFault(label, 2 * SPEEDS + 1, SKEW, 1, now)
    const deviation = Math.ceil(which / 2) / SPEEDS
    return 1 + (which % 2 === 1 ? deviation : -deviation) * this.#skew
  }
}

/** Returns whether a process may crash by chance: one that a supervisor owns, and that is no supervisor. */
function isVictim(process: Process): boolean {
  return process.isOwned && (process as { readonly isSupervisor?: boolean }).isSupervisor !== true
}
