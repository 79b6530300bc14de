/** The public types that all policies share. */
import type { System } from '../../system/system.ts'

/** The argument of a task. */
export interface PolicyContext {
  /**
   * Aborts when the call is aborted: by its caller, by a timeout around the task, or by a faster hedge. Created when it
   * is first read.
   */
  readonly signal: AbortSignal
  /** The number of this attempt, from 1, as the innermost retry, repeat or hedge counts. */
  readonly attempt: number
}

/** Work that a policy runs. It may run more than once. */
export type PolicyTask<T> = (context: PolicyContext) => T | PromiseLike<T>

/** Options of one call of `execute`. */
export interface ExecuteOptions {
  /** Aborts the call wherever it waits: it rejects with `signal.reason`, and the task's signal aborts. */
  readonly signal?: AbortSignal | undefined
  /**
   * The priority of the call where it waits for a permit of a bulkhead: a finite number. Higher ones go first. Default:
   * the bulkhead's own option `priority`.
   */
  readonly priority?: number | undefined
}

/** Runs tasks under rules such as retries or a timeout. */
export interface Policy {
  /** Runs a task. The promise settles exactly once. */
  execute<T>(task: PolicyTask<T>, options?: ExecuteOptions): Promise<T>
}

/** A policy of another library, such as cockatiel. Every {@link Policy} is one too. */
export interface ForeignPolicy {
  /**
   * Runs a task. It calls the task with `{ signal }`, or with nothing. The signal that it gets is an object `{ signal }`
   * as well.
   */
  execute(
    task: (context?: { readonly signal?: AbortSignal }) => Promise<unknown>,
    signal?: AbortSignal & { readonly signal: AbortSignal },
  ): PromiseLike<unknown>
}

/** Options of every policy. */
export interface PolicyOptions {
  /** The policy's name in events and errors. Default: the kind of policy, such as `retry`. */
  readonly name?: string
  /**
   * The system whose clock and random source the policy uses, and whose `onError` gets its errors. Default: the default
   * system.
   */
  readonly system?: System
  /**
   * Measures how long calls take, for `stats.latency`: a rolling window of this many milliseconds, above 0. Default:
   * nothing is measured. A stack of `wrap` always measures its calls of the last minute.
   */
  readonly latencyWindowMs?: number
}
