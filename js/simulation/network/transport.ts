/**
 * The seam between what talks and the machines that it talks across. Whatever sends from node to node does so through a
 * {@link Transport}: messages of processes, connections, and later the engine of a cluster and nodes that are worker
 * threads.
 */
import type { Clock } from '../../clock/types.ts'

/** A machine, as a transport sees it. `undefined` in its place stands for the program, outside of all machines. */
export interface Endpoint {
  readonly name: string
  /** Its number in the run, from 0. */
  readonly number: number
  /** The clock by which things arrive there. */
  readonly clock: Clock
  /** True once it has crashed: it sends nothing, and nothing arrives. */
  readonly isCrashed: boolean
}

/** One thing that is sent. */
export interface Packet {
  /** Returns a few words for reports. Called only while somebody reports. */
  readonly describe: () => string
  /** True if it may arrive twice. */
  readonly mayRepeat: boolean
  /** True if others of its channel may arrive before it, which were sent later. */
  readonly mayBeOvertaken: boolean
  /** Hands it over. Called once each time it arrives, and never if it is lost. */
  deliver(): void
}

/** Carries packets from machine to machine. */
export interface Transport {
  /**
   * Sends a packet. It arrives at once, or later, or twice, or never, as the run chooses. Packets of one channel arrive
   * in their order, unless the run chooses that one is overtaken.
   */
  send(from: Endpoint | undefined, to: Endpoint | undefined, packet: Packet, channel?: Channel): void
}

/** Packets from one machine to another that keep their order: all messages, or one direction of one connection. */
export interface Channel {
  readonly from: Endpoint | undefined
  readonly to: Endpoint | undefined
  /** True if each arrival is a step of its own, which the schedule chooses. False if packets arrive within a step. */
  readonly isStepped: boolean
  /** True if nothing that is sent after a lost packet arrives either, as in a connection. */
  readonly isConnection: boolean
  /** The number among the stepped channels of the run, for the schedule. */
  readonly number: number
  /** Packets under way, in their order. */
  readonly underWay: Packet[]
  /** Packets that have arrived and wait for their step. */
  readonly arrived: Packet[]
  /** The time on the clock of the receiver before which the next packet must not arrive. */
  notBefore: number
  /** True once a packet of a connection was lost. */
  isSevered: boolean
}
