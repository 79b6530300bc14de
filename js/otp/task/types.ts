import type { System } from '../../system/system.ts'
import type { GenServerRef } from '../gen-server/types.ts'
import type { SupervisorRef } from '../supervisor/types.ts'

/** Refers to the process of a task, for monitors, links and names. It takes no messages. */
export type TaskRef = GenServerRef<unknown, never, never, never>

/** A task: pass it to `Task.await`. */
export interface TaskHandle<Result = unknown> {
  /** The id of its process. */
  readonly id: string
  /** The ref of its process. */
  readonly ref: TaskRef
  /** Exists for the compiler alone, never at run time: the type of the result. */
  readonly __result?: Result
}

/**
 * The function of a task. The signal aborts when the task is cancelled or ended; from then on the result is dropped.
 */
export type TaskFunction<Result> = (signal: AbortSignal) => Result | PromiseLike<Result>

/** Options of `Task.async` and `Task.start`. */
export interface TaskOptions {
  /** The name of the process, among the system's names, while the task runs. */
  readonly name?: string
  /** The longest time it may take, in ms; then it fails with a `TimeoutError`. Default: no limit. */
  readonly timeout?: number
  /** Cancels the task, with the signal's reason, when it aborts. */
  readonly signal?: AbortSignal
  /** A process to link it with: when either ends abnormally, so does the other. Default: isolated. */
  readonly link?: GenServerRef
  /** The system that tasks belong to. Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `Task.await` and `Task.awaitAll`. */
export interface AwaitOptions {
  /** The longest time to wait, in ms. `Infinity` for no limit. Default 5000. */
  readonly timeout?: number
  /** Rejects with the signal's reason when it aborts, and cancels the tasks. */
  readonly signal?: AbortSignal
}

/** Options of `Task.asyncStream`. */
export interface StreamOptions {
  /** The number of results under way: running, or finished and not taken. From 1 to 65536. Default 8. */
  readonly maxConcurrency?: number
  /** Yields results in the order of the items; with false, as they finish. Default true. */
  readonly ordered?: boolean
  /** The longest time each item may take, in ms. Default: no limit. */
  readonly timeout?: number
  /** Ends the stream, with the signal's reason, when it aborts. */
  readonly signal?: AbortSignal
  /** A process to link each task with. Default: isolated. */
  readonly link?: GenServerRef
  /** The system that tasks belong to. Default: the default system of this environment. */
  readonly system?: System
}

/**
 * The function that `Task.asyncStream` calls for each item. The signal aborts when the stream ends, or the time of the
 * item is over; from then on the result is dropped. `index` counts items from 0.
 */
export type ItemFunction<Item, Result> = (
  item: Item,
  signal: AbortSignal,
  index: number,
) => Result | PromiseLike<Result>

/** Refers to a supervisor of tasks. */
export type TaskSupervisorRef = SupervisorRef

/** Options of `Task.Supervisor.start`. */
export interface TaskSupervisorOptions {
  /** The name of the supervisor, among the system's names. */
  readonly name?: string
  /** The system that tasks belong to. Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `Task.Supervisor.asyncStream`. */
export interface AsyncStreamOptions {
  /** The number of tasks that run at a time, from 1. Default: all. */
  readonly concurrency?: number
  /** The longest time each task may take, in ms. Default: no limit. */
  readonly timeout?: number
  /** Returns results in the order of the functions; with false, as they finish. Default true. */
  readonly ordered?: boolean
  /** Puts errors into the list instead of rejecting with the first one. Default false. */
  readonly onErrorContinue?: boolean
}

/** The result of one task of `Task.Supervisor.asyncStreamSettled`. */
export type StreamResult<Result> =
  | { readonly status: 'ok'; readonly value: Result }
  | { readonly status: 'error'; readonly error: Error }
