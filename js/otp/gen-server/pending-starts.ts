/** Knows the start functions of supervisors that have not ended, so that a crash during one has exactly one owner. */
import type { System } from '../../system/system.ts'

/** A start function of a supervisor that has not ended. */
export class PendingStart {
  readonly #siblings: Set<PendingStart>
  readonly #listeners: (() => void)[] = []
  hasEnded = false

  constructor(system: System) {
    let siblings = pendingBySystem.get(system)
    if (siblings === undefined) pendingBySystem.set(system, (siblings = new Set()))
    this.#siblings = siblings
    siblings.add(this)
  }

  /** Calls a listener when the start function has ended. */
  onEnd(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** Ends it: the function has led to a process, or to nothing. */
  end(): void {
    this.hasEnded = true
    this.#siblings.delete(this)
    for (const listener of this.#listeners.splice(0)) listener()
  }
}

const NONE: readonly PendingStart[] = []
const pendingBySystem = new WeakMap<System, Set<PendingStart>>()

/** Returns the start functions of a system that have not ended; usually there are none. */
export function pendingStartsOf(system: System): readonly PendingStart[] {
  const pending = pendingBySystem.get(system)
  return pending === undefined || pending.size === 0 ? NONE : [...pending]
}

/**
 * Reports a crash unless a supervisor acts on it. While a start function of a supervisor runs, that supervisor may
 * still adopt the process; so the report waits until the function has ended.
 */
export function reportUnlessAdopted(
  server: { readonly startedIn: readonly PendingStart[]; readonly isSupervised: boolean },
  report: () => void,
): void {
  if (server.isSupervised) return
  const start = server.startedIn.find(({ hasEnded }) => !hasEnded)
  if (start === undefined) report()
  else start.onEnd(() => reportUnlessAdopted(server, report))
}
