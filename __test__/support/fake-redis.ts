/** A Redis of one process that knows the script of rate limits by what it means, and can fail in every way. */
import type { ControlledClock } from 'keelson'

/** How a fake Redis answers: as it should, never, after a time, with an error, or with nonsense. */
export type FakeMode = 'well' | 'lost' | 'slow' | 'error' | 'nonsense'

/** A client as of ioredis, with a list of the admissions of each key behind it. */
export class FakeRedis {
  mode: FakeMode = 'well'
  /** The commands that arrived. */
  calls = 0
  slowMs = 50
  readonly #clock: ControlledClock
  readonly #keys = new Map<string, number[]>()
  #knowsScript = false

  constructor(clock: ControlledClock) {
    this.#clock = clock
  }

  disconnect(): void {}

  async call(command: string, ...args: string[]): Promise<unknown> {
    this.calls++
    const { mode } = this
    if (mode === 'error') throw new Error('connection lost')
    if (mode === 'nonsense') return ['1', 'x']
    if (mode === 'lost') return new Promise(() => {})
    const answer = this.#run(command, args)
    if (mode === 'slow') await this.#clock.sleep(this.slowMs)
    return answer
  }

  /** Returns how many points of a key count now. */
  used(key: string, windowMs: number): number {
    const now = this.#clock.monoMs()
    return (this.#keys.get(key) ?? []).filter((at) => at > now - windowMs).length
  }

  #run(command: string, args: string[]): unknown {
    if (command === 'DEL') return Number(this.#keys.delete(args[0] as string))
    if (command === 'EVALSHA' && !this.#knowsScript) throw new Error('NOSCRIPT No matching script.')
    this.#knowsScript = true
    const [, , key, action, window, limit, cost] = args as [string, string, string, string, string, string, string]
    const now = this.#clock.monoMs()
    const windowMs = Number(window) / 1000
    const taken = (this.#keys.get(key) ?? []).filter((at) => at > now - windowMs)
    this.#keys.set(key, taken)
    const missing = taken.length + Number(cost) - Number(limit)
    let retry = 0
    if (action === 'take' && missing > 0) retry = (taken[missing - 1] as number) + windowMs - now
    else if (action === 'take') for (let point = 0; point < Number(cost); point++) taken.push(now)
    else if (action === 'give') taken.length = Math.max(taken.length - Number(cost), 0)
    const reset = taken.length === 0 ? 0 : (taken.at(-1) as number) + windowMs - now
    const micros = (ms: number): string => String(Math.round(ms * 1000))
    return [retry === 0 ? 1 : 0, String(Math.max(Number(limit) - taken.length, 0)), micros(retry), micros(reset)]
  }
}
