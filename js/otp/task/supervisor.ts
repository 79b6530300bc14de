/** `Task.Supervisor`: tasks below a supervisor, with results as lists. */
import { asError } from '../../internal/thrown-values.ts'
import {
  callable,
  flag,
  integer,
  isList,
  known,
  options as checkOptions,
  text,
  timeout as timeoutOf,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import type { GenServerRef } from '../gen-server/types.ts'
import { stop as stopServer } from '../gen-server/calls.ts'
import type { LocalRef } from '../gen-server/local-ref.ts'
import { supervisors } from '../supervisor/lazy.ts'
import { TaskExecutionError } from './errors.ts'
import { LocalTask } from './local-task.ts'
import type { TaskRun } from './run.ts'
import { startTask } from './start.ts'
import type {
  AsyncStreamOptions,
  StreamResult,
  TaskFunction,
  TaskHandle,
  TaskSupervisorOptions,
  TaskSupervisorRef,
} from './types.ts'
import { waitFor } from './wait.ts'

/** A task that is started: its function, and where to put it. */
interface TaskStart {
  readonly fn: TaskFunction<unknown>
  readonly timeoutMs: number
  readonly box: { run?: TaskRun<unknown> }
}

async function start(options?: TaskSupervisorOptions): Promise<TaskSupervisorRef> {
  const settings = checkOptions('options', options)
  known('options', settings, ['name', 'system'])
  const { name, system } = settings
  const supervisor = await supervisors().startSupervisor({
    strategy: 'simple_one_for_one',
    // A task that fails has an owner, the code that waits for it; it does not run again.
    childTemplate: {
      restart: 'temporary',
      start: ({ fn, timeoutMs, box }: TaskStart): GenServerRef => {
        const run = startTask(fn, { ...(timeoutMs !== Infinity && { timeout: timeoutMs }), system: supervisor.system })
        box.run = run
        return run.server?.ref as GenServerRef
      },
    },
    ...(name !== undefined && { name: text('options.name', name) }),
    ...(system !== undefined && { system }),
  })
  isTaskSupervisor.add(supervisor)
  return supervisor.ref
}

const isTaskSupervisor = new WeakSet<object>()

/** Starts a task below a supervisor. Resolves with its run, once it is a child. */
async function startBelow<Result>(
  ref: TaskSupervisorRef,
  fn: TaskFunction<Result>,
  timeoutMs: number,
): Promise<TaskRun<Result>> {
  const supervisor = supervisors().livingSupervisorOf(ref)
  if (!isTaskSupervisor.has(supervisor)) throw new InvalidArgumentError('ref', 'a ref of Task.Supervisor.start', ref)
  supervisor.system.assertOpen()
  const run = (signal: AbortSignal): Result | PromiseLike<Result> => {
    const fail = (error: unknown): never => {
      throw signal.aborted && error === signal.reason ? error : new TaskExecutionError(asError(error))
    }
    try {
      const result = fn(signal)
      return (promiseOf(result)?.catch(fail) as Promise<Result> | undefined) ?? (result as Result)
    } catch (error) {
      return fail(error)
    }
  }
  const box: TaskStart['box'] = {}
  await supervisor.executor.startDynamic([{ fn: run, timeoutMs, box } satisfies TaskStart])
  return box.run as TaskRun<unknown> as TaskRun<Result>
}

async function async<Result>(ref: TaskSupervisorRef, fn: TaskFunction<Result>): Promise<TaskHandle<Result>> {
  callable('fn', fn)
  return new LocalTask(await startBelow(ref, fn, Infinity))
}

/** Runs functions, a bounded number at a time. Calls `settle` with the outcome of each. */
async function runAll<Result>(
  ref: TaskSupervisorRef,
  fns: readonly TaskFunction<Result>[],
  options: AsyncStreamOptions | undefined,
  names: readonly string[],
  settle: (index: number, outcome: PromiseSettledResult<Result>, abort: () => void) => void,
): Promise<void> {
  if (!isList(fns)) throw new InvalidArgumentError('fns', 'a list of functions', fns)
  for (const [index, fn] of fns.entries()) callable(`fns[${index}]`, fn)
  const settings = checkOptions('options', options)
  known('options', settings, names)
  const { concurrency = Infinity } = settings
  if (concurrency !== Infinity) integer('options.concurrency', 1, Number.MAX_SAFE_INTEGER, concurrency)
  const timeoutMs = timeoutOf('options.timeout', Infinity, settings.timeout)
  flag('options.ordered', true, settings.ordered)
  supervisors().livingSupervisorOf(ref)
  const running = new Set<TaskRun<unknown>>()
  const list = { next: 0, isAborted: false }
  const abort = (): void => {
    list.isAborted = true
    for (const run of running) run.cancel(new Error('another task of the list has failed'))
  }
  const worker = async (): Promise<void> => {
    for (let index = list.next++; index < fns.length && !list.isAborted; index = list.next++) {
      let outcome: PromiseSettledResult<Result>
      try {
        const run = (await startBelow(ref, fns[index] as TaskFunction<Result>, timeoutMs)) as TaskRun<unknown>
        running.add(run)
        const [value] = await waitFor([run], Infinity).finally(() => running.delete(run))
        outcome = { status: 'fulfilled', value: value as Result }
      } catch (reason) {
        outcome = { status: 'rejected', reason }
      }
      if (!list.isAborted) settle(index, outcome, abort)
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, fns.length) }, worker))
}

