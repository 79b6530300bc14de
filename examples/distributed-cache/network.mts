// A network in memory, for tests: it loses, delays, reorders and repeats messages, as its system's chance decides.
import type { System } from 'keelson'

import type { Message } from './protocol.mjs'
import type { Envelope, Receive, Transport } from './transport.mjs'

const SLOW_MS = 1000

export interface Faults {
  /** The share of messages and answers that are lost, from 0 to 1. */
  readonly loss: number
  /** The share of messages that arrive twice. */
  readonly repeat: number
  /** The longest time of most messages, in ms. */
  readonly delayMs: number
  /** The share of messages that take up to a second. The others overtake them. */
  readonly slow: number
}

export interface Counts {
  sent: number
  lost: number
  repeated: number
}

/** The way of one process into the network. */
export interface Port extends Transport {
  /** Ends the process as SIGKILL does: nothing comes in or goes out any more. */
  kill(): void
}

export class Network {
  readonly counts: Counts = { sent: 0, lost: 0, repeated: 0 }
  readonly #faults: Faults
  /** Holds a message until its promise resolves, so that a test can choose an order. Never: the message is lost. */
  hold: ((address: string, message: Message) => Promise<void> | undefined) | undefined
  readonly #system: System
  readonly #nodes = new Map<string, Receive>()
  #addresses = 0

  constructor(system: System, faults: Faults) {
    this.#system = system
    this.#faults = faults
  }

  port(): Port {
    let isDead = false
    let own: string | undefined
    return {
      listen: async (receive) => {
        const address = `memory:${(this.#addresses += 1)}`
        own = address
        this.#nodes.set(address, receive)
        return { address, close: async () => void this.#nodes.delete(address) }
      },
      send: (address, envelope, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason), { once: true })
          // A message that is under way arrives, although nobody waits for its answer any more.
          if (!isDead) this.#carry(address, envelope).then(resolve, reject)
        }),
      kill: () => {
        isDead = true
        if (own !== undefined) this.#nodes.delete(own)
      },
    }
  }

  /** Takes the time of a message on its way. Returns whether it arrives. */
  async #travel(): Promise<boolean> {
    const { random, clock } = this.#system
    const isLost = random.next() < this.#faults.loss
    this.counts.sent += 1
    if (isLost) this.counts.lost += 1
    await clock.sleep(random.next() * (random.next() < this.#faults.slow ? SLOW_MS : this.#faults.delayMs))
    return !isLost
  }

  async #carry(address: string, envelope: Envelope): Promise<unknown> {
    if (this.#system.random.next() < this.#faults.repeat) {
      this.counts.repeated += 1
      void this.#deliver(address, envelope).catch(() => {})
    }
    return this.#deliver(address, envelope)
  }

  async #deliver(address: string, envelope: Envelope): Promise<unknown> {
    const lost = new Promise<never>(() => {})
    if (!(await this.#travel())) return lost
    await this.hold?.(address, envelope.message)
    const receive = this.#nodes.get(address)
    if (receive === undefined) throw new Error(`nobody listens at ${address}`)
    // Both sides get copies, as over a wire.
    const answer = await receive(structuredClone(envelope)).then(
      (value) => ({ value: structuredClone(value) }),
      (error: Error) => ({ error: new Error(error.message) }),
    )
    if (!(await this.#travel()) || this.#nodes.get(address) !== receive) return lost
    if ('error' in answer) throw answer.error
    return answer.value
  }
}
