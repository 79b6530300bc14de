// What clients saw, and whether a cache may behave like that: each key must be one register that all clients share.
import { compare, type Version } from './protocol.mjs'

/** An operation that has ended. Starts and ends are numbers in the order of things, not times. */
export interface Seen {
  readonly key: string
  readonly kind: 'read' | 'write'
  readonly version: Version
  readonly value: unknown
  readonly start: number
  readonly end: number
}

/** Keeps what clients do with values that are all different. */
export class History {
  readonly #seen: Seen[] = []
  /** The values that somebody has tried to write. */
  readonly #tried = new Set<unknown>([undefined])
  #order = 0
  /** Operations that failed, so that nobody knows their outcome. */
  unknown = 0

  get operations(): number {
    return this.#seen.length
  }

  /** Runs an operation and keeps what came of it. */
  async run(
    key: string,
    kind: Seen['kind'],
    value: unknown,
    work: () => Promise<{ readonly version: Version; readonly value?: unknown }>,
  ): Promise<void> {
    const start = this.#order++
    if (kind === 'write') this.#tried.add(value)
    try {
      const result = await work()
      const known = kind === 'write' ? value : result.value
      this.#seen.push({ key, kind, version: result.version, value: known, start, end: this.#order++ })
    } catch {
      this.unknown += 1
    }
  }

  /** Returns a sentence for each thing that must not be. */
  faults(): string[] {
    const faults: string[] = []
    const values = new Map<string, unknown>()
    for (const { key, version, value } of this.#seen) {
      const id = JSON.stringify([key, version])
      if (!this.#tried.has(value)) faults.push(`${key} had ${String(value)}, which nobody wrote`)
      else if (values.has(id) && values.get(id) !== value) faults.push(`${key} had two values of one version`)
      values.set(id, value)
    }
    for (const key of new Set(this.#seen.map((seen) => seen.key))) {
      const ofKey = this.#seen.filter((seen) => seen.key === key)
      const ended = ofKey.toSorted((a, b) => a.end - b.end)
      // The newest version of the operations that had ended when the next one began.
      let newest: Seen | undefined
      let next = 0
      for (const later of ofKey.toSorted((a, b) => a.start - b.start)) {
        for (let seen = ended[next]; seen !== undefined && seen.end < later.start; seen = ended[(next += 1)]) {
          if (newest === undefined || compare(seen.version, newest.version) > 0) newest = seen
        }
        if (newest === undefined) continue
        const order = compare(later.version, newest.version)
        const what = `${key}: a ${later.kind} of ${later.version} after a ${newest.kind} of ${newest.version}`
        if (order < 0) faults.push(`${what}, which is lost`)
        else if (order === 0 && later.kind === 'write') faults.push(`${what}, with the same version`)
      }
    }
    return faults
  }
}
