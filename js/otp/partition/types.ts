import type { System } from '../../system/system.ts'
import type { ChildPolicy, ChildRef, RestartIntensity, SupervisorRef, SupervisorStrategy } from '../supervisor/types.ts'
import type { GenServerRef } from '../gen-server/types.ts'

/** Refers to a supervisor of partitions; it is a {@link SupervisorRef} as well. */
export interface PartitionSupervisorRef<Ref = GenServerRef> extends SupervisorRef {
  /** Exists for the compiler alone, never at run time: the type of a partition's ref. */
  readonly __partition?: Ref
}

/** Options of `PartitionSupervisor.start`; those of a child are for each partition. Times are milliseconds. */
export interface PartitionSupervisorOptions<Ref extends ChildRef = GenServerRef> extends Omit<
  ChildPolicy,
  'significant'
> {
  /** Starts the process of a partition, counted from 0: `(partition) => GenServer.start(shard(partition))`. */
  readonly start: (partition: number) => Ref | PromiseLike<Ref>
  /**
   * The number of partitions, from 1 to 65536. Default 8 on every machine, so that a key has the same partition
   * everywhere.
   */
  readonly partitions?: number
  /** The name in the system; `PartitionSupervisor.of` takes it instead of the ref. */
  readonly name?: string
  /** The partitions that restart with one that crashed. Default `'one_for_one'`: no other. */
  readonly strategy?: Exclude<SupervisorStrategy, 'simple_one_for_one'>
  /** The number of restarts after which the supervisor gives up. */
  readonly restartIntensity?: RestartIntensity
  /** The system that the processes belong to. Default: the default system of this environment. */
  readonly system?: System
}

/** A partition and its present process. */
export interface PartitionInfo<Ref = GenServerRef> {
  /** Its number, counted from 0. */
  readonly partition: number
  /** Its present process; while it restarts, the last one. */
  readonly ref: Ref
  /** The number of restarts. */
  readonly restartCount: number
}
