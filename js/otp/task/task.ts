import { AsyncResource } from 'node:async_hooks'
import { inScope, outsideRun, scopeOf } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import {
  abortSignal,
  callable,
  flag,
  integer,
  isList,
  known,
  options as checkOptions,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { timeoutOf } from '../gen-server/start.ts'
import { TaskEndedError } from './errors.ts'
import type { TaskRun } from './run.ts'
import { startTask } from './start.ts'
import { TaskStream } from './stream.ts'
import type {
  AwaitOptions,
  ItemFunction,
  StreamOptions,
  Task as TaskHandle,
  TaskFunction,
  TaskOptions,
  TaskRef,
} from './types.ts'
import { outcomeWithin, waitFor } from './wait.ts'
import { resolveSystem } from '../../system/default.ts'

/** A task, and out of reach of users, what runs. */
class LocalTask<Result> implements TaskHandle<Result> {
  readonly id: string
  readonly ref: TaskRef
  readonly #run: TaskRun<Result>

  constructor(run: TaskRun<Result>) {
    this.#run = run
    this.ref = run.server?.ref as TaskRef
    this.id = this.ref.id
  }

  static runOf<Result>(field: string, task: TaskHandle<Result>): TaskRun<Result> {
    if (typeof task === 'object' && task !== null && #run in task)
      return task.#run as TaskRun<unknown> as TaskRun<Result>
    throw new InvalidArgumentError(field, 'a task of Task.async', task)
  }
}

function async<Result>(fn: TaskFunction<Result>, options?: TaskOptions): TaskHandle<Result> {
  return new LocalTask(startTask(fn, options))
}

async function start(fn: TaskFunction<unknown>, options?: TaskOptions): Promise<TaskRef> {
  return startTask(fn, options).server?.ref as TaskRef
}

async function awaitOne<Result>(task: TaskHandle<Result>, timeout?: number | AwaitOptions): Promise<Result> {
  const [result] = await waitFor([LocalTask.runOf('task', task) as TaskRun<unknown>], timeout)
  return result as Result
}

/** The results of a list of tasks, place by place. */
export type TaskResults<Tasks extends readonly TaskHandle<unknown>[]> = {
  -readonly [Place in keyof Tasks]: Tasks[Place] extends TaskHandle<infer Result> ? Result : never
}

async function awaitAll<const Tasks extends readonly TaskHandle<unknown>[]>(
  tasks: Tasks,
  timeout?: number | AwaitOptions,
): Promise<TaskResults<Tasks>> {
  if (!isList(tasks)) throw new InvalidArgumentError('tasks', 'an array of tasks', tasks)
  const runs = tasks.map((task: TaskHandle<unknown>, index) => LocalTask.runOf(`tasks[${index}]`, task))
  return (await waitFor(runs, timeout)) as TaskResults<Tasks>
}

async function yieldOutcome<Result>(
  task: TaskHandle<Result>,
  timeout: number,
): Promise<PromiseSettledResult<Result> | undefined> {
  return outcomeWithin(LocalTask.runOf('task', task), timeout)
}

function cancel(task: TaskHandle<unknown>, reason?: unknown): boolean {
  const run = LocalTask.runOf('task', task)
  if (run.outcome !== undefined) return false
  run.cancel(reason ?? new TaskEndedError(task.id, { type: 'shutdown' }))
  return true
}

function iteratorOf<Item>(source: Iterable<Item> | AsyncIterable<Item>): Iterator<Item> | AsyncIterator<Item> {
  const given = source as Partial<Iterable<Item> & AsyncIterable<Item>> | null | undefined
  if (typeof given?.[Symbol.asyncIterator] === 'function')
    return (source as AsyncIterable<Item>)[Symbol.asyncIterator]()
  if (typeof given?.[Symbol.iterator] === 'function') return (source as Iterable<Item>)[Symbol.iterator]()
  throw new InvalidArgumentError('source', 'an iterable or an async iterable', source)
}

function stream<Item, Result, Out>(
  source: Iterable<Item> | AsyncIterable<Item>,
  fn: ItemFunction<Item, Result>,
  options: StreamOptions | undefined,
  show: (outcome: PromiseSettledResult<Result>) => Out,
): TaskStream<Item, Result, Out> {
  callable('fn', fn)
  const given = checkOptions('options', options)
  known('options', given, ['maxConcurrency', 'ordered', 'timeout', 'signal', 'link', 'system'])
  const { maxConcurrency = 8, timeout, link } = given
  timeoutOf('options.timeout', timeout, Infinity)
  const system = resolveSystem(given.system)
  // Items are begun from wherever a result is taken or finished, and belong to where the stream was made.
  const isTracked = !system.closed && scopeOf(runtimeOf(system).current) !== undefined
  const one = (run: TaskRun<Result>, ...args: Parameters<typeof fn>): ReturnType<typeof fn> =>
    isTracked ? inScope(run, () => fn(...args)) : fn(...args)
  const bound = outsideRun(() => AsyncResource.bind(one, 'keelson.Task'))
  const each = { ...(timeout !== undefined && { timeout }), ...(link !== undefined && { link }), system }
  return new TaskStream({
    begin: (item, index) => {
      const run: TaskRun<Result> = startTask<Result>((signal) => bound(run, item, signal, index), each, isTracked)
      return run
    },
    show,
    maxConcurrency: integer('options.maxConcurrency', 1, 65_536, maxConcurrency),
    ordered: flag('options.ordered', true, given.ordered),
    signal: abortSignal('options.signal', given.signal),
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
 * One piece of work as a process of its own: it has an id, can be monitored and linked, and is gone when it has ended.
 *
 * A task is isolated unless `link` says otherwise: when it fails, who waits for it gets the error, and nobody else is
 * touched. If nobody waits when it fails, the error goes to the system's owner, as an unhandled rejection goes to the
 * host; who waits later gets it all the same. Its function never runs on the caller's stack, keeps the caller's
 * AsyncLocalStorage context, and is handed a signal that aborts when the task is cancelled. Whatever ends a task, its
 * process stays `stopping` until the function has ended; what that makes is dropped, and an error that is not the
 * signal's goes to the system's owner. A system that closes ends its tasks.
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
   * Starts a task that somebody will wait for.
   *
   * @throws AlreadyRegisteredError when the `name` is taken.
   * @throws ServerNotRunningError when the process to `link` ends or has ended.
   */
  async: async as typeof async,
  /**
   * Starts a task that nobody will wait for, and resolves with its ref: for fire and forget, and for supervisors
   * (`{ id: 'warm-up', start: () => Task.start(warmUp), restart: 'transient' }`). Rejects as `Task.async` throws.
   */
  start: start as typeof start,
  /**
   * Resolves with the task's result, or rejects with what its function threw. A wait that ends before the task does
   * cancels it. The second argument is a time in ms, 5000 by default, or options.
   *
   * @throws TimeoutError when the time is up.
   * @throws TaskEndedError when the task was ended before its function had.
   */
  await: awaitOne as typeof awaitOne,
  /** The same for several, with one time for all: the results in order; the first failure cancels the others. */
  awaitAll: awaitAll as typeof awaitAll,
  /** What became of the task, if that is known within a time in ms; else `undefined`, and the task goes on. */
  yield: yieldOutcome as typeof yieldOutcome,
  /**
   * Gives a task up: who waits gets the reason, a `TaskEndedError` by default, and so does the function by its signal.
   * False when the task has ended.
   */
  cancel: cancel as typeof cancel,
  /**
   * The results of a function for each item of an iterable, `maxConcurrency` (8) at a time, each a task. Items are taken
   * one by one and only when there is room for their results: a consumer that is slow slows the source. The first
   * failure ends the stream in its place. An end before the last result (`break`, a failure, the signal) cancels what
   * runs and closes the source.
   */
  asyncStream: asyncStream as typeof asyncStream,
  /** The same, but a failure is a result like any other: `{ status, value }` or `{ status, reason }`. */
  asyncStreamSettled: asyncStreamSettled as typeof asyncStreamSettled,
} as const
export type Task<Result> = TaskHandle<Result>
