import { AsyncLocalStorage } from 'node:async_hooks'
import type { Driver } from './driver.ts'
import type { Process } from './process.ts'

/** On whose behalf a call is made: the process that waits, and what the caller is called. */
export interface Caller {
  readonly id: string
  readonly pid: number
  readonly runtime: Driver
}

/** What runs, and knows who waits for it. */
export interface Scope {
  /** The process that waits while this runs; `undefined` once none does. */
  caller(): Caller | undefined
}

/** One run of a handler. */
class Run implements Scope {
  readonly #process: Process
  readonly #number: number

  constructor(process: Process, number: number) {
    this.#process = process
    this.#number = number
  }

  caller(): Caller | undefined {
    const process = this.#process
    return process.busy && process.runs === this.#number ? process : undefined
  }
}

/** Made when a handler first goes on after an await: the host's promises are slower from then on. */
let scopes: AsyncLocalStorage<Scope | undefined> | undefined

/** Runs what a scope is about, so that what it calls after an await is known to be called by it. */
export function within<T>(scope: Scope, body: () => T): T {
  scopes ??= new AsyncLocalStorage<Scope | undefined>()
  return scopes.run(scope, body)
}

/** Runs a handler so that what it calls after an await is known to be called by it. */
export const inRun = <T>(process: Process, handler: () => T): T => within(new Run(process, ++process.runs), handler)

/** The process whose handler the caller is part of, as long as that handler has not ended. */
export const caller = (): Caller | undefined => scopes?.getStore()?.caller()

/** What the caller is part of: the handler that is on the stack, or that it is the continuation of. */
export const scopeOf = (current: Process | undefined): Scope | undefined =>
  current === undefined ? scopes?.getStore() : new Run(current, current.runs)

/** Begins what is no part of the handler that the caller is part of: what it calls later is not called by that. */
export const outsideRun = <T>(begin: () => T): T => (scopes === undefined ? begin() : scopes.run(undefined, begin))
