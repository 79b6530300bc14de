import { abortSignal, known, options as checkOptions } from '../../arguments.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { TimeoutError } from '../../errors.ts'
import { timeoutOf } from '../start.ts'
import type { TaskRun } from './run.ts'
import type { AwaitOptions } from './types.ts'

const AWAIT_TIMEOUT = 5000

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
    const unwatch: (() => void)[] = []
    let timer: TimerHandle | undefined
    let left = runs.length
    let isOver = false
    const over = (): void => {
      isOver = true
      for (const stop of unwatch) stop()
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (reason: unknown): void => {
      if (isOver) return
      over()
      for (const run of runs) run.cancel(reason)
      reject(reason)
    }
    const onAbort = (): void => fail(signal?.reason)

    if (signal?.aborted === true) onAbort()
    for (const [index, run] of runs.entries()) {
      if (isOver) break
      const stop = run.watch((outcome) => {
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
      unwatch.push(stop)
    }
    if (runs.length === 0) resolve(results)
    const clock = runs[0]?.server?.system.clock
    if (isOver || clock === undefined) return
    signal?.addEventListener('abort', onAbort, { once: true })
    if (timeoutMs === Infinity) return
    timer = clock.schedule(
      timeoutMs,
      () => fail(new TimeoutError(runs.length === 1 ? `task ${runs[0]?.server?.id}` : `${runs.length} tasks`, timeoutMs)),
      { label: 'Task.await' },
    )
  })
}

/** What became of a task, or `undefined` when it takes longer; it goes on. */
export function outcomeWithin<Result>(
  run: TaskRun<Result>,
  timeout: number,
): Promise<PromiseSettledResult<Result> | undefined> {
  return new Promise((resolve) => {
    const timeoutMs = timeoutOf('timeout', timeout, 0)
    let timer: TimerHandle | undefined
    const unwatch = run.watch((outcome) => {
      timer?.cancel()
      resolve(outcome)
    })
    if (run.outcome !== undefined || timeoutMs === Infinity) return
    timer = run.server?.system.clock.schedule(timeoutMs, () => {
      unwatch()
      resolve(undefined)
    })
  })
}
