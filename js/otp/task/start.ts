import { runOutsideHandler } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { abortSignal, callable, known, options as checkOptions, text, timeout } from '../../internal/validate.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { resolveSystem } from '../../system/default.ts'
import { namesOf } from '../gen-server/names.ts'
import { livingProcessOf } from '../gen-server/ref.ts'
import { spawn } from '../gen-server/start.ts'
import type { GenServerBehavior } from '../gen-server/types.ts'
import { RUN, TaskRun } from './run.ts'
import type { TaskFunction, TaskOptions } from './types.ts'

/** Starts a task. Its function is called as soon as the present run of JavaScript has ended. */
export function startTask<Result>(
  fn: TaskFunction<Result>,
  options: TaskOptions | undefined,
  isTracked?: boolean,
): TaskRun<Result> {
  callable('fn', fn)
  const settings = checkOptions('options', options)
  known('options', settings, ['name', 'timeout', 'signal', 'link', 'system'])
  if (settings.name !== undefined) text('options.name', settings.name)
  const timeoutMs = timeout('options.timeout', Infinity, settings.timeout)
  const signal = abortSignal('options.signal', settings.signal)
  const system = resolveSystem(settings.system)
  const linked = settings.link === undefined ? undefined : livingProcessOf('options.link', settings.link, system)

  const run = new TaskRun(fn)
  // The task is no part of the handler that starts it, so its calls are not calls of that handler.
  const server = runOutsideHandler(() => spawn('Task', system, run as unknown as GenServerBehavior<unknown>, {}))
  run.server = server
  // The function belongs to whoever starts the task, and so does what it does.
  server.isCarrier = true
  run.isTracked = isTracked ?? runtimeOf(system).callScope() !== undefined
  if (settings.name !== undefined) {
    try {
      namesOf(system).register(settings.name, server)
    } catch (error) {
      server.abandon('shutdown')
      throw error
    }
  }
  server.whenEnded(() => run.ended())
  server.announce()
  server.begin(null)
  server.runtime.sendInfo(server, RUN)
  if (linked !== undefined) server.runtime.link(server, linked)
  if (timeoutMs !== Infinity) run.limit(timeoutMs)
  if (signal !== undefined) follow(run, signal)
  return run
}

/** Cancels a task when a signal aborts. The listener goes with the task. */
function follow<Result>(run: TaskRun<Result>, signal: AbortSignal): void {
  run.releaseAtEnd(whenAborted(signal, (reason) => run.cancel(reason)))
}
