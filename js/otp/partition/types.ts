import type { System } from '../../system/system.ts'
import type { ChildPolicy, ChildRef, RestartIntensity, SupervisorRef, SupervisorStrategy } from '../supervisor/types.ts'
import type { GenServerRef } from '../gen-server/types.ts'

/** Names a supervisor of partitions; it is a {@link SupervisorRef} as well. */
export interface PartitionSupervisorRef<Ref = GenServerRef> extends SupervisorRef {
  /** Only for the compiler: what a partition is. Never there. */
  readonly __partition?: Ref
}

/** Options of `PartitionSupervisor.start`; those of a child are for each partition. Times are milliseconds. */
export interface PartitionSupervisorOptions<Ref extends ChildRef = GenServerRef> extends Omit<
  ChildPolicy,
  'significant'
> {
  /** Starts the process of a partition, from 0: `(partition) => GenServer.start(shard(partition))`. */
  readonly start: (partition: number) => Ref | PromiseLike<Ref>
  /** How many there are, from 1 to 65536. Default 8, on every machine, so that a key has the same partition everywhere. */
  readonly partitions?: number
  /** Registered in the system; `PartitionSupervisor.of` takes it instead of the ref. */
  readonly name?: string
  /** Who is restarted with a partition that crashed. Default `'one_for_one'`: nobody. */
  readonly strategy?: Exclude<SupervisorStrategy, 'simple_one_for_one'>
  readonly restartIntensity?: RestartIntensity
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** A partition, to look at. */
export interface PartitionInfo<Ref = GenServerRef> {
  /** Its number, from 0. */
  readonly partition: number
  /** Its present process; while it is restarted, the last one. */
  readonly ref: Ref
  /** How many times it was started again. */
  readonly restartCount: number
}
