import { AsyncLocalStorage } from 'node:async_hooks'
import type { Driver } from './port.ts'
import type { Process } from './process.ts'

/** Who waits for a call: a process, and what makes the call is called. */
export interface Caller {
  readonly id: string
  readonly pid: number
  readonly runtime: Driver
}

/** What runs outside of a handler, and knows which process waits for it. */
export interface Scope {
  /** `undefined` while no process waits. */
  caller(): Caller | undefined
}

/** What code is part of: one run of a handler, or of what it waits for; also after an await. */
interface Run {
  readonly process: Process | undefined
  readonly number: number
  /** What the face of the process keeps of the run. */
  readonly within: object | undefined
  readonly scope: Scope | undefined
}

/** In use while handlers go on after an await: the host's promises are slower as long as it is. */
let runs: AsyncLocalStorage<Run | undefined> | undefined
/** Runs that have not ended. */
let open = 0

/** Runs a handler so that what it calls after an await is known to be called by it. */
export function inRun<T>(process: Process, handler: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  const within = process.enter() ?? runs.getStore()?.within
  return track({ process, number: ++process.runs, within, scope: undefined }, handler)
}

/** Runs what is no handler, so that what it calls after an await is known as part of `within`. */
export function runWithin<T>(within: object, body: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  const run = runs.getStore()
  return track({ process: run?.process, number: run?.number ?? 0, within, scope: run?.scope }, body)
}

/** Runs what is no handler, so that what it calls, also after an await, is called on behalf of who waits for it. */
export function inScope<T>(scope: Scope, body: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  const within = runs.getStore()?.within
  const result = track({ process: undefined, number: 0, within, scope }, body)
  // Of the host's own alone: `then` of another's may begin its work anew.
  if (result instanceof Promise) {
    goesOn()
    result.then(hasEnded, hasEnded)
  }
  return result
}

function track<T>(run: Run, body: () => T): T {
  open++
  try {
    return (runs as AsyncLocalStorage<Run | undefined>).run(run, body)
  } finally {
    open--
  }
}

/** A run goes on after an await. */
export function goesOn(): void {
  open++
}

/** A run that went on has ended. */
export function hasEnded(): void {
  open--
}

/** The run that asks does not go on: unless another one does, the host's promises get their speed back. */
export function rest(): void {
  if (open === 1) runs?.disable()
}

function callerOf(run: Run | undefined): Caller | undefined {
  const process = run?.process
  if (process === undefined) return run?.scope?.caller()
  return process.busy && process.runs === run?.number ? process : undefined
}

/** The process whose handler the caller is part of, as long as that handler has not ended. */
export const caller = (): Caller | undefined => callerOf(runs?.getStore())

/** What the caller is part of, to be asked later: the handler on the stack (`current`), or what it continues. */
export function scopeOf(current: Process | undefined): Scope | undefined {
  const run =
    current === undefined
      ? runs?.getStore()
      : { process: current, number: current.runs, within: undefined, scope: undefined }
  return run && { caller: () => callerOf(run) }
}

/** What the caller is part of, as a face keeps it. */
export const callerWithin = (): object | undefined => runs?.getStore()?.within

/** Begins what is no part of the handler that the caller is part of: what it calls later is not called by that. */
export function outsideRun<T>(begin: () => T): T {
  const within = runs?.getStore()?.within
  if (runs === undefined) return begin()
  return runs.run(within === undefined ? undefined : { process: undefined, number: 0, within, scope: undefined }, begin)
}

/** Compiled to something else it is found out when it first returns a promise. */
export const isAsyncFunction = (given: unknown): boolean =>
  Object.prototype.toString.call(given) === '[object AsyncFunction]'
