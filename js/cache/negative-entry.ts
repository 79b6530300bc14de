/** The failure of a load, stored in the place of a value (negative caching). */
export class Failure {
  readonly error: unknown
  /** True if the loader threw the error; false if its promise rejected. */
  readonly isThrown: boolean
  constructor(error: unknown, isThrown: boolean) {
    this.error = error
    this.isThrown = isThrown
  }

  /** Throws or rejects with the error, as the loader did. */
  again(): Promise<never> {
    if (this.isThrown) throw this.error
    return Promise.reject(this.error)
  }
}

/** The kind of process, for the messages of errors. */
export const CACHE: { readonly kind: string } = { kind: 'Cache' }
