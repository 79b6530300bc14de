/** That loading failed, remembered in the place of a value. */
export class Failure {
  readonly error: unknown
  /** Whether the loader threw it, instead of a promise that rejected. */
  readonly isThrown: boolean
  constructor(error: unknown, isThrown: boolean) {
    this.error = error
    this.isThrown = isThrown
  }

  /** Fails again, in the way of the first time. */
  again(): Promise<never> {
    if (this.isThrown) throw this.error
    return Promise.reject(this.error)
  }
}

/** What errors call it. */
export const CACHE: { readonly kind: string } = { kind: 'Cache' }
