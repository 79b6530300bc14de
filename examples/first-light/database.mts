import type { Clock, Random } from 'keelson'

/** What a database of `connections`, each busy for `meanMs` with a query, can do in a second. */
export const connections = 8
export const meanMs = 20
export const capacity = (connections * 1000) / meanMs

/**
 * A database that is simulated, with eight connections: queries take an exponential time, and those that find no free connection wait in order
 * of arrival. It has no idea of overload and works for clients that left long ago, as databases do.
 */
export class Database {
  readonly #clock: Clock
  readonly #random: Random
  readonly #meanMs: number
  readonly #freeAt: number[] = Array.from({ length: connections }, () => 0)

  constructor(clock: Clock, random: Random, queryMs: number = meanMs) {
    this.#clock = clock
    this.#random = random
    this.#meanMs = queryMs
  }

  /** Resolves when a query has ended. A database under stress takes `slowdown` times as long. */
  async query(slowdown = 1): Promise<void> {
    const now = this.#clock.monoMs()
    const next = this.#freeAt.indexOf(Math.min(...this.#freeAt))
    const start = Math.max(now, this.#freeAt[next] as number)
    // The connection is free again at the instant its query ends, even if the host's timers tell us a millisecond
    // late: so the capacity is what it claims to be, on any machine.
    const end = start - slowdown * this.#meanMs * Math.log(1 - this.#random.next())
    this.#freeAt[next] = end
    await this.#clock.sleep(end - now)
  }
}
