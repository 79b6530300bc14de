import { isCode } from '../../errors/base.ts'
import { KeelsonError, TimeoutError } from '../../errors/errors.ts'
import { textOf } from '../../internal/thrown-values.ts'
import type { ProcessDownReason } from '../gen-server/types.ts'

/** A task ended before its function had: it was cancelled, stopped or killed, or a linked process failed. */
export class TaskEndedError extends KeelsonError {
  static readonly code = 'KEELSON_TASK_ENDED'
  readonly code = 'KEELSON_TASK_ENDED'
  /** The id of the task's process. */
  readonly taskId: string
  /** The reason of the exit. */
  readonly reason: ProcessDownReason
  constructor(taskId: string, reason: ProcessDownReason) {
    const why = reason.type === 'error' ? reason.message : reason.type
    super(`Task '${taskId}' was ended before its function had: ${why}`)
    this.taskId = taskId
    this.reason = reason
  }
}

/** A wait for a task took too long. It is a `TimeoutError` of `keelson`. */
export class TaskTimeoutError extends TimeoutError {
  constructor(timeoutMs: number, what: string = 'Task') {
    super(what, timeoutMs)
  }
}

/** The function of a task of `Task.Supervisor` threw. */
export class TaskExecutionError extends KeelsonError {
  static readonly code = 'KEELSON_TASK_FAILED'
  readonly code = 'KEELSON_TASK_FAILED'
  /** The error that the function threw. */
  override readonly cause: Error
  constructor(cause: Error) {
    super(`Task execution failed: ${textOf(cause)}`)
    this.cause = cause
  }
}

/** Returns whether a value is a {@link TaskExecutionError}, of any copy of the package. */
export const isTaskExecutionError: (error: unknown) => error is TaskExecutionError = isCode(TaskExecutionError.code)
/** Returns whether a value is a {@link TaskEndedError}, of any copy of the package. */
export const isTaskEndedError: (error: unknown) => error is TaskEndedError = isCode(TaskEndedError.code)
