import { InvalidArgumentError } from '../../errors/errors.ts'
import type { TaskRun } from './run.ts'
import type { TaskHandle, TaskRef } from './types.ts'

/** A task as users hold it. The run behind it is out of their reach. */
export class LocalTask<Result> implements TaskHandle<Result> {
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
