import { isClosed } from '../../clock/base.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { Choices } from '../choices.ts'
import type { EventLog } from '../event-log.ts'
import type { Faults } from '../types.ts'
import { NetworkFaults, type LinkLabels } from './network-faults.ts'
import { runAt } from './places.ts'
import type { Channel, Endpoint, Packet, Transport } from './transport.ts'

/** The parts of a run that its network uses. */
export interface NetworkWorld {
  readonly now: number
  readonly isOver: boolean
  readonly choices: Choices
  readonly events: EventLog | undefined
  fail(error: unknown, place?: Endpoint): void
}

/** The messages from one machine to another. */
interface Link extends Channel {
  readonly from: Endpoint
  readonly to: Endpoint
  readonly labels: LinkLabels | undefined
}

/** More nodes than a run has. */
const MOST_NODES = 2 ** 24

/** The network of a run: it connects all nodes, delivers at once and in order, and brings the faults of the run. */
export class SimulatedNetwork implements Transport {
  readonly #world: NetworkWorld
  readonly #faults: NetworkFaults
  readonly #links = new Map<number, Link>()
  /** The directions that are cut, by the names of their machines, and the time at which each heals. */
  readonly #cuts = new Map<string, number>()
  /** The stepped channels in which something has arrived, the one that waits longest first. */
  readonly #arrivals: Channel[] = []
  #channels = 0

  constructor(world: NetworkWorld, faults: Faults) {
    this.#world = world
    this.#faults = new NetworkFaults(world.choices, faults)
  }

  /** Returns the channels of which an arrival waits for its step, the one that waits longest first. */
  get arrivals(): readonly Channel[] {
    return this.#arrivals
  }

