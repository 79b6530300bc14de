import { InvalidArgumentError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'
import { promiseOf } from '../internal/thenable.ts'
import { PropertyError } from './errors.ts'

/** The properties of a run. */
export class Properties {
  readonly #invariants = new Map<string, () => boolean>()
  readonly #sometimes: Map<string, boolean>

  /** @param sometimes Whether each `sometimes` has held in any run so far. */
  constructor(sometimes: Map<string, boolean>) {
    this.#sometimes = sometimes
  }

  invariant(name: string, holds: () => boolean): void {
    if (this.#invariants.has(name)) throw new InvalidArgumentError('name', 'a name that is not taken', name)
    this.#invariants.set(name, holds)
  }

  sometimes(name: string, holds: boolean): void {
    this.#sometimes.set(name, holds || this.#sometimes.get(name) === true)
  }

  /** @throws PropertyError for the first invariant that does not hold. */
  check(atMs: number): void {
    for (const [name, holds] of this.#invariants) {
      let result: unknown
      try {
        result = holds()
      } catch (error) {
        throw new PropertyError('invariant', name, atMs, `the invariant "${name}" failed: ${textOf(error)}`, error)
      }
      if (result === true) continue
      if (promiseOf(result) !== undefined)
        throw new InvalidArgumentError('holds', 'a function that returns true or false, not a promise', result)
      throw new PropertyError('invariant', name, atMs, `the invariant "${name}" does not hold`)
    }
  }
}

/** Returns the error for a `sometimes` that has held in none of so many runs, if there is one. */
export function neverHeld(sometimes: ReadonlyMap<string, boolean>, runs: number): PropertyError | undefined {
  const missing = [...sometimes].find(([, held]) => !held)
  if (missing === undefined) return undefined
  const [name] = missing
  const message = `"${name}" held in none of ${runs} runs: the runs do not reach what it is about`
  return new PropertyError('sometimes', name, 0, message)
}
