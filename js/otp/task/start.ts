import { outsideRun, scopeOf } from '../../actor/call-context.ts'
import { ENDING } from '../../actor/process.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { abortSignal, callable, known, options as checkOptions, text } from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import type { System } from '../../system/system.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { serverOf } from '../gen-server/ref.ts'
import type { Server } from '../gen-server/process.ts'
import { spawn, timeoutOf } from '../gen-server/start.ts'
import type { GenServerBehavior } from '../gen-server/types.ts'
import { RUN, TaskRun } from './run.ts'
import type { TaskFunction, TaskOptions } from './types.ts'
import { resolveSystem } from '../../system/default.ts'

function linkedOf(given: unknown, system: System): Server | undefined {
  if (given === undefined) return undefined
  const server = serverOf('options.link', given)
  if (server.system !== system) throw new InvalidArgumentError('options.link', 'a ref of the same system', given)
  if (server.status >= ENDING) throw new ServerNotRunningError(server.id, server)
  return server
}

/** Starts a task: its function runs as soon as the present run of JavaScript has ended. */
export function startTask<Result>(
  fn: TaskFunction<Result>,
  options: TaskOptions | undefined,
  isTracked?: boolean,
): TaskRun<Result> {
  callable('fn', fn)
  const given = checkOptions('options', options)
  known('options', given, ['name', 'timeout', 'signal', 'link', 'system'])
  if (given.name !== undefined) text('options.name', given.name)
  const timeoutMs = timeoutOf('options.timeout', given.timeout, Infinity)
  const signal = abortSignal('options.signal', given.signal)
  const system = resolveSystem(given.system)
  const linked = linkedOf(given.link, system)

  const run = new TaskRun(fn)
  // A process of its own, whoever starts it: its calls are not those of a handler that starts it.
  const server = outsideRun(() => spawn('Task', system, run as unknown as GenServerBehavior<unknown>, {}))
  run.server = server
  run.isTracked = isTracked ?? scopeOf(runtimeOf(system).current) !== undefined
  if (given.name !== undefined) {
    try {
      namesOf(system).register(given.name, server)
    } catch (error) {
      server.abandon('shutdown')
      throw error
    }
  }
  server.whenEnded(() => run.ended())
  server.announce()
  server.begin(null)
  server.runtime.info(server, RUN)
  if (linked !== undefined) server.runtime.link(server, linked)
  if (timeoutMs !== Infinity) run.limit(timeoutMs)
  if (signal !== undefined) follow(run, signal)
  return run
}

/** Cancels a task when a signal aborts; no listener outlives the task. */
function follow<Result>(run: TaskRun<Result>, signal: AbortSignal): void {
  run.releaseAtEnd(whenAborted(signal, (reason) => run.cancel(reason)))
}
