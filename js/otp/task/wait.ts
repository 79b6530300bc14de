import { limitOn } from '../../clock/internal-timers.ts'
import { type Scope, scopeOf } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { abortSignal, known, options as checkOptions } from '../../internal/validate.ts'
import { TimeoutError } from '../../errors/errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { timeoutOf } from '../gen-server/start.ts'
import type { TaskRun } from './run.ts'
import type { AwaitOptions } from './types.ts'

const AWAIT_TIMEOUT = 5000

/** The handler that is going to wait, if one is. */
function waitingHandler(runs: readonly TaskRun<unknown>[]): Scope | undefined {
  const system = runs[0]?.server?.system
  return system === undefined || system.closed ? undefined : scopeOf(runtimeOf(system).current)
}

/**
 * The results of all, in order; or the first failure, the end of the time, or the signal's reason, which cancels those
 * that have not ended. Leaves no timer and no listener.
 */
export function waitFor(
  runs: readonly TaskRun<unknown>[],
  limit: number | AwaitOptions | undefined,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const isTime = typeof limit === 'number'
    const given = isTime ? { timeout: limit } : checkOptions('options', limit)
    known('options', given, ['timeout', 'signal'])
    const timeoutMs = timeoutOf(isTime ? 'timeout' : 'options.timeout', given.timeout, AWAIT_TIMEOUT)
    const signal = abortSignal('options.signal', given.signal)

    const results: unknown[] = runs.map(() => undefined)
    const release: (() => void)[] = []
    let left = runs.length
    let isOver = false
    const over = (): void => {
      isOver = true
      for (const end of release) end()
    }
    const fail = (reason: unknown): void => {
      if (isOver) return
      over()
      for (const run of runs) run.cancel(reason)
      reject(reason)
    }

    const waiting = waitingHandler(runs)
    if (signal?.aborted === true) fail(signal.reason)
    for (const [index, run] of runs.entries()) {
      if (isOver) break
      const unwatch = run.watch((outcome) => {
        if (outcome.status === 'rejected') {
          fail(outcome.reason)
          return
        }
        results[index] = outcome.value
        left--
        if (left === 0 && !isOver) {
          over()
          resolve(results)
        }
      })
      release.push(unwatch)
      if (waiting !== undefined) release.push(run.waitedBy(waiting))
    }
    if (runs.length === 0) resolve(results)
    const clock = runs[0]?.server?.system.clock
    if (isOver || clock === undefined) return
    release.push(whenAborted(signal, fail))
    if (timeoutMs === Infinity) return
    const timer = limitOn(clock, timeoutMs, 'Task.await', () =>
      fail(new TimeoutError(runs.length === 1 ? `task ${runs[0]?.server?.id}` : `${runs.length} tasks`, timeoutMs)),
    )
    release.push(() => timer.cancel())
  })
}

/** What became of a task, or `undefined` when it takes longer; it goes on. */
export function outcomeWithin<Result>(
  run: TaskRun<Result>,
  timeout: number,
): Promise<PromiseSettledResult<Result> | undefined> {
  return new Promise((resolve) => {
    const timeoutMs = timeoutOf('timeout', timeout, 0)
    const release: (() => void)[] = []
    const unwatch = run.watch((outcome) => {
      for (const end of release) end()
      resolve(outcome)
    })
    if (run.outcome !== undefined || timeoutMs === Infinity) return
    const clock = run.server?.system.clock
    if (clock === undefined) return
    const timer = limitOn(clock, timeoutMs, 'Task.yield', () => {
      unwatch()
      resolve(undefined)
    })
    release.push(() => timer.cancel())
  })
}
