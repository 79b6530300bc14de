import type { Choices } from './choices.ts'
import type { SimulatedNode } from './node.ts'
import type { SimulatedClock } from './simulated-clock.ts'

/** The parts of a run among which a step chooses. */
interface Candidacy {
  readonly now: number
  readonly nodes: readonly SimulatedNode[]
  readonly clock: SimulatedClock
  readonly choices: Choices
}

/**
 * Lists the steps that can come next: a process handles a message, or a timer that is due fires. The first one is what
 * production does: nodes run side by side, so each has its turn, and messages come before timers.
 */
export class Candidates {
  /** The number of messages and timers. */
  count = 0
  /** The number of messages, which come first. */
  messages = 0
  /** The node of each; `undefined` for a timer of the program. */
  readonly #nodes: (SimulatedNode | undefined)[] = []
  /** The pid of each process, and the id of each timer. */
  readonly #ids: number[] = []
  /** The place of the node that took the last step. */
  #last = -1

  /** Notes which node takes this step; nobody for a step of the program. */
  took(node: SimulatedNode | undefined): void {
    if (node !== undefined) this.#last = node.number
  }

  nodeAt(place: number): SimulatedNode | undefined {
    return this.#nodes[place]
  }

  idAt(place: number): number {
    return this.#ids[place] as number
  }

  /** Looks for everything that can happen now. */
  gather({ now, nodes, clock, choices }: Candidacy): void {
    this.count = 0
    const { length } = nodes
    for (let turn = 1; turn <= length; turn++) {
      const node = nodes[(this.#last + turn) % length] as SimulatedNode
      if (node.isRunning(now)) this.#addProcesses(node, choices)
    }
    this.messages = this.count
    for (let turn = 1; turn <= length; turn++) {
      const node = nodes[(this.#last + turn) % length] as SimulatedNode
      if (node.clock.nextAt <= now && node.isRunning(now)) this.#addTimers(node, node.clock, choices)
    }
    if (clock.nextAt <= now) this.#addTimers(undefined, clock, choices)
  }

  #addProcesses(node: SimulatedNode, choices: Choices): void {
    const count = node.ready()
    for (let index = 0; index < count; index++) {
      const pid = node.pidAt(index)
      choices.offer(this.count, node.keyOf(pid))
      this.#add(node, pid)
    }
  }

  #addTimers(node: SimulatedNode | undefined, clock: SimulatedClock, choices: Choices): void {
    for (const id of clock.due()) {
      // The timers of a node have one priority.
      choices.offer(this.count, -1 - (node?.number ?? -1))
      this.#add(node, id)
    }
  }

  #add(node: SimulatedNode | undefined, id: number): void {
    this.#nodes[this.count] = node
    this.#ids[this.count] = id
    this.count++
  }
}
