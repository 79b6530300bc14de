import type { ObserveStateOptions } from './types.ts'

/** What each server of this environment may show of states. */
const states = new Map<number, ObserveStateOptions | undefined>()

/** Remembers the settings of a server. */
export function addServer(id: number, state: ObserveStateOptions | undefined): void {
  states.set(id, state)
}

/** Forgets a server. */
export function removeServer(id: number): void {
  states.delete(id)
}

/** Returns the settings of a server for states; `undefined` where they are hidden, or the server is another thread's. */
export const stateOptionsOf = (id: number): ObserveStateOptions | undefined => states.get(id)
