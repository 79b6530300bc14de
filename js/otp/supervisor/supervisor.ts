import { RUNNING } from '../../actor/process.ts'
import { callable, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { stop as stopServer } from '../gen-server/calls.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { type SystemGiven, systemGiven } from '../gen-server/start.ts'
import type { GenServerRef, LifecycleHandler, TerminateReason } from '../gen-server/types.ts'
import { begin } from './start.ts'
import { InvalidSimpleOneForOneConfigError } from './errors.ts'
import { checkSpec, isList } from './options.ts'
import { livingSupervisorOf, onSupervisorLifecycle, supervisorOf, type SupervisorProcess } from './process.ts'
import type { ChildInfo, ChildRef, ChildSpec, SupervisorOptions, SupervisorRef } from './types.ts'

async function start(options?: SupervisorOptions): Promise<SupervisorRef> {
  return (await begin(options)).ref
}

async function stop(ref: SupervisorRef, reason: TerminateReason = 'normal'): Promise<void> {
  await stopServer(supervisorOf(ref).ref as LocalRef, reason)
}

/** One whose children may be added and taken away. */
function flexible(ref: SupervisorRef): SupervisorProcess {
  const process = livingSupervisorOf(ref)
  if (process.partitions === undefined) return process
  throw new InvalidArgumentError('ref', 'a ref of Supervisor.start: partitions are neither added nor removed', ref)
}

/** What a start leads to; of a child that nobody has described, a process that takes anything. */
type Started<Ref extends ChildRef> = ChildRef extends Ref ? GenServerRef : Ref

async function startChild<Ref extends ChildRef>(ref: SupervisorRef, spec: ChildSpec<Ref>): Promise<Started<Ref>>
async function startChild<Ref = GenServerRef>(ref: SupervisorRef, args: readonly unknown[]): Promise<Ref>
async function startChild(ref: SupervisorRef, specOrArgs: ChildSpec | readonly unknown[]): Promise<unknown> {
  const { id, plan, driver, system } = flexible(ref)
  system.assertOpen()
  if (plan.isSimple) {
    if (isList(specOrArgs)) return driver.startDynamic([...specOrArgs])
    throw new InvalidSimpleOneForOneConfigError(id, 'startChild requires an arguments array for simple_one_for_one')
  }
  if (isList(specOrArgs)) {
    throw new InvalidSimpleOneForOneConfigError(
      id,
      'startChild requires a ChildSpec for non-simple_one_for_one supervisors',
    )
  }
  return driver.startChild(checkSpec('spec', specOrArgs, plan))
}

async function terminateChild(ref: SupervisorRef, childId: string): Promise<void> {
  await flexible(ref).driver.removeChild(text('childId', childId))
}

async function restartChild<Ref = GenServerRef>(ref: SupervisorRef, childId: string): Promise<Ref> {
  const { driver, system } = livingSupervisorOf(ref)
  system.assertOpen()
  return (await driver.renewChild(text('childId', childId))) as Ref
}

function getChildren(ref: SupervisorRef): readonly ChildInfo[] {
  const infos: ChildInfo[] = []
  for (const child of livingSupervisorOf(ref).driver.children) {
    const { info } = child
    if (info !== undefined) infos.push(info)
  }
  return infos
}

function getChild<Ref = GenServerRef>(ref: SupervisorRef, childId: string): ChildInfo<Ref> | undefined {
  return livingSupervisorOf(ref).driver.child(text('childId', childId))?.info as ChildInfo<Ref> | undefined
}

function countChildren(ref: SupervisorRef): number {
  return livingSupervisorOf(ref).driver.count
}

function isRunning(ref: SupervisorRef): boolean {
  const process = supervisorOf(ref)
  return process.isReady && process.status === RUNNING
}

/**
 * Processes that start others, and start them again when they crash. See `docs/supervisor.md`.
 *
 * @example
 * ```ts
 * const supervisor = await Supervisor.start({
 *   strategy: 'one_for_one',
 *   children: [{ id: 'worker', start: () => GenServer.start(worker) }],
 * })
 * console.log(Supervisor.countChildren(supervisor)) // 1
 * await Supervisor.stop(supervisor)
 * ```
 */
export const Supervisor = {
  /**
   * Starts a supervisor, and its children in order; resolves when all of them run. When one cannot be started, those
   * before it are stopped, the last first, and its error is the one that is thrown.
   *
   * @throws MissingChildTemplateError for `simple_one_for_one` without a `childTemplate`.
   * @throws InvalidSimpleOneForOneConfigError for `simple_one_for_one` with `children`.
   * @throws DuplicateChildError when two children have one id.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Stops the children, the last first, then the supervisor. Resolves when it has ended; at once when it had. */
  stop: stop as typeof stop,
  /**
   * Adds a child, the last in the order, and resolves with what its start made, when it runs. For
   * `simple_one_for_one`: the arguments of the template's start function, in a list.
   *
   * @throws DuplicateChildError when there is one of this id.
   * @throws InvalidSimpleOneForOneConfigError for a specification where arguments are wanted, or the other way round.
   * @throws SupervisorNotFoundError when the supervisor stops or has stopped, before or meanwhile.
   * @throws ClosedError when the system closes.
   */
  startChild: startChild as typeof startChild,
  /**
   * Stops a child and removes it: it is not started again. Those that were to be started again with it are, at once.
   *
   * @throws ChildNotFoundError when there is none of this id.
   */
  terminateChild: terminateChild as typeof terminateChild,
  /**
   * Stops a child, if it runs, and starts it again. Not counted as a restart of the supervisor's. A child whose group
   * waits for its restart starts with the group, in order. When the start fails, the call rejects, and the start is
   * tried again as after a crash, which counts; a `'temporary'` child is removed.
   *
   * @throws ChildNotFoundError when there is none of this id.
   */
  restartChild: restartChild as typeof restartChild,
  /** All children that have been started, in order. */
  getChildren: getChildren as typeof getChildren,
  /** One child, or `undefined`. */
  getChild: getChild as typeof getChild,
  /** How many children there are. */
  countChildren: countChildren as typeof countChildren,
  /** Whether its children were started, and it is not stopping. */
  isRunning: isRunning as typeof isRunning,
  /**
   * Tells of supervisors that start and end, and of what happens to their children: `crashed`, then `restarted`, or
   * `terminated` when it is gone for good. Returns a function that ends it.
   */
  onLifecycleEvent(handler: LifecycleHandler, ...system: SystemGiven): () => void {
    return onSupervisorLifecycle(systemGiven(system), callable('handler', handler))
  },
} as const
