import { AsyncLocalStorage } from 'node:async_hooks'
import type { Process } from './process.ts'

/** One run of a handler. */
interface Run {
  readonly process: Process
  readonly number: number
}

/** Made when a handler first goes on after an await: the host's promises are slower from then on. */
let runs: AsyncLocalStorage<Run | undefined> | undefined

/** Runs a handler so that what it calls after an await is known to be called by it. */
export function inRun<T>(process: Process, handler: () => T): T {
  runs ??= new AsyncLocalStorage<Run | undefined>()
  return runs.run({ process, number: ++process.runs }, handler)
}

/** The process whose handler the caller is part of, as long as that handler has not ended. */
export function caller(): Process | undefined {
  const run = runs?.getStore()
  return run !== undefined && run.process.busy && run.process.runs === run.number ? run.process : undefined
}

/** Begins what is no part of the handler that the caller is part of: what it calls later is not called by that. */
export const outsideRun = <T>(begin: () => T): T => (runs === undefined ? begin() : runs.run(undefined, begin))
