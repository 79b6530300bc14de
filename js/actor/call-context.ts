/**
 * Knows on whose behalf code runs, also after an `await`: calls need their caller, so that a cycle of calls is found.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

import type { EndSource } from './call.ts'
import type { RuntimePort } from './port.ts'
import type { Process } from './process.ts'

/** The caller of a call: a process, and the id under which it calls. */
export interface Caller extends Partial<EndSource> {
  readonly id: string
  readonly pid: number
  readonly runtime: RuntimePort
}

/** Code outside of a handler that a handler waits for. */
export interface CallScope {
  /** Returns the process that waits, or `undefined`. */
  caller(): Caller | undefined
}

/** The run of a handler that code is part of, or waits for, also after an `await`. */
interface TrackedRun {
  readonly process: Process | undefined
  readonly number: number
  /** The run as the interface of the process keeps it (`HandlerRun` of `keelson/process`). */
  readonly within: object | undefined
  readonly scope: CallScope | undefined
  /** The callback of a process outside of the runtime's turns: `init`, `terminate`. Its calls are its caller's. */
  readonly callback?: SelfScope
}

/** A callback of a process that runs outside of the runtime's turns. */
interface SelfScope {
  readonly process: Process
  isOver: boolean
}

/** A runtime whose turn it is, or a callback outside of turns: either has a process on the stack. */
export interface StackFrame {
  /** The process whose callback is on the stack. */
  readonly current: Process | undefined
}

/** Whoever runs callbacks now, of whichever runtime. A runtime is set once a round, so a message costs nothing here. */
export const stack: { top: StackFrame | undefined } = { top: undefined }

/**
 * Tracks runs over an `await`. The host's promises are slower while it is in use, so it is disabled when no run is
 * open.
 */
let runs: AsyncLocalStorage<TrackedRun | undefined> | undefined
/** The number of runs that have not ended. */
let open = 0

/** Runs a handler so that its calls are known as its own, also after an `await`. */
export function runTracked<T>(process: Process, handler: () => T): T {
  runs ??= new AsyncLocalStorage<TrackedRun | undefined>()
  const within = process.enter() ?? runs.getStore()?.within
  return track({ process, number: ++process.runs, within, scope: undefined }, handler)
}

/** Runs a function that is no handler so that its calls are known as part of `within`, also after an `await`. */
export function runWithin<T>(within: object, body: () => T): T {
  runs ??= new AsyncLocalStorage<TrackedRun | undefined>()
  const run = runs.getStore()
  return track({ process: run?.process, number: run?.number ?? 0, within, scope: run?.scope }, body)
}

/**
 * Runs a function that is no handler so that its calls, also after an `await`, count as calls of the handler that waits
 * for it.
 */
export function runInScope<T>(scope: CallScope, body: () => T): T {
  runs ??= new AsyncLocalStorage<TrackedRun | undefined>()
  const within = runs.getStore()?.within
  const result = track({ process: undefined, number: 0, within, scope }, body)
  // Only native promises: the `then` of another thenable may start its work again.
  if (result instanceof Promise) {
    retain()
    result.then(release, release)
  }
  return result
}

function track<T>(run: TrackedRun, body: () => T): T {
  open++
  try {
    return (runs as AsyncLocalStorage<TrackedRun | undefined>).run(run, body)
  } finally {
    open--
  }
}

/** Keeps tracking on: a run goes on after an `await`. */
export function retain(): void {
  open++
}

/** Ends a {@link retain}: the run has ended. */
export function release(): void {
  open--
}

/** Disables tracking if the calling run is the only one: it does not go on after an `await`. */
export function disableIfIdle(): void {
  if (open === 1) runs?.disable()
}

function callerOf(run: TrackedRun | undefined): Caller | undefined {
  const process = run?.process
  if (process === undefined) return run?.scope?.caller()
  return process.busy && process.runs === run?.number ? process : undefined
}

/** Returns the process whose handler the calling code is part of, while that handler has not ended. */
export const currentCaller = (): Caller | undefined => callerOf(runs?.getStore())

/**
 * Returns the handler that the calling code is part of, to be asked later.
 *
 * @param current The process whose handler is on the stack.
 */
export function scopeOf(current: Process | undefined): CallScope | undefined {
  const run =
    current === undefined
      ? runs?.getStore()
      : { process: current, number: current.runs, within: undefined, scope: undefined }
  return run && { caller: () => callerOf(run) }
}

/** Returns the `within` of the run that the calling code is part of. */
export const currentWithin = (): object | undefined => runs?.getStore()?.within

/** Returns the process whose callback the calling code is part of, also after an `await` that is tracked. */
export function currentProcess(): Process | undefined {
  const current = stack.top?.current
  if (current !== undefined) return current
  const run = runs?.getStore()
  if (run?.callback !== undefined) return run.callback.isOver ? undefined : run.callback.process
  const process = run?.process
  return process !== undefined && process.busy && process.runs === run?.number ? process : undefined
}

/**
 * Runs a callback outside of the runtime's turns, so that {@link currentProcess} finds its process. Its calls stay those
 * of the code that calls this. A callback that is not declared `async` is followed to its first `await`.
 */
export function runAsSelf<T>(process: Process, callback: unknown, body: () => T): T {
  const outer = stack.top
  stack.top = { current: process }
  try {
    return isAsyncFunction(callback) ? trackSelf(process, body) : body()
  } finally {
    stack.top = outer
  }
}

function trackSelf<T>(process: Process, body: () => T): T {
  runs ??= new AsyncLocalStorage<TrackedRun | undefined>()
  const outer = runs.getStore()
  const callback: SelfScope = { process, isOver: false }
  const { process: caller, number = 0, within, scope } = outer ?? {}
  const result = track({ process: caller, number, within, scope, callback }, body)
  const end = (): void => {
    callback.isOver = true
    release()
  }
  // The callback is declared `async`, so the result is a promise.
  retain()
  ;(result as Promise<unknown>).then(end, end)
  return result
}

/** Runs a function as no part of the calling handler: its later calls are not calls of that handler. */
export function runOutsideHandler<T>(begin: () => T): T {
  const within = runs?.getStore()?.within
  if (runs === undefined) return begin()
  return runs.run(within === undefined ? undefined : { process: undefined, number: 0, within, scope: undefined }, begin)
}

/**
 * Returns whether a function is declared `async`. One that was compiled to something else shows itself by its first
 * promise.
 */
export const isAsyncFunction = (fn: unknown): boolean => Object.prototype.toString.call(fn) === '[object AsyncFunction]'
