import { createProjection, type DurableJournal, type Projection } from 'keelson/journal'
import { expect } from 'vitest'

import type { Data, Held } from './log.ts'

/** The `n` of each entry that was applied, in order. */
interface Seen {
  readonly all: readonly number[]
}

const isPoison = (n: number): boolean => n % 13 === 0

/** A projection over all its runs. */
export class Projected {
  projection: Projection<Seen, Data> | undefined
  /** The version that was saved last, and its state then. */
  #saved: { readonly version: number; readonly all: readonly number[] } | undefined
  #version = 1

  async start(journal: DurableJournal<Data>, version: number): Promise<void> {
    if (this.projection?.status === 'running' && this.#version === version) return
    await this.close()
    this.#version = version
    this.projection = await createProjection<Seen, Data>({
      journal,
      name: 'seen',
      version,
      saveEvery: 3,
      init: () => ({ all: [] }),
      apply: ({ all }, { n }) => {
        if (isPoison(n)) throw new Error(`poison ${n}`)
        return { all: [...all, n] }
      },
      onParked: ({ data: { n } }) => void expect(isPoison(n)).toBe(true),
    })
  }

  /** Checks a projection that has caught up. */
  check(held: readonly Held[], next: number): void {
    const { projection } = this
    const all = projection?.state.all ?? []
    expect(projection).toMatchObject({ status: 'running', lag: 0, nextSequence: next })
    for (const [index, n] of all.entries()) expect(n, 'applied twice').toBeGreaterThan(all[index - 1] ?? -1)
    const known = new Set(all)
    expect(
      held.filter(({ n }) => !isPoison(n) && !known.has(n)),
      'left out',
    ).toEqual([])
    if (this.#saved?.version === this.#version) {
      expect(all.slice(0, this.#saved.all.length), 'begun anew').toEqual(this.#saved.all)
    }
    this.#saved = { version: this.#version, all }
  }

  /** Builds the state again. Appends may arrive meanwhile. */
  async rebuild(meanwhile: () => Promise<unknown>): Promise<void> {
    const rebuilt = this.projection?.rebuild()
    await meanwhile()
    await rebuilt
    this.#saved = undefined
  }

  /** Checks that a state which was built again has nothing that had gone before. */
  checkRebuilt(first: number): void {
    expect(this.projection?.state.all[0] ?? first, 'of a time before').toBeGreaterThanOrEqual(first)
  }

  async close(): Promise<void> {
    await this.projection?.close()
    this.projection = undefined
  }
}
