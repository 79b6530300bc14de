import { type Caller, inScope, type Scope } from '../../actor/call-context.ts'
import { runtimeOf } from '../../actor/system-runtime.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { TimeoutError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { isAbortEcho } from '../../internal/thrown-values.ts'
import type { Server } from '../gen-server/process.ts'
import type { GenServerBehavior, Info, TerminateReason } from '../gen-server/types.ts'
import { TaskEndedError } from './errors.ts'
import type { TaskFunction } from './types.ts'

/** The message that begins it. */
export const RUN: unique symbol = Symbol('keelson.task.run')

/** A task as a process does it: one message, one function, one outcome. */
export class TaskRun<Result> implements GenServerBehavior<null, never, never, never>, Scope {
  /** What became of it: once, and before anybody is told. */
  outcome: PromiseSettledResult<Result> | undefined
  /** Its process; set before anything else happens. */
  server: Server | undefined
  readonly #fn: TaskFunction<Result>
  readonly #controller = new AbortController()
  readonly #watchers = new Set<(outcome: PromiseSettledResult<Result>) => void>()
  readonly #release: (() => void)[] = []
  /** The function was begun and has not ended. */
  #running = false
  /** Handlers that wait for it. */
  readonly #waiting = new Set<Scope>()
  /** Whether its calls are known as its own, which costs: a handler started it, and may wait for it. */
  isTracked = false
  #whenFunctionEnds: (() => void) | undefined

  constructor(fn: TaskFunction<Result>) {
    this.#fn = fn
  }

  readonly init: () => null = () => null

  handleCall(): never {
    throw new Error(`Task '${this.#process.id}' takes no messages`)
  }

  /** Nobody waits for it, and the task is not to blame. */
  handleCast(): null {
    const { system, id } = this.#process
    system.report(new Error(`Task '${id}' takes no messages`), `a cast to task ${id}`)
    return null
  }

  /** Does not wait for the function: its process is free to be told to end. */
  handleInfo(message: Info | typeof RUN): null {
    if (message === RUN && this.outcome === undefined) this.#run()
    return null
  }

  /** Its process ends, from whatever cause, and waits for the function, which was told to give up. */
  terminate(_reason: TerminateReason): undefined | Promise<void> {
    this.ended()
    if (!this.#running) return undefined
    return new Promise((resolve) => {
      this.#whenFunctionEnds = resolve
    })
  }

  /** Tells the outcome, now if it is known. Who watches owns a failure. Returns a function that ends it. */
  watch(told: (outcome: PromiseSettledResult<Result>) => void): () => void {
    if (this.outcome !== undefined) {
      told(this.outcome)
      return () => undefined
    }
    this.#watchers.add(told)
    return () => void this.#watchers.delete(told)
  }

  /** A handler waits for it: what the function calls meanwhile, it calls on behalf of that. Returns a function that ends it. */
  waitedBy(scope: Scope): () => void {
    this.#waiting.add(scope)
    return () => void this.#waiting.delete(scope)
  }

  caller(): Caller | undefined {
    for (const scope of this.#waiting) {
      const found = scope.caller()
      if (found !== undefined) return { id: this.#process.id, pid: found.pid, runtime: found.runtime }
    }
    return undefined
  }

  /** Run once there is an outcome. */
  releaseAtEnd(release: () => void): void {
    this.#release.push(release)
  }

  /** Gives it up, for the reason that everybody gets who waits. */
  cancel(reason: unknown): void {
    if (this.outcome !== undefined) return
    this.#settle({ status: 'rejected', reason }, () => {
      this.#controller.abort(reason)
      this.#process.end('shutdown')
    })
  }

  /** Makes it fail after a time. */
  limit(timeoutMs: number): void {
    const { system, id } = this.#process
    const timer: TimerHandle = limitOn(system.clock, timeoutMs, `the time of ${id}`, () => {
      const error = new TimeoutError(`task ${id}`, timeoutMs)
      this.#crash(error, () => this.#controller.abort(error))
    })
    this.releaseAtEnd(() => timer.cancel())
  }

  /** Its process has ended, or ends: if there is no outcome, that is it. */
  ended(): void {
    if (this.outcome !== undefined) return
    const reason = new TaskEndedError(this.#process.id, this.#process.downReason)
    this.#settle({ status: 'rejected', reason }, () => this.#controller.abort(reason))
  }

  get #process(): Server {
    return this.server as Server
  }

  #run(): void {
    this.#running = true
    try {
      const made = this.isTracked ? this.#tracked() : this.#fn(this.#controller.signal)
      const pending = promiseOf(made)
      if (pending === undefined) {
        this.#succeeded(made as Result)
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

  /** What it calls is called on behalf of who waits, and not of its process, which waits for nothing. */
  #tracked(): Result | PromiseLike<Result> {
    const runtime = runtimeOf(this.#process.system)
    const { current } = runtime
    runtime.current = undefined
    try {
      return inScope(this, () => this.#fn(this.#controller.signal))
    } finally {
      runtime.current = current
    }
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

  /** A failure belongs to who waits for it; if nobody does, to the supervisor or the system's owner. */
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
    for (const told of watchers) told(outcome)
  }

  #releaseAll(): void {
    for (const release of this.#release.splice(0)) release()
  }
}
