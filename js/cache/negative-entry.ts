/** The failure of a load, stored in the place of a value (negative caching). */
export class NegativeEntry {
  readonly error: unknown
  /** True if the loader threw the error; false if its promise rejected. */
  readonly wasThrown: boolean
  constructor(error: unknown, wasThrown: boolean) {
    this.error = error
    this.wasThrown = wasThrown
  }

  /** Throws or rejects with the error, as the loader did. */
  again(): Promise<never> {
    if (this.wasThrown) throw this.error
    return Promise.reject(this.error)
  }
}

/** The kind of process, for the messages of errors. */
export const CACHE_KIND: { readonly kind: string } = { kind: 'Cache' }
