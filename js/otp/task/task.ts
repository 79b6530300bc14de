import { AsyncResource } from 'node:async_hooks'

import { runInScope, runOutsideHandler } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { lazy } from '../../internal/lazy.ts'
import {
  abortSignal,
  callable,
  flag,
  integer,
  isList,
  known,
  options as checkOptions,
  timeout as timeoutOf,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { turn } from '../../clock/host.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import { TaskEndedError } from './errors.ts'
import type { TaskRun } from './run.ts'
import { LocalTask } from './local-task.ts'
import { startTask } from './start.ts'
import { TaskSupervisor } from './supervisor.ts'
import type * as StreamModule from './stream.ts'
import type { TaskStream } from './stream.ts'
import type {
  AwaitOptions,
  ItemFunction,
  StreamOptions,
  TaskFunction,
  TaskHandle,
  TaskOptions,
  TaskRef,
} from './types.ts'
import { outcomeWithin, waitFor } from './wait.ts'
import { resolveSystem } from '../../system/default.ts'

const streams = lazy(() => require('./stream.ts') as typeof StreamModule)

/** A task: pass it to `Task.await`. */
export type Task<Result = unknown> = TaskHandle<Result>

function async<Result>(fn: TaskFunction<Result>, options?: TaskOptions): Task<Result> {
  return new LocalTask(startTask(fn, options))
}

async function start(fn: TaskFunction<unknown>, options?: TaskOptions): Promise<TaskRef> {
  return startTask(fn, options).server?.ref as TaskRef
}

async function awaitOne<Result>(task: Task<Result>, timeout?: number | AwaitOptions): Promise<Result> {
  const [result] = await waitFor([LocalTask.runOf('task', task) as TaskRun<unknown>], timeout)
  return result as Result
}

/** The results of a tuple of tasks, place by place. */
export type TaskResults<Tasks extends readonly Task<unknown>[]> = {
  -readonly [Place in keyof Tasks]: Tasks[Place] extends Task<infer Result> ? Result : never
}

async function awaitAll<const Tasks extends readonly Task<unknown>[]>(
  tasks: Tasks,
  timeout?: number | AwaitOptions,
): Promise<TaskResults<Tasks>> {
  if (!isList(tasks)) throw new InvalidArgumentError('tasks', 'an array of tasks', tasks)
  const runs = tasks.map((task: Task<unknown>, index) => LocalTask.runOf(`tasks[${index}]`, task))
  return (await waitFor(runs, timeout)) as TaskResults<Tasks>
}

function yieldOutcome<Result>(task: Task<Result>): Promise<Result | undefined>
function yieldOutcome<Result>(task: Task<Result>, timeout: number): Promise<PromiseSettledResult<Result> | undefined>
async function yieldOutcome<Result>(task: Task<Result>, ...limit: [timeout?: number]): Promise<unknown> {
  const run = LocalTask.runOf('task', task)
  if (limit.length > 0) return outcomeWithin(run, limit[0] as number)
  // A task that needs no more than a turn of the event loop has its result by then.
  await turn()
  return run.outcome?.status === 'fulfilled' ? run.outcome.value : undefined
}

async function shutdown(task: Task<unknown>): Promise<void> {
  const { server } = LocalTask.runOf('task', task)
  cancel(task)
  await new Promise<void>((resolve) => {
    ;(server as GenServerProcess).whenEnded(resolve)
  })
}

function cancel(task: Task<unknown>, reason?: unknown): boolean {
  const run = LocalTask.runOf('task', task)
  if (run.outcome !== undefined) return false
  run.cancel(reason ?? new TaskEndedError(task.id, { type: 'shutdown' }))
  return true
}

function iteratorOf<Item>(source: Iterable<Item> | AsyncIterable<Item>): Iterator<Item> | AsyncIterator<Item> {
  const candidate = source as Partial<Iterable<Item> & AsyncIterable<Item>> | null | undefined
  if (typeof candidate?.[Symbol.asyncIterator] === 'function')
    return (source as AsyncIterable<Item>)[Symbol.asyncIterator]()
  if (typeof candidate?.[Symbol.iterator] === 'function') return (source as Iterable<Item>)[Symbol.iterator]()
  throw new InvalidArgumentError('source', 'an iterable or an async iterable', source)
}

function stream<Item, Result, Out>(
  source: Iterable<Item> | AsyncIterable<Item>,
  fn: ItemFunction<Item, Result>,
  options: StreamOptions | undefined,
  toOutput: (outcome: PromiseSettledResult<Result>) => Out,
): TaskStream<Item, Result, Out> {
  callable('fn', fn)
  const settings = checkOptions('options', options)
  known('options', settings, ['maxConcurrency', 'ordered', 'timeout', 'signal', 'link', 'system'])
  const { maxConcurrency = 8, timeout, link } = settings
  timeoutOf('options.timeout', Infinity, timeout)
  const system = resolveSystem(settings.system)
  // Items start wherever a result is taken or finished. Their calls belong to the handler that made the stream.
  const isTracked = !system.closed && runtimeOf(system).callScope() !== undefined
  const runItem = (run: TaskRun<Result>, ...args: Parameters<typeof fn>): ReturnType<typeof fn> =>
    isTracked ? runInScope(run, () => fn(...args)) : fn(...args)
  const bound = runOutsideHandler(() => AsyncResource.bind(runItem, 'keelson.Task'))
  const itemOptions = { ...(timeout !== undefined && { timeout }), ...(link !== undefined && { link }), system }
  return new (streams().TaskStream)({
    startItem: (item, index) => {
      const run: TaskRun<Result> = startTask<Result>(
        (signal) => bound(run, item, signal, index),
        itemOptions,
        isTracked,
      )
      return run
    },
    toOutput,
    maxConcurrency: integer('options.maxConcurrency', 1, 65_536, maxConcurrency),
    ordered: flag('options.ordered', true, settings.ordered),
    signal: abortSignal('options.signal', settings.signal),
    system,
    source: iteratorOf(source),
  })
}

function asyncStream<Item, Result>(
  source: Iterable<Item> | AsyncIterable<Item>,
  fn: ItemFunction<Item, Result>,
  options?: StreamOptions,
): AsyncIterableIterator<Result, undefined> {
  return stream(source, fn, options, (outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

function asyncStreamSettled<Item, Result>(
  source: Iterable<Item> | AsyncIterable<Item>,
  fn: ItemFunction<Item, Result>,
  options?: StreamOptions,
): AsyncIterableIterator<PromiseSettledResult<Result>, undefined> {
  return stream(source, fn, options, (outcome) => outcome)
}

/**
 * Runs one piece of work as a process of its own: it has an id, can be monitored and linked, and is gone when it has
 * ended.
 *
 * A task is isolated unless `link` says otherwise: when it fails, those who wait for it get the error, and no other
 * process ends. If nobody waits when it fails, the system reports the error, as Node reports an unhandled rejection; a
 * later wait gets it all the same. The function never runs on the caller's stack, keeps the caller's AsyncLocalStorage
 * context, and gets a signal that aborts when the task is cancelled. However a task ends, its process stays `stopping`
 * until the function has ended. A later result is dropped, and a later error that is not the signal's reason is
 * reported by the system. A system that closes ends its tasks.
 *
 * @example
 * ```ts
 * const page = Task.async((signal) => fetch('https://example.org', { signal }))
 * const response = await Task.await(page, 2000)
 *
 * for await (const size of Task.asyncStream(files, sizeOf, { maxConcurrency: 4 })) console.log(size)
 * ```
 */
export const Task = {
  /**
   * Starts a task to wait for with `Task.await`.
   *
   * @throws AlreadyRegisteredError when the `name` is taken.
   * @throws ServerNotRunningError when the process to `link` ends or has ended.
   */
  async: async as typeof async,
  /**
   * Starts a task that nobody waits for, and resolves with its ref: for fire and forget, and for supervisors (`{ id:
   * 'warm-up', start: () => Task.start(warmUp), restart: 'transient' }`). Rejects as `Task.async` throws.
   */
  start: start as typeof start,
  /**
   * Resolves with the task's result, or rejects with what its function threw. A wait that ends before the task cancels
   * it. The second argument is a time in ms, 5000 by default, or options.
   *
   * @throws TaskTimeoutError, a `TimeoutError`, when the time is up.
   * @throws TaskEndedError when the task ended before its function had.
   */
  await: awaitOne as typeof awaitOne,
  /**
   * Resolves with the results of several tasks, in order, within one time for all. The first failure rejects and
   * cancels the others.
   */
  awaitAll: awaitAll as typeof awaitAll,
  /**
   * Resolves with the task's outcome if there is one within a time in ms, and otherwise with `undefined`; the task goes
   * on. Without a time, resolves after a turn of the event loop: with the result itself if the task has succeeded, else
   * with `undefined`.
   */
  yield: yieldOutcome as typeof yieldOutcome,
  /**
   * Cancels a task: those who wait reject with the reason, a `TaskEndedError` by default, and the function's signal
   * aborts with it. Returns false when the task has ended.
   */
  cancel: cancel as typeof cancel,
  /** Cancels a task that has not ended. Resolves when its function and its process have ended; never rejects. */
  shutdown: shutdown as typeof shutdown,
  /**
   * Yields the results of a function for each item of an iterable, `maxConcurrency` (8) at a time, each a task. Items
   * are taken one by one and only when there is room for their results: a slow consumer slows the source. The first
   * failure ends the stream in its place. An end before the last result (`break`, a failure, the signal) cancels what
   * runs and closes the source.
   */
  asyncStream: asyncStream as typeof asyncStream,
  /** Yields outcomes instead: a failure is a result like any other, `{ status, value }` or `{ status, reason }`. */
  asyncStreamSettled: asyncStreamSettled as typeof asyncStreamSettled,
  /** Runs tasks below a supervisor, which ends them when it ends. */
  Supervisor: TaskSupervisor as typeof TaskSupervisor,
} as const
