import { isCode } from '../../errors/base.ts'
import { KeelsonError } from '../../errors/errors.ts'
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

/** Returns whether a value is a {@link TaskEndedError}, of any copy of the package. */
export const isTaskEndedError: (error: unknown) => error is TaskEndedError = isCode(TaskEndedError.code)
