/** The faults of a network, each of which is a choice. */
import type { Choices } from '../choices.ts'
import type { Faults } from '../types.ts'

/** The numbers of the kinds. A run switches off a random subset of them. */
const LATENCY = 16
const LOSS = 17
const DUPLICATE = 18
const REORDER = 19
const PARTITION = 20

/** The kinds of faults that a network has. */
export const NETWORK_FAULT_KINDS: readonly (keyof Faults)[] = ['latency', 'loss', 'duplicate', 'reorder', 'partition']

/** The times by which a packet is late, in ms. */
const LATENCIES_MS = [1, 10, 100, 1000] as const
/** The times by which a packet that is overtaken is late, in ms. */
const OVERTAKEN_MS = [1, 10, 100] as const
/** The lengths of partitions, in ms. */
const PARTITIONS_MS = [100, 1000, 10_000] as const

/** A partition that a run chooses. */
export interface ChosenPartition {
  readonly ms: number
  readonly isOneWay: boolean
}

/** The labels of one direction between two machines. */
export interface LinkLabels {
  readonly loss: number
  readonly duplicate: number
  readonly latency: number
  readonly reorder: number
  readonly partition: number
}

/** Asks for the faults of packets. */
export class NetworkFaults {
  readonly #choices: Choices
  readonly #latency: number
  readonly #loss: number
  readonly #duplicate: number
  readonly #reorder: number
  readonly #partition: number
  #areOn: boolean

  constructor(choices: Choices, { latency = 0, loss = 0, duplicate = 0, reorder = 0, partition = 0 }: Faults) {
    this.#choices = choices
    this.#latency = latency
    this.#loss = loss
    this.#duplicate = duplicate
    this.#reorder = reorder
    this.#partition = partition
    this.#areOn = latency > 0 || loss > 0 || duplicate > 0 || reorder > 0 || partition > 0
  }

  /** True if a packet may bring a fault. */
  get areOn(): boolean {
    return this.#areOn
  }

  /** Asks for no further faults. */
  stop(): void {
    this.#areOn = false
  }

  /** Returns the labels of the direction from one machine to another. */
  labels(from: string, to: string): LinkLabels {
    const label = (what: string): number => this.#choices.label(`${from} → ${to}: ${what}`)
    return {
      loss: label('lose a message'),
      duplicate: label('repeat a message'),
      latency: label('delay a message'),
      reorder: label('let later messages pass'),
      partition: label('cut the connection'),
    }
  }

  /** Asks whether a packet finds its two machines parted. */
  partition({ partition }: LinkLabels, now: number): ChosenPartition | undefined {
    const which = this.#ask(partition, 2 * PARTITIONS_MS.length + 1, PARTITION, this.#partition, now)
    if (which === 0) return undefined
    return { ms: PARTITIONS_MS[(which - 1) >> 1] as number, isOneWay: which % 2 === 0 }
  }

  isLost({ loss }: LinkLabels, now: number): boolean {
    return this.#ask(loss, 2, LOSS, this.#loss, now) > 0
  }

  isRepeated({ duplicate }: LinkLabels, now: number): boolean {
    return this.#ask(duplicate, 2, DUPLICATE, this.#duplicate, now) > 0
  }

  /** Returns how late a packet is, in ms. Those behind it wait for it. */
  latencyMs({ latency }: LinkLabels, now: number): number {
    return LATENCIES_MS[this.#ask(latency, LATENCIES_MS.length + 1, LATENCY, this.#latency, now) - 1] ?? 0
  }

  /** Returns how late a packet is, in ms, while those behind it pass. */
  overtakenMs({ reorder }: LinkLabels, now: number): number {
    return OVERTAKEN_MS[this.#ask(reorder, OVERTAKEN_MS.length + 1, REORDER, this.#reorder, now) - 1] ?? 0
  }

  #ask(label: number, of: number, kind: number, probability: number, now: number): number {
    if (probability <= 0 || !this.#areOn) return 0
    return this.#choices.chooseFault(label, of, kind, probability, now)
  }
}