const SETTLED = ['concurrency', 'timeout', 'ordered']

async function asyncStream<Result>(
  ref: TaskSupervisorRef,
  fns: readonly TaskFunction<Result>[],
  options?: AsyncStreamOptions,
): Promise<Result[]> {
  const goesOn = flag('options.onErrorContinue', false, checkOptions('options', options).onErrorContinue)
  const isOrdered = options?.ordered !== false
  const results: unknown[] = []
  let failure: { readonly reason: unknown } | undefined
  await runAll(ref, fns, options, [...SETTLED, 'onErrorContinue'], (index, outcome, abort) => {
    const value = outcome.status === 'fulfilled' ? outcome.value : outcome.reason
    if (outcome.status === 'rejected' && !goesOn) {
      failure = { reason: outcome.reason }
      abort()
    } else if (isOrdered) results[index] = value
    else results.push(value)
  })
  if (failure !== undefined) throw failure.reason
  return results as Result[]
}

async function asyncStreamSettled<Result>(
  ref: TaskSupervisorRef,
  fns: readonly TaskFunction<Result>[],
  options?: Omit<AsyncStreamOptions, 'onErrorContinue'>,
): Promise<StreamResult<Result>[]> {
  const isOrdered = checkOptions('options', options).ordered !== false
  const results: StreamResult<Result>[] = []
  await runAll(ref, fns, options, SETTLED, (index, outcome) => {
    const result: StreamResult<Result> =
      outcome.status === 'fulfilled'
        ? { status: 'ok', value: outcome.value }
        : { status: 'error', error: asError(outcome.reason) }
    if (isOrdered) results[index] = result
    else results.push(result)
  })
  return results
}

async function stop(ref: TaskSupervisorRef): Promise<void> {
  await stopServer(supervisors().supervisorOf(ref).ref as LocalRef, 'normal')
}

/** The functions of `Task.Supervisor`. */
export const TaskSupervisor = {
  /**
   * Starts a supervisor of tasks. A task that fails does not run again.
   *
   * @throws AlreadyRegisteredError when the name is taken.
   */
  start: start as typeof start,
  /**
   * Starts a task below the supervisor, to wait for with `Task.await`. What its function throws is the `cause` of a
   * {@link TaskExecutionError}.
   *
   * @throws SupervisorNotFoundError when the supervisor has ended.
   */
  async: async as typeof async,
  /**
   * Runs functions as tasks, at most `concurrency` at a time, and resolves with the list of results. The first failure
   * rejects with a {@link TaskExecutionError} and cancels the others; with `onErrorContinue` it stands in the list.
   */
  asyncStream: asyncStream as typeof asyncStream,
  /** Does the same, where each result is `{ status: 'ok', value }` or `{ status: 'error', error }`. */
  asyncStreamSettled: asyncStreamSettled as typeof asyncStreamSettled,
  /** Ends the supervisor and its tasks. Resolves when they have ended. */
  stop: stop as typeof stop,
} as const
