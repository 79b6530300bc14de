import type { System } from '../../system/system.ts'

/** What a task gets. */
export interface PolicyContext {
  /** Aborts when the call is given up: by its caller, by a timeout around the task, by a faster hedge. Made when it is read. */
  readonly signal: AbortSignal
  /** Which try this is, from 1, as the innermost retry, repeat or hedge counts. */
  readonly attempt: number
}

/** Work that a policy runs. */
export type PolicyTask<T> = (context: PolicyContext) => T | PromiseLike<T>

/** How a call is made. */
export interface ExecuteOptions {
  /** Ends the call, wherever it waits: it rejects with `signal.reason`, and the task's signal aborts. */
  readonly signal?: AbortSignal | undefined
}

/** What runs tasks under rules of its own. */
export interface Policy {
  /** Runs a task; settles exactly once. */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T>
}

/** What every policy is given. */
export interface PolicyOptions {
  /** What events and errors call it. Default: what kind of policy it is. */
  readonly name?: string
  /** Where its time and chance come from. Default: the default system. */
  readonly system?: System
}
