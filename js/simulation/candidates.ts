import type { Choices } from './choices.ts'
import type { Channel } from './network/transport.ts'
import type { SimulatedNode } from './node.ts'
import type { SimulatedClock } from './simulated-clock.ts'

const HALF = 0.5
/** Nodes whose timers have keys of their own. */
const MOST_NODES = 64

/** The parts of a run among which a step chooses. */
interface Candidacy {
  readonly now: number
  readonly nodes: readonly SimulatedNode[]
  readonly clock: SimulatedClock
  readonly choices: Choices
  readonly network: { readonly arrivals: readonly Channel[] }
}

/**
 * Lists the steps that can come next: a process handles a message, something arrives over a connection, or a timer that
 * is due fires. The first one is what
 * production does: nodes run side by side, so each has its turn, and messages come before timers.
 */
export class Candidates {
  /** The number of messages and timers. */
  count = 0
  /** The number of messages and arrivals, which come first. */
  messages = 0
  /** The node of each; `undefined` for a timer of the program. */
  readonly #nodes: (SimulatedNode | undefined)[] = []
  /** The pid of each process, and the id of each timer. */
  readonly #ids: number[] = []
  /** The channel of each arrival. */
  readonly #channels: (Channel | undefined)[] = []
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

  /** Returns the channel in which something arrives; `undefined` for a message or a timer. */
  channelAt(place: number): Channel | undefined {
    return this.#channels[place]
  }

  /** Looks for everything that can happen now. */
  gather({ now, nodes, clock, choices, network: { arrivals } }: Candidacy): void {
    this.count = 0
    if (this.#channels.length > 0) this.#channels.length = 0
    const { length } = nodes
    for (let turn = 1; turn <= length; turn++) {
      const node = nodes[(this.#last + turn) % length] as SimulatedNode
      if (!node.isRunning(now)) continue
      this.#addProcesses(node, choices)
      if (arrivals.length > 0) this.#addArrivals(node, arrivals, choices)
    }
    if (arrivals.length > 0) this.#addArrivals(undefined, arrivals, choices)
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

  /** Adds what arrives at a node, or at the program. */
  #addArrivals(node: SimulatedNode | undefined, arrivals: readonly Channel[], choices: Choices): void {
    for (const channel of arrivals) {
      if (channel.to !== node) continue
      // No process has a key that is no integer.
      choices.offer(this.count, channel.number + HALF)
      this.#channels[this.count] = channel
      this.#add(node, 0)
    }
  }

  #addTimers(node: SimulatedNode | undefined, clock: SimulatedClock, choices: Choices): void {
    for (const id of clock.due()) {
      // No process has a key below 0. A timer has one of its own, so that each may come before the others.
      choices.offer(this.count, -1 - id * MOST_NODES - (((node?.number ?? -1) + 1) % MOST_NODES))
      this.#add(node, id)
    }
  }

  #add(node: SimulatedNode | undefined, id: number): void {
    this.#nodes[this.count] = node
    this.#ids[this.count] = id
    this.count++
  }
}
