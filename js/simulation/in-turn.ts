import { deferred } from '../internal/deferred.ts'
import { HostPatches } from './host/patches.ts'

/** The end of the last simulation. They run one after the other: each of them replaces the host's time. */
let last: Promise<void> = Promise.resolve()

/** Runs work that simulates, once all earlier work has ended. */
export async function inTurn<T>(work: (patches: HostPatches) => Promise<T>): Promise<T> {
  const before = last
  const turn = deferred<void>()
  last = turn.promise
  await before
  try {
    const patches = new HostPatches()
    try {
      return await work(patches)
    } finally {
      patches.restore()
    }
  } finally {
    turn.resolve()
  }
}
