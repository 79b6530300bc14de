import { AsyncLocalStorage } from 'node:async_hooks'
import type { Driver } from './driver.ts'
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

/** One run of a handler, or of what it waits for. */
interface Run {
  readonly process: Process | undefined
  readonly number: number
  readonly scope?: Scope
}

/** Made when a handler first goes on after an await: the host's promises are slower from then on. */
let runs: AsyncLocalStorage<Run | undefined> | undefined

/** Runs a handler so that what it calls after an await is known to be called by it. */
export function inRun<T>(process: Process, handler: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  return runs.run({ process, number: ++process.runs }, handler)
}

/** Runs what is no handler, so that what it calls, also after an await, is called on behalf of who waits for it. */
export function inScope<T>(scope: Scope, body: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  return runs.run({ process: undefined, number: 0, scope }, body)
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
  const run = current === undefined ? runs?.getStore() : { process: current, number: current.runs }
  return run && { caller: () => callerOf(run) }
}

/** Begins what is no part of the handler that the caller is part of: what it calls later is not called by that. */
export const outsideRun = <T>(begin: () => T): T => (runs === undefined ? begin() : runs.run(undefined, begin))
