import type { Clock, Random } from 'keelson'

/** Slow enough that a busy machine can offer twice its capacity and still keep time. */
export const connections = 8
export const meanMs = 60
export const capacity = (connections * 1000) / meanMs

/** Eight connections with one line before them, exponential times; what was begun is finished, whoever waits for it. */
export class Database {
  readonly #clock: Clock
  readonly #random: Random
  readonly #freeAt: number[] = Array.from({ length: connections }, () => 0)

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  async query(): Promise<void> {
    const now = this.#clock.monoMs()
    const next = this.#freeAt.indexOf(Math.min(...this.#freeAt))
    const end = Math.max(now, this.#freeAt[next] as number) - meanMs * Math.log(1 - this.#random.next())
    this.#freeAt[next] = end
    await this.#clock.sleep(end - now)
  }
}
