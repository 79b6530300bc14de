import { RUNNING } from '../../actor/process.ts'
import { callable, isList, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { stop as stopServer } from '../gen-server/calls.ts'
import { supervisorEvents } from '../gen-server/lifecycle.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import type { GenServerRef, LifecycleHandler, TerminateReason } from '../gen-server/types.ts'
import { InvalidSimpleOneForOneConfigError } from './errors.ts'
import { supervisors } from './lazy.ts'
import type { SupervisorProcess } from './process.ts'
import type {
  ChildInfo,
  ChildRef,
  ChildrenOf,
  ChildSpec,
  StartArguments,
  SupervisorOptions,
  SupervisorRef,
  TemplateStart,
  TypedSupervisorRef,
  TypedTemplateRef,
  UntypedTemplateRef,
} from './types.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- a supervisor without a template has no start function to type
type NoTemplate = any

async function start<
  const Specs extends readonly ChildSpec[] = readonly ChildSpec[],
  Start extends TemplateStart = NoTemplate,
>(options?: SupervisorOptions<Specs, Start>): Promise<SupervisorRef<ChildrenOf<Specs>, Start>> {
  return (await supervisors().startSupervisor(options)).ref
}

async function stop(ref: SupervisorRef, reason: TerminateReason = 'normal'): Promise<void> {
  await stopServer(supervisors().supervisorOf(ref).ref as LocalRef, reason)
}

/** Returns a supervisor whose children can be added and removed, so none of partitions. */
function flexible(ref: SupervisorRef): SupervisorProcess {
  const process = supervisors().livingSupervisorOf(ref)
  if (process.partitions === undefined) return process
  throw new InvalidArgumentError('ref', 'a ref of Supervisor.start: partitions are neither added nor removed', ref)
}

/** The type of a started child's ref; for a child without types, the ref of a process that takes any message. */
type Started<Ref extends ChildRef> = ChildRef extends Ref ? GenServerRef : Ref

async function startChild<Ref extends ChildRef>(ref: SupervisorRef, spec: ChildSpec<Ref>): Promise<Started<Ref>>
async function startChild<Start extends TemplateStart>(
  ref: TypedTemplateRef<Start>,
  args: NoInfer<StartArguments<Start>>,
): Promise<Started<Awaited<ReturnType<Start>>>>
async function startChild<Ref = GenServerRef, Start = NoTemplate>(
  ref: UntypedTemplateRef<Start>,
  args: readonly unknown[],
): Promise<Ref>
async function startChild(ref: SupervisorRef, specOrArgs: ChildSpec | readonly unknown[]): Promise<unknown> {
  const { id, plan, executor, system } = flexible(ref)
  system.assertOpen()
  if (plan.isSimple) {
    if (isList(specOrArgs)) return executor.startDynamic([...specOrArgs])
    throw new InvalidSimpleOneForOneConfigError(id, 'startChild requires an arguments array for simple_one_for_one')
  }
  if (isList(specOrArgs)) {
    throw new InvalidSimpleOneForOneConfigError(
      id,
      'startChild requires a ChildSpec for non-simple_one_for_one supervisors',
    )
  }
  return executor.startChild(supervisors().checkSpec('spec', specOrArgs, plan))
}

async function terminateChild(ref: SupervisorRef, childId: string): Promise<void> {
  await flexible(ref).executor.removeChild(text('childId', childId))
}

async function restartChild<Ref = GenServerRef>(ref: SupervisorRef, childId: string): Promise<Ref> {
  const { executor, system } = supervisors().livingSupervisorOf(ref)
  system.assertOpen()
  return (await executor.restartChild(text('childId', childId))) as Ref
}

function getChildren(ref: SupervisorRef): readonly ChildInfo[] {
  const infos: ChildInfo[] = []
  for (const child of supervisors().livingSupervisorOf(ref).executor.children) {
    const { info } = child
    if (info !== undefined) infos.push(info)
  }
  return infos
}

function getChild<Children, Id extends keyof Children & string>(
  ref: TypedSupervisorRef<Children>,
  childId: Id,
): ChildInfo<Children[Id]> | undefined
function getChild<Ref = GenServerRef>(ref: SupervisorRef, childId: string): ChildInfo<Ref> | undefined
function getChild<Ref = GenServerRef>(ref: SupervisorRef, childId: string): ChildInfo<Ref> | undefined {
  return supervisors().livingSupervisorOf(ref).executor.child(text('childId', childId))?.info as
    | ChildInfo<Ref>
    | undefined
}

function countChildren(ref: SupervisorRef): number {
  return supervisors().livingSupervisorOf(ref).executor.count
}

function isRunning(ref: SupervisorRef): boolean {
  const process = supervisors().supervisorOf(ref)
  return process.isReady && process.status === RUNNING
}

/**
 * Starts processes, and restarts them when they crash. See `docs/supervisor.md`.
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
   * Starts a supervisor, and its children in order. Resolves when all of them run. When one does not start, those
   * before it are stopped, the last first, and the promise rejects with its error.
   *
   * @throws MissingChildTemplateError for `simple_one_for_one` without a `childTemplate`.
   * @throws InvalidSimpleOneForOneConfigError for `simple_one_for_one` with `children`.
   * @throws DuplicateChildError when two children have the same id.
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /** Stops the children, the last first, then the supervisor. Resolves when it has ended, at once if it had. */
  stop: stop as typeof stop,
  /**
   * Adds a child, last in the order, and resolves with the ref that its start function returned, once it runs. For
   * `simple_one_for_one`: pass the arguments of the template's start function in a list.
   *
   * @throws DuplicateChildError when there is a child with this id.
   * @throws InvalidSimpleOneForOneConfigError for a specification where arguments are wanted, or the other way round.
   * @throws SupervisorNotFoundError when the supervisor stops or has stopped, also while the child starts.
   * @throws ClosedError when the system closes.
   */
  startChild: startChild as typeof startChild,
  /**
   * Stops a child and removes it, so that it does not restart. Children that waited to restart with it restart at once.
   *
   * @throws ChildNotFoundError when there is no child with this id.
   */
  terminateChild: terminateChild as typeof terminateChild,
  /**
   * Stops a child, if it runs, and starts it again. It does not count as a restart of the supervisor's. A child whose
   * group waits for its restart starts with the group, in order. When the start fails, the call rejects and the start
   * is tried again as after a crash, which counts; a `'temporary'` child is removed.
   *
   * @throws ChildNotFoundError when there is no child with this id.
   */
  restartChild: restartChild as typeof restartChild,
  /** Returns all children that have started, in order. */
  getChildren: getChildren as typeof getChildren,
  /** Returns a child, or `undefined`. */
  getChild: getChild as typeof getChild,
  /** Returns the number of children. */
  countChildren: countChildren as typeof countChildren,
  /** Returns whether its children have started and it is not stopping. */
  isRunning: isRunning as typeof isRunning,
  /**
   * Calls a listener when supervisors start and end, and for events of their children: `crashed`, then `restarted`, or
   * `terminated` when a child is gone for good. The returned function removes it.
   */
  onLifecycleEvent(handler: LifecycleHandler, ...system: SystemArgument): () => void {
    return supervisorEvents.listen(systemFromArgument(system), callable('handler', handler))
  },
} as const
