/** Waits for tasks, within a time or until a signal aborts. */
import { limitOn } from '../../clock/internal-timers.ts'
import type { CallScope } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { abortSignal, known, options as checkOptions, timeout as timeoutOf } from '../../internal/validate.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { TaskTimeoutError } from './errors.ts'
import type { TaskRun } from './run.ts'
import type { AwaitOptions } from './types.ts'

const AWAIT_TIMEOUT = 5000

/** Returns the handler that is about to wait, if a handler is. */
function waitingHandler(runs: readonly TaskRun<unknown>[]): CallScope | undefined {
  const system = runs[0]?.server?.system
  return system === undefined || system.closed ? undefined : runtimeOf(system).callScope()
}

/**
 * Resolves with all results, in order. The first failure, the end of the time or the signal rejects, and cancels the
 * tasks that have not ended. Leaves no timer and no listener.
 */
export function waitFor(
  runs: readonly TaskRun<unknown>[],
  limit: number | AwaitOptions | undefined,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const isTime = typeof limit === 'number'
    const settings = isTime ? { timeout: limit } : checkOptions('options', limit)
    known('options', settings, ['timeout', 'signal'])
    const timeoutMs = timeoutOf(isTime ? 'timeout' : 'options.timeout', AWAIT_TIMEOUT, settings.timeout)
    const signal = abortSignal('options.signal', settings.signal)

    const results: unknown[] = runs.map(() => undefined)
    const releases: (() => void)[] = []
    let left = runs.length
    let isSettled = false
    const settle = (): void => {
      isSettled = true
      for (const end of releases) end()
    }
    const fail = (reason: unknown): void => {
      if (isSettled) return
      settle()
      for (const run of runs) run.cancel(reason)
      reject(reason)
    }

    const waiting = waitingHandler(runs)
    if (signal?.aborted === true) fail(signal.reason)
    for (const [index, run] of runs.entries()) {
      if (isSettled) break
      const unwatch = run.watch((outcome) => {
        if (outcome.status === 'rejected') {
          fail(outcome.reason)
          return
        }
        results[index] = outcome.value
        left--
        if (left === 0 && !isSettled) {
          settle()
          resolve(results)
        }
      })
      releases.push(unwatch)
      if (waiting !== undefined) releases.push(run.waitedBy(waiting))
    }
    if (runs.length === 0) resolve(results)
    const clock = runs[0]?.server?.system.clock
    if (isSettled || clock === undefined) return
    releases.push(whenAborted(signal, fail))
    if (timeoutMs === Infinity) return
    const timer = limitOn(clock, timeoutMs, 'Task.await', () =>
      fail(new TaskTimeoutError(timeoutMs, runs.length === 1 ? `task ${runs[0]?.server?.id}` : `${runs.length} tasks`)),
    )
    releases.push(() => timer.cancel())
  })
}

/** Resolves with the outcome of a task, or with `undefined` when it takes longer. The task goes on. */
export function outcomeWithin<Result>(
  run: TaskRun<Result>,
  timeout: number,
): Promise<PromiseSettledResult<Result> | undefined> {
  return new Promise((resolve) => {
    const timeoutMs = timeoutOf('timeout', 0, timeout)
    const releases: (() => void)[] = []
    const unwatch = run.watch((outcome) => {
      for (const end of releases) end()
      resolve(outcome)
    })
    if (run.outcome !== undefined || timeoutMs === Infinity) return
    const clock = run.server?.system.clock
    if (clock === undefined) return
    const timer = limitOn(clock, timeoutMs, 'Task.yield', () => {
      unwatch()
      resolve(undefined)
    })
    releases.push(() => timer.cancel())
  })
}
