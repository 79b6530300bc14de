// What the service calls: an interface, and a simulated server behind it.
import type { System } from 'keelson/system'

export interface Token {
  readonly value: string
  /** Wall time, in ms: servers and clients agree on dates. */
  readonly expiresAt: number
}

/** A price server of somebody else. */
export interface PriceApi {
  login(): Promise<Token>
  /** @throws Unauthorized for a token that has expired. */
  price(symbol: string, token: Token, signal?: AbortSignal): Promise<number>
}

/** The server refuses the token. */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized'
}

/** How long a token of the simulated server is valid. */
const TOKEN_MS = 15 * 60_000

/** A server in memory, with delays and failures from its system: one seed gives one history. */
export function simulatedApi({ clock, random }: System, failureRate: number): PriceApi {
  let tokens = 0
  return {
    login: async () => {
      await clock.sleep(50)
      return { value: `token-${++tokens}`, expiresAt: clock.now().wallMs + TOKEN_MS }
    },
    price: async (symbol, token, signal) => {
      await clock.sleep(20 + 60 * random.next(), signal ? { signal } : {})
      if (token.expiresAt <= clock.now().wallMs) throw new Unauthorized(token.value)
      if (random.next() < failureRate) throw new Error(`no price for ${symbol}`)
      return 100 + random.int(10)
    },
  }
}
