/** Says on which machine code runs that is no handler of a process, also after an `await`. */
import { AsyncLocalStorage } from 'node:async_hooks'

import { currentCaller, currentProcess } from '../../actor/call-context.ts'
import type { Endpoint } from './transport.ts'

/** The machines of runtimes. */
const machines = new WeakMap<object, Endpoint>()

/** Says that the processes of a runtime run on a machine. */
export function placeRuntime(runtime: object, endpoint: Endpoint): void {
  machines.set(runtime, endpoint)
}

let places: AsyncLocalStorage<Endpoint> | undefined

/** Runs a function as code of a machine: what it sends, also after an `await`, is sent from there. */
export function runAt<T>(endpoint: Endpoint, body: () => T): T {
  places ??= new AsyncLocalStorage<Endpoint>()
  return places.run(endpoint, body)
}

/** The machine whose timer fires. */
let firing: Endpoint | undefined

/** Runs a function as code of a machine until it returns. Follows it over no `await`, and so costs little. */
export function runSyncAt(endpoint: Endpoint, body: () => void): void {
  const outer = firing
  firing = endpoint
  try {
    body()
  } finally {
    firing = outer
  }
}

/** Stops following code. The host's promises are slower while it is followed. */
export function forgetPlaces(): void {
  places?.disable()
}

/** Returns the machine on which the calling code runs; `undefined` for the program itself. */
export function currentPlace(): Endpoint | undefined {
  const process = currentProcess() ?? currentCaller()
  const machine = process === undefined ? undefined : machines.get(process.runtime)
  return machine ?? firing ?? places?.getStore()
}