  /** Returns a new channel, in which each arrival is a step. */
  connect(from: Endpoint | undefined, to: Endpoint | undefined): Channel {
    return newChannel(from, to, ++this.#channels)
  }

  send(
    from: Endpoint | undefined,
    to: Endpoint | undefined,
    packet: Packet,
    channel: Channel = this.#link(from as Endpoint, to as Endpoint),
  ): void {
    if (this.#world.isOver || from?.isCrashed === true || channel.isSevered) return
    if (from === undefined || to === undefined) this.#arrive(packet, channel)
    else if (this.#faults.areOn) this.#sendWithFaults(this.#link(from, to), packet, channel)
    else this.#dispatch(packet, channel, to, 0)
  }

  /** Returns whether nothing arrives from one machine at another. */
  isCut(from: Endpoint | undefined, to: Endpoint | undefined): boolean {
    if (this.#cuts.size === 0 || from === undefined || to === undefined) return false
    const until = this.#cuts.get(direction(from.name, to.name))
    return until !== undefined && until > this.#world.now
  }

  /** Returns whether a request from one machine to another is to arrive twice. */
  isRepeated(from: Endpoint | undefined, to: Endpoint | undefined): boolean {
    if (!this.#faults.areOn || from === undefined || to === undefined) return false
    const { labels } = this.#link(from, to)
    return labels !== undefined && this.#faults.isRepeated(labels, this.#world.now)
  }

  /** Parts two machines, by their names, until they are healed. */
  part(from: string, to: string, isOneWay: boolean): void {
    this.#cut(from, to, isOneWay, Infinity)
  }

  /** Ends all partitions. */
  heal(): void {
    if (this.#cuts.size === 0) return
    this.#cuts.clear()
    this.#world.choices.event(this.#world.choices.label('the network heals'), this.#world.now)
    this.#log('heal', '', '', 'the network')
  }

  /** Asks for no further faults. */
  stopFaults(): void {
    this.#faults.stop()
  }

  /** Hands over what has arrived in a channel: a step of the run. */
  deliver(channel: Channel): void {
    this.#arrivals.splice(this.#arrivals.indexOf(channel), 1)
    const { from, to } = channel
    const packets = channel.arrived.splice(0)
    const name = to?.name ?? ''
    const { choices, now, events } = this.#world
    choices.event(choices.label(`${name} receives from ${from?.name ?? 'the program'}`), now)
    if (events !== undefined) {
      for (const { describe } of packets) this.#log('receive', name, from?.name ?? '', describe())
    }
    const handOver = (): void => {
      for (const packet of packets) packet.deliver()
    }
    try {
      if (to === undefined) handOver()
      else runAt(to, handOver)
    } catch (error) {
      this.#world.fail(error, to)
    }
  }

  #sendWithFaults({ from, to, labels }: Link, packet: Packet, channel: Channel): void {
    const faults = this.#faults
    const { now } = this.#world
    if (labels === undefined) return
    const partition = faults.partition(labels, now)
    if (partition !== undefined) this.#cut(from.name, to.name, partition.isOneWay, now + partition.ms)
    if (this.isCut(from, to) || faults.isLost(labels, now)) {
      this.#lose(packet, channel)
      return
    }
    for (let copy = packet.mayRepeat && faults.isRepeated(labels, now) ? 2 : 1; copy > 0; copy--) {
      const overtaken = packet.mayBeOvertaken ? faults.overtakenMs(labels, now) : 0
      if (overtaken > 0) this.#later(channel, to, overtaken, () => this.#arrive(packet, channel))
      else this.#dispatch(packet, channel, to, faults.latencyMs(labels, now))
    }
  }

  /** Sends a packet behind those of its channel. */
  #dispatch(packet: Packet, channel: Channel, to: Endpoint, lateMs: number): void {
    const { underWay } = channel
    if (lateMs === 0 && underWay.length === 0) {
      this.#arrive(packet, channel)
      return
    }
    const now = to.clock.monoMs()
    channel.notBefore = Math.max(now + lateMs, channel.notBefore)
    underWay.push(packet)
    // Timers of one instant may fire in any order, so each of them takes the first packet.
    this.#later(channel, to, channel.notBefore - now, () => this.#arrive(underWay.shift() as Packet, channel))
  }

  #later({ from }: Channel, to: Endpoint, ms: number, arrive: () => void): void {
    if (to.isCrashed || isClosed(to.clock)) return
    limitOn(to.clock, ms, `the arrival of a message from ${from?.name ?? ''}`, arrive)
  }

  #arrive(packet: Packet, channel: Channel): void {
    const { from, to, arrived } = channel
    if (to?.isCrashed === true || channel.isSevered) return
    if (this.isCut(from, to)) this.#lose(packet, channel)
    else if (!channel.isStepped) packet.deliver()
    else if (arrived.push(packet) === 1) this.#arrivals.push(channel)
  }

  #lose(packet: Packet, channel: Channel): void {
    const [from, to] = [channel.from?.name ?? '', channel.to?.name ?? '']
    if (channel.isConnection) channel.isSevered = true
    const { choices, now, events } = this.#world
    choices.event(choices.label(`${direction(from, to)}: a message is lost`), now)
    if (events !== undefined) this.#log('lost', from, `to ${to}`, packet.describe())
  }

  #cut(from: string, to: string, isOneWay: boolean, until: number): void {
    const cut = (one: string, other: string): void => {
      const key = direction(one, other)
      this.#cuts.set(key, Math.max(until, this.#cuts.get(key) ?? 0))
    }
    cut(from, to)
    if (!isOneWay) cut(to, from)
    const { choices, now } = this.#world
    const label = isOneWay ? direction(from, to) : `${from} and ${to}`
    choices.event(choices.label(`${label} are parted`), now)
    const end = until === Infinity ? 'until they are healed' : `until ${until} ms`
    this.#log('partition', from, isOneWay ? `to ${to}` : `and ${to}`, end)
  }

  #link(from: Endpoint, to: Endpoint): Link {
    const key = from.number * MOST_NODES + to.number
    let link = this.#links.get(key)
    if (link === undefined) {
      const labels = this.#faults.areOn ? this.#faults.labels(from.name, to.name) : undefined
      link = { ...newChannel(from, to, 0), from, to, labels }
      this.#links.set(key, link)
    }
    return link
  }

  #log(kind: string, node: string, process: string, message: string): void {
    this.#world.events?.add({ at: this.#world.now, node, kind, process, message })
  }
}

const direction = (from: string, to: string): string => `${from} → ${to}`

/** @param number 0 for a link, whose packets arrive within a step. */
const newChannel = (from: Endpoint | undefined, to: Endpoint | undefined, number: number): Channel => ({
  from,
  to,
  isStepped: number > 0,
  isConnection: number > 0,
  number,
  underWay: [],
  arrived: [],
  notBefore: 0,
  isSevered: false,
})
