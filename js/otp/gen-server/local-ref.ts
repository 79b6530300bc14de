import type { GenServerRef } from './types.ts'

/** A ref of this environment. It shows an id; the process behind it is out of the user's reach. */
export class LocalRef implements GenServerRef {
  readonly id: string
  readonly #process: unknown

  constructor(id: string, process: unknown) {
    this.id = id
    this.#process = process
  }

  /** Returns the process of a ref that was made here, and `undefined` for anything else. */
  static find(ref: unknown): unknown {
    return typeof ref === 'object' && ref !== null && #process in ref ? ref.#process : undefined
  }
}
