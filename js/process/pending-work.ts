import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { deferred } from '../internal/deferred.ts'
import { promiseOf } from '../internal/thenable.ts'
import { TimeoutError } from './errors.ts'

interface Ask {
  fail(error: unknown): void
}

const ignoreRejection = (promise: Promise<unknown>): void => void promise.catch(() => {})

/** Keeps the pending work of a process beside its mailbox: scheduled messages, and asks that have no answer. */
export class PendingWork {
  readonly #clock: Clock
  readonly #timers: Set<TimerHandle> = new Set()
  readonly #asks: Set<Ask> = new Set()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  schedule(afterMs: number, label: string, due: () => void): TimerHandle {
    const timer = this.#clock.schedule(
      afterMs,
      () => {
        this.#timers.delete(handle)
        due()
      },
      { label },
    )
    const handle: TimerHandle = {
      cancel: () => {
        this.#timers.delete(handle)
        timer.cancel()
      },
    }
    this.#timers.add(handle)
    return handle
  }

  cancelTimers(): void {
    for (const timer of this.#timers) timer.cancel()
  }

  ask<R>(
    description: string,
    executor: (resolve: (value: R) => void, reject: (error: unknown) => void) => void,
    timeoutMs: number,
  ): Promise<R> {
    const { promise, resolve, reject } = deferred<R>()
    let timer: TimerHandle | undefined
    const settle = (): boolean => {
      timer?.cancel()
      return this.#asks.delete(ask)
    }
    const ask: Ask = {
      fail: (error) => {
        // Its handler has ended and may not wait any more. The failure itself is reported elsewhere.
        ignoreRejection(promise)
        if (settle()) reject(error)
      },
    }
    this.#asks.add(ask)
    const fail = (error: unknown): void => {
      if (settle()) reject(error)
    }
    if (timeoutMs !== Infinity) {
      timer = limitOn(this.#clock, timeoutMs, `ask '${description}'`, () =>
        fail(new TimeoutError(`Ask '${description}' timeout`, timeoutMs)),
      )
    }
    try {
      const result: unknown = executor((value) => {
        if (settle()) resolve(value)
      }, fail)
      // An asynchronous executor may reject later.
      promiseOf(result)?.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
    return promise
  }

  failAsks(error: unknown): void {
    for (const ask of this.#asks) ask.fail(error)
  }
}
