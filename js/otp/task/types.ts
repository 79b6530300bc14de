import type { System } from '../../system/system.ts'
import type { GenServerRef } from '../gen-server/types.ts'

/** Names the process of a task: for monitors, links and names. It takes no messages. */
export type TaskRef = GenServerRef<unknown, never, never, never>

/** A task: pass it to `Task.await`. */
export interface Task<Result> {
  /** The id of its process. */
  readonly id: string
  /** Its process. */
  readonly ref: TaskRef
  /** Only for the compiler: what it makes. Never there. */
  readonly __result?: Result
}

/** What a task does. The signal aborts when the task is cancelled or ended; the result is dropped from then on. */
export type TaskFunction<Result> = (signal: AbortSignal) => Result | PromiseLike<Result>

/** Options of `Task.async` and `Task.start`. */
export interface TaskOptions {
  /** Registered among the system's names while the task runs. */
  readonly name?: string
  /** How long it may take, in ms; then it fails with a `TimeoutError`. Default: no limit. */
  readonly timeout?: number
  /** Cancels it when it aborts, with its reason. */
  readonly signal?: AbortSignal
  /** Links it with this process: when either ends abnormally, so does the other. Default: isolated. */
  readonly link?: GenServerRef
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `Task.await` and `Task.awaitAll`. */
export interface AwaitOptions {
  /** How long to wait, in ms; `Infinity` for ever. Default 5000. */
  readonly timeout?: number
  /** Gives up when it aborts, with its reason. */
  readonly signal?: AbortSignal
}

/** Options of `Task.asyncStream`. */
export interface StreamOptions {
  /** How many results may be under way: running, or finished and not taken. From 1 to 65536. Default 8. */
  readonly maxConcurrency?: number
  /** Results in the order of the items (default), or as they come. */
  readonly ordered?: boolean
  /** How long each item may take, in ms. Default: no limit. */
  readonly timeout?: number
  /** Ends the stream when it aborts, with its reason. */
  readonly signal?: AbortSignal
  /** Links each task with this process. Default: isolated. */
  readonly link?: GenServerRef
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** What `Task.asyncStream` calls for each item. */
export type ItemFunction<Item, Result> = (
  item: Item,
  signal: AbortSignal,
  index: number,
) => Result | PromiseLike<Result>
