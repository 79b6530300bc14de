import type { System } from '../../system/system.ts'

/** Keeps the services of each system that have not ended, and ends them when the system closes. */
export class SystemMembers<T> {
  readonly #bySystem = new WeakMap<System, Set<T>>()
  readonly #close: (member: T) => void

  /** @param close Ends a member whose system closes. */
  constructor(close: (member: T) => void) {
    this.#close = close
  }

  /** Adds a member. The returned function removes it. */
  add(system: System, member: T): () => void {
    let members = this.#bySystem.get(system)
    if (members === undefined) {
      const created = (members = new Set<T>())
      this.#bySystem.set(system, created)
      system.own({
        close: () => {
          for (const each of created) this.#close(each)
        },
      })
    }
    const added = members.add(member)
    return () => void added.delete(member)
  }
}
