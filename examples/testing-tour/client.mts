// The client: it logs in when it must, and tries again when that may help.
import { type Policy, retry, schedule, timeout, wrap } from 'keelson/effect'
import type { System } from 'keelson/system'

import { type PriceApi, type Token, Unauthorized } from './api.mjs'

/** A token is refreshed this long before it expires, so that none expires on its way. */
const REFRESH_BEFORE_MS = 30_000

export class PriceClient {
  readonly #api: PriceApi
  readonly #system: System
  readonly #policy: Policy
  #token: Token | undefined
  #login: Promise<Token> | undefined

  constructor(api: PriceApi, system: System) {
    this.#api = api
    this.#system = system
    this.#policy = wrap(
      retry({ system, maxAttempts: 3, backoff: schedule.exponential({ initialMs: 200, jitter: 'full' }) }),
      timeout(2000, { system }), // of each try
    )
  }

  /** Resolves with the price now. Rejects with the last error after three tries. */
  price(symbol: string): Promise<number> {
    return this.#policy.execute(async ({ signal }) => {
      const token = await this.#freshToken()
      try {
        return await this.#api.price(symbol, token, signal)
      } catch (error) {
        if (error instanceof Unauthorized) this.#token = undefined
        throw error
      }
    })
  }

  /** Requests that come together share one login. */
  #freshToken(): Token | Promise<Token> {
    const now = this.#system.clock.now().wallMs
    if (this.#token !== undefined && this.#token.expiresAt - REFRESH_BEFORE_MS > now) return this.#token
    this.#login ??= this.#logIn().finally(() => (this.#login = undefined))
    return this.#login
  }

  async #logIn(): Promise<Token> {
    this.#token = await this.#api.login()
    return this.#token
  }
}
