import type { GenServerRef } from './types.ts'

/** A ref of this environment: an id, and out of reach of users, the process. */
export class LocalRef implements GenServerRef {
  readonly id: string
  readonly #process: unknown

  constructor(id: string, process: unknown) {
    this.id = id
    this.#process = process
  }

  /** The process of a ref that was made here; `undefined` for anything else. */
  static processOf(ref: unknown): unknown {
    return typeof ref === 'object' && ref !== null && #process in ref ? ref.#process : undefined
  }
}
