import type { System } from '../../system/system.ts'

/** A start function of a supervisor that has not ended. */
export class UnderWay {
  readonly #open: Set<UnderWay>
  readonly #told: (() => void)[] = []
  isOver = false

  constructor(system: System) {
    let open = opens.get(system)
    if (open === undefined) opens.set(system, (open = new Set()))
    this.#open = open
    open.add(this)
  }

  whenOver(told: () => void): void {
    this.#told.push(told)
  }

  /** It has led to a process, or to nothing. */
  over(): void {
    this.isOver = true
    this.#open.delete(this)
    for (const told of this.#told.splice(0)) told()
  }
}

const NONE: readonly UnderWay[] = []
const opens = new WeakMap<System, Set<UnderWay>>()

/** Those that have not ended, of which there is mostly none. */
export function startsUnderWay(system: System): readonly UnderWay[] {
  const open = opens.get(system)
  return open === undefined || open.size === 0 ? NONE : [...open]
}

/**
 * Reports a crash that nobody acts on. One that came during a start function of a supervisor may be that supervisor's to
 * act on, which it knows when the function has ended: an error has one owner.
 */
export function unlessAdopted(
  server: { readonly startedIn: readonly UnderWay[]; readonly isSupervised: boolean },
  report: () => void,
): void {
  if (server.isSupervised) return
  const start = server.startedIn.find(({ isOver }) => !isOver)
  if (start === undefined) report()
  else start.whenOver(() => unlessAdopted(server, report))
}
