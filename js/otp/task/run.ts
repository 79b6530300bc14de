import { type Caller, runInScope, type CallScope } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { TimeoutError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import type { GenServerProcess } from '../gen-server/process.ts'
import type { GenServerBehavior, Info, TerminateReason } from '../gen-server/types.ts'
import { TaskEndedError } from './errors.ts'
import type { TaskFunction } from './types.ts'

/** The message that makes a task call its function. */
export const RUN: unique symbol = Symbol('keelson.task.run')

/** The behaviour of a task's process: one message, one function, one outcome. */
export class TaskRun<Result> implements GenServerBehavior<null, never, never, never>, CallScope {
  /** The outcome. It is set once, before any watcher is called. */
  outcome: PromiseSettledResult<Result> | undefined
  /** The process of the task; set before anything else happens. */
  server: GenServerProcess | undefined
  readonly #fn: TaskFunction<Result>
  readonly #controller = new AbortController()
  readonly #watchers = new Set<(outcome: PromiseSettledResult<Result>) => void>()
  readonly #releases: (() => void)[] = []
  /** True while the function runs. */
  #running = false
  /** The handlers that wait for the task. */
  readonly #waitingScopes = new Set<CallScope>()
  /**
   * Makes calls of the function count as calls of the handlers that wait for it. Only a task that a handler started
   * needs this, because it costs.
   */
  isTracked = false
  #whenFunctionEnds: (() => void) | undefined

  constructor(fn: TaskFunction<Result>) {
    this.#fn = fn
  }

  readonly init: () => null = () => null

  handleCall(): never {
    throw new Error(`Task '${this.#process.id}' takes no messages`)
  }

  /** Reports a message: it has no caller, and the task is not to blame. */
  handleCast(): null {
    const { system, id } = this.#process
    system.report(new Error(`Task '${id}' takes no messages`), `a cast to task ${id}`)
    return null
  }

  /** Begins the function and does not wait for it, so that the process can still be asked to end. */
  handleInfo(message: Info | typeof RUN): null {
    if (message === RUN && this.outcome === undefined) this.#run()
    return null
  }

  /** Aborts the function's signal, and resolves when the function has ended. */
  terminate(_reason: TerminateReason): undefined | Promise<void> {
    this.ended()
    if (!this.#running) return undefined
    return new Promise((resolve) => {
      this.#whenFunctionEnds = resolve
    })
  }

  /**
   * Calls a listener with the outcome, at once if there is one. The listener owns a failure. The returned function
   * removes it.
   */
  watch(listener: (outcome: PromiseSettledResult<Result>) => void): () => void {
    if (this.outcome !== undefined) {
      listener(this.outcome)
      return () => undefined
    }
    this.#watchers.add(listener)
    return () => void this.#watchers.delete(listener)
  }

  /**
   * Registers a handler that waits for the task: the function's calls count as calls of that handler. The returned
   * function ends that.
   */
  waitedBy(scope: CallScope): () => void {
    this.#waitingScopes.add(scope)
    return () => void this.#waitingScopes.delete(scope)
  }

  caller(): Caller | undefined {
    for (const scope of this.#waitingScopes) {
      const found = scope.caller()
      if (found !== undefined) return { id: this.#process.id, pid: found.pid, runtime: found.runtime }
    }
    return undefined
  }

  /** Runs a function once there is an outcome. */
  releaseAtEnd(release: () => void): void {
    this.#releases.push(release)
  }

  /** Cancels the task. All who wait reject with the reason. */
  cancel(reason: unknown): void {
    if (this.outcome !== undefined) return
    this.#settle({ status: 'rejected', reason }, () => {
      this.#controller.abort(reason)
      this.#process.end('shutdown')
    })
  }

  /** Fails the task after a time in ms. */
  limit(timeoutMs: number): void {
    const { system, id } = this.#process
    const timer: TimerHandle = limitOn(system.clock, timeoutMs, `the time of ${id}`, () => {
      const error = new TimeoutError(`task ${id}`, timeoutMs)
      this.#crash(error, () => this.#controller.abort(error))
    })
    this.releaseAtEnd(() => timer.cancel())
  }

  /** Settles the task with a {@link TaskEndedError} when its process ends without an outcome. */
  ended(): void {
    if (this.outcome !== undefined) return
    const reason = new TaskEndedError(this.#process.id, this.#process.downReason)
    this.#settle({ status: 'rejected', reason }, () => this.#controller.abort(reason))
  }

  get #process(): GenServerProcess {
    return this.server as GenServerProcess
  }

  #run(): void {
    this.#running = true
    // The function is no part of the task's own process.
    runtimeOf(this.#process.system).leaveHandler()
    try {
      const result = this.isTracked ? this.#tracked() : this.#fn(this.#controller.signal)
      const pending = promiseOf(result)
      if (pending === undefined) {
        this.#succeeded(result as Result)
        return
      }
      void pending.then(
        (value) => this.#succeeded(value as Result),
        (error: unknown) => this.#failed(error),
      )
    } catch (error) {
      this.#failed(error)
    }
  }

  /**
   * Calls the function outside of the task's own process. Its calls count as calls of the handlers that wait, so that
   * cycles are found.
   */
  #tracked(): Result | PromiseLike<Result> {
    return runtimeOf(this.#process.system).outsideHandler(() =>
      runInScope(this, () => this.#fn(this.#controller.signal)),
    )
  }

  #succeeded(value: Result): void {
    this.#functionEnded()
    if (this.outcome !== undefined) return
    this.#settle({ status: 'fulfilled', value }, () => this.#process.end('normal'))
  }

  #failed(error: unknown): void {
    this.#functionEnded()
    if (this.outcome === undefined) {
      this.#crash(error)
    } else if (!isAbortEcho(error, this.#controller.signal.reason)) {
      this.#process.system.report(error, `task ${this.#process.id}, after it had ended`)
    }
  }

  #functionEnded(): void {
    this.#running = false
    this.#whenFunctionEnds?.()
  }

  /** Fails the task. The error belongs to the watchers; without any, to the supervisor or to the system. */
  #crash(error: unknown, abort?: () => void): void {
    const server = this.#process
    if (this.#watchers.size > 0) server.isSupervised = true
    this.#settle({ status: 'rejected', reason: error }, () => {
      abort?.()
      server.crash(error)
    })
  }

  #settle(outcome: PromiseSettledResult<Result>, act: () => void): void {
    this.outcome = outcome
    this.#releaseAll()
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    act()
    for (const watcher of watchers) watcher(outcome)
  }

  #releaseAll(): void {
    for (const release of this.#releases.splice(0)) release()
  }
}
