import { integer, known, options as checkOptions } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { NotRegisteredError } from '../errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import { ChildNotFoundError } from '../supervisor/errors.ts'
import { supervisors } from '../supervisor/lazy.ts'
import { STRATEGIES } from '../../protocol/supervisor.ts'
import type { SupervisorProcess } from '../supervisor/process.ts'
import { Supervisor } from '../supervisor/supervisor.ts'
import type { ChildRef, ChildSpec } from '../supervisor/types.ts'
import type { GenServerRef, TerminateReason } from '../gen-server/types.ts'
import { partitionOf } from './route.ts'
import type { PartitionInfo, PartitionSupervisorOptions, PartitionSupervisorRef } from './types.ts'

const PARTITIONS = 8
const MOST_PARTITIONS = 65_536

const POLICY = ['restart', 'shutdownTimeout', 'startTimeout', 'backoff']
const OPTIONS = [...POLICY, 'start', 'partitions', 'name', 'strategy', 'restartIntensity', 'system']

async function start<Ref extends ChildRef = GenServerRef>(
  options: PartitionSupervisorOptions<Ref>,
): Promise<PartitionSupervisorRef<Ref>> {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  supervisors().checkPolicy('options', settings, { autoShutdown: 'never', delays: undefined })
  const {
    start: startPartition,
    partitions: count = PARTITIONS,
    name,
    strategy,
    restartIntensity,
    system,
    ...policy
  } = settings
  integer('options.partitions', 1, MOST_PARTITIONS, count)
  if ((strategy as string | undefined) === 'simple_one_for_one') {
    throw new InvalidArgumentError('options.strategy', `one of ${STRATEGIES.slice(0, 3).join(', ')}`, strategy)
  }
  const children = Array.from({ length: count }, (_, partition): ChildSpec => ({
    ...policy,
    id: String(partition),
    start: () => startPartition(partition),
  }))
  const process = await supervisors().startSupervisor(
    {
      children,
      ...(name !== undefined && { name }),
      ...(strategy !== undefined && { strategy }),
      ...(restartIntensity !== undefined && { restartIntensity }),
      ...(system !== undefined && { system }),
    },
    count,
  )
  return process.ref as PartitionSupervisorRef<Ref>
}

interface Partitioned {
  readonly process: SupervisorProcess
  readonly count: number
}

/** Returns a supervisor of partitions and their number. Refuses any other process. */
function assertPartitioned(field: string, process: unknown): Partitioned {
  if (process instanceof supervisors().SupervisorProcess && process.partitions !== undefined) {
    return { process, count: process.partitions }
  }
  throw new InvalidArgumentError(field, 'a ref of PartitionSupervisor.start, or its name', process)
}

const byRef = (ref: PartitionSupervisorRef<unknown>): Partitioned =>
  assertPartitioned('ref', supervisors().livingSupervisorOf(ref))

function of<Ref = GenServerRef>(
  ref: PartitionSupervisorRef<Ref> | string,
  key: string | number,
  ...system: SystemArgument
): Ref {
  const { process, count } = typeof ref === 'string' ? byName(ref, system) : byRef(ref)
  const partition = String(partitionOf(key, count))
  const found = process.executor.child(partition)?.server?.ref
  if (found === undefined) throw new ChildNotFoundError(process.id, partition, process.name)
  return found as Ref
}

function byName(name: string, system: SystemArgument): Partitioned {
  const process = namesOf(systemFromArgument(system)).whereis(name)
  if (process === undefined) throw new NotRegisteredError(name)
  return assertPartitioned('ref', process)
}

function whichChildren<Ref>(ref: PartitionSupervisorRef<Ref>): readonly PartitionInfo<Ref>[] {
  const infos: PartitionInfo<Ref>[] = []
  for (const { id, info } of byRef(ref).process.executor.children) {
    if (info === undefined) continue
    infos.push({ partition: Number(id), ref: info.ref as Ref, restartCount: info.restartCount })
  }
  return infos
}

function partitions(ref: PartitionSupervisorRef<unknown>): number {
  return byRef(ref).count
}

async function stop(ref: PartitionSupervisorRef<unknown>, reason?: TerminateReason): Promise<void> {
  await Supervisor.stop(ref, reason)
}

/**
 * Runs the same process several times, so that one does not become a bottleneck. Keys are spread over the partitions,
 * each key always on the same one. It is a supervisor, and can be a child, named, linked and monitored like any other.
 *
 * @example
 * ```ts
 * await PartitionSupervisor.start({ name: 'carts', partitions: 4, start: () => GenServer.start(carts) })
 * GenServer.cast(PartitionSupervisor.of('carts', userId), { add: 'apple' })
 * ```
 */
export const PartitionSupervisor = {
  /**
   * Starts the partitions in order. Resolves when all of them run. When one does not start, those before it are
   * stopped, the last first, and the promise rejects with its error.
   *
   * @throws InvalidArgumentError naming the option that is refused; nothing is started.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /**
   * Returns the present process of a key's partition. Ask again for each message, because a restart makes a new
   * process. An integer goes to its remainder by the number of partitions, a text to that of its FNV-1a hash (32 bits,
   * of its UTF-8).
   *
   * @throws NotRegisteredError when no process has the name.
   * @throws ChildNotFoundError when the partition has not started, or has ended and is not started again.
   * @throws SupervisorNotFoundError when the supervisor has stopped.
   * @throws InvalidArgumentError for another key, and for a ref of something else.
   */
  of: of as typeof of,
  /** Returns the partitions that run, in order. */
  whichChildren: whichChildren as typeof whichChildren,
  /** Returns the number of partitions, running or not. */
  partitions: partitions as typeof partitions,
  /** Stops the partitions, the last first, then the supervisor. Resolves when it has ended, at once if it had. */
  stop: stop as typeof stop,
} as const
