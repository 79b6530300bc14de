/**
 * The seam: the only module that imports the binding. Everything else in `js/` gets numbers in and out of it.
 */
import type * as Binding from '../native/binding.js'
import type { HotLane } from '../native/hot.js'
import { NativePanicError } from './errors/errors.ts'
import { BINDING, loadAddon } from './load-addon.ts'
import { assertNode } from './node-version.ts'

/** Everything that the addon exports. */
export type Native = Readonly<Omit<typeof Binding, 'default'>> & {
  readonly hot: HotLane
  readonly scratch: Float64Array
  setPanicFactory(make: (message: string) => Error): void
}

function load(): Native {
  assertNode()
  return loadAddon(BINDING).addon as Native
}

/** Functions for what happens once: a `#[napi]` function each, which takes and returns objects. */
export const native: Native = load()

/** Raw functions: numbers in, a number out. A panic of the core is thrown as a `NativePanicError`. */
export const hot: HotLane = native.hot

/** Further results of the last call into the hot lane. Read them before the next call. */
export const scratch: Float64Array = native.scratch

export type { NativeEngineConfig, NativeJournalFailure, NativeJournalPage, NativeProfile } from '../native/binding.js'

native.setPanicFactory((message) => new NativePanicError(message))
