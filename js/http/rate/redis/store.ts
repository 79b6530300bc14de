/** A store of rate limits in Redis, with a limiter in memory for the time in which Redis is away. */
import { limitOn } from '../../../clock/internal-timers.ts'
import { ClosedError, InvalidArgumentError } from '../../../errors/errors.ts'
import { deferred } from '../../../internal/deferred.ts'
import { integer, known, object, options as checkOptions, positiveMillis, text } from '../../../internal/validate.ts'
import { RateLimitStoreError } from '../../../rate/errors.ts'
import { Limiter } from '../../../rate/limiter.ts'
import { resolveSystem } from '../../../system/default.ts'
import type { System } from '../../../system/system.ts'
import { storedKey } from '../../key-digest.ts'
import type { RateLimitStoreSetup, RateLimitCount } from '../store.ts'
import { type CommandSender, senderFor } from './connection.ts'
import { Outage } from './outage.ts'
import { runScript, type ScriptAction, type ScriptAnswer } from './script.ts'

/** Options of {@link redisRateLimitStore}. The limit and the window are options of the middleware. */
export interface RedisRateLimitStoreOptions {
  /** The prefix of all keys, at most 256 characters. Limits that share it share their quotas. Default `'keelson:rate:'`. */
  readonly prefix?: string | undefined
  /** The longest time that a command may take, in milliseconds, above 0. Default 500. */
  readonly timeoutMs?: number | undefined
  /** The longest time between two attempts while Redis is away, in milliseconds, above 0. Default 5000. */
  readonly maxBackoffMs?: number | undefined
  /** The longest time to open a connection for a URL, in milliseconds, above 0. Default 2000. */
  readonly connectTimeoutMs?: number | undefined
  /**
   * The limit of the limiter in memory, which decides while Redis is away: an integer from 1. With several processes, a
   * share of the limit for each. Default: the limit of the middleware.
   */
  readonly insuranceLimit?: number | undefined
  /** The system whose clock times commands and whose `onError` hears of an outage. Default: the default system. */
  readonly system?: System
}

const OPTIONS = ['prefix', 'timeoutMs', 'maxBackoffMs', 'connectTimeoutMs', 'insuranceLimit', 'system'] as const
const MAX_PREFIX = 256
const MAX_LIMIT = 1e9
/** The longest window in milliseconds, so that times in microseconds are exact in Redis: about 30 years. */
const MAX_WINDOW_MS = 1e12

/**
 * A store for `rateLimit`, and for the middleware of express-rate-limit. Created by {@link redisRateLimitStore}. The
 * middleware calls its methods.
 */
export class RedisRateLimitStore {
  /** False: other processes count the same keys. */
  readonly localKeys: boolean = false
  /** The prefix of all keys. */
  readonly prefix: string
  readonly #sender: CommandSender
  readonly #timeoutMs: number
  readonly #outage: Outage
  readonly #insuranceLimit: number | undefined
  readonly #system: System
  readonly #disown: () => void
  #limit = 0
  #windowMs = 0
  #insurance: Limiter | undefined
  /** Until then the limiter in memory must admit too: Redis does not know what was admitted while it was away. */
  #insuredUntil = -Infinity
  /** The requests of each key that Redis has not answered. */
  readonly #inFlight = new Map<string, number>()
  #closed = false

  /** @internal */
  constructor(clientOrUrl: unknown, options: RedisRateLimitStoreOptions | undefined) {
    const opts = checkOptions('options', options)
    known('options', opts, OPTIONS)
    const millis = (name: 'timeoutMs' | 'maxBackoffMs' | 'connectTimeoutMs', fallback: number): number =>
      opts[name] === undefined ? fallback : positiveMillis(`options.${name}`, opts[name])
    this.prefix = opts.prefix === undefined ? 'keelson:rate:' : checkedPrefix(opts.prefix)
    this.#timeoutMs = millis('timeoutMs', 500)
    this.#outage = new Outage(millis('maxBackoffMs', 5000))
    this.#insuranceLimit =
      opts.insuranceLimit === undefined
        ? undefined
        : integer('options.insuranceLimit', 1, MAX_LIMIT, opts.insuranceLimit)
    this.#sender = senderFor(clientOrUrl, millis('connectTimeoutMs', 2000))
    this.#system = resolveSystem(opts.system)
    this.#disown = this.#system.own({ close: () => this.shutdown() })
  }

  /**
   * Takes the limit and the window of the middleware.
   *
   * @throws InvalidArgumentError for a limit that is a function, a window above 10^12 ms, or a store that counts for
   * another limit.
   */
  init(setup: RateLimitStoreSetup): void {
    const { limit, windowMs } = object<RateLimitStoreSetup>('options', setup)
    if (typeof limit !== 'number') {
      throw new InvalidArgumentError('options.limit', 'a number beside a store', limit)
    }
    integer('options.limit', 0, MAX_LIMIT, limit)
    if (!(windowMs >= 1 && windowMs <= MAX_WINDOW_MS)) {
      throw new InvalidArgumentError(
        'options.windowMs',
        `a number of milliseconds from 1 to ${MAX_WINDOW_MS}`,
        windowMs,
      )
    }
    if (this.#closed) throw new ClosedError('the store')
    if (this.#insurance !== undefined) {
      if (limit === this.#limit && windowMs === this.#windowMs) return
      throw new InvalidArgumentError('options.store', 'a store of its own: this one counts for another limit', this)
    }
    this.#limit = limit
    this.#windowMs = windowMs
    const maxRequests = Math.max(Math.min(this.#insuranceLimit ?? limit, limit), 1)
    this.#insurance = new Limiter({ maxRequests, windowMs, system: this.#system })
  }

  /** Counts a request of a key. A refused request takes nothing. */
  async increment(key: string): Promise<RateLimitCount> {
    const insurance = this.#open()
    if (this.#limit === 0) return this.#answer(1, this.#windowMs)
    const stored = storedKey(key)
    const refusal = this.#isInsured ? this.#refusal(insurance, stored) : undefined
    if (refusal !== undefined) {
      // Finds out whether Redis is back, also while nothing is admitted.
      if (this.#outage.isAway) void this.#ask('look', stored)
      return refusal
    }
    this.#inFlight.set(stored, (this.#inFlight.get(stored) ?? 0) + 1)
    const answer = await this.#ask('take', stored)
    const left = (this.#inFlight.get(stored) ?? 1) - 1
    if (left > 0) this.#inFlight.set(stored, left)
    else this.#inFlight.delete(stored)
    if (this.#closed) throw new ClosedError('the store')
    if (answer?.allowed === false) return this.#counted(answer)
    if (answer === undefined || this.#isInsured) {
      const late = this.#refusal(insurance, stored)
      if (late !== undefined) return late
    }
    // The limiter in memory learns of what Redis admitted, so that it knows of it when Redis goes away.
    const { remaining, resetMs } = insurance.penalty(stored)
    return answer === undefined ? this.#answer(Math.max(this.#limit - remaining, 1), resetMs) : this.#counted(answer)
  }

  /** True while the limiter in memory must admit a request: Redis is away, or was in the last window. */
  get #isInsured(): boolean {
    return this.#outage.isAway || this.#system.clock.monoMs() < this.#insuredUntil
  }

  /**
   * Returns the answer for a request that the limiter in memory refuses. Requests that Redis has not answered yet count as
   * admitted.
   */
  #refusal(insurance: Limiter, stored: string): RateLimitCount | undefined {
    const cost = 1 + (this.#inFlight.get(stored) ?? 0)
    const { allowed, retryAfterMs } = insurance.check(stored, Math.min(cost, insurance.limit))
    if (allowed && cost <= insurance.limit) return undefined
    return this.#answer(this.#limit + 1, Math.max(retryAfterMs, 1))
  }

  #counted({ allowed, remaining, retryUs, resetUs }: ScriptAnswer): RateLimitCount {
    return allowed
      ? this.#answer(this.#limit - remaining, Math.ceil(resetUs / 1000))
      : this.#answer(this.#limit + 1, Math.ceil(retryUs / 1000))
  }

  /** Gives back the last request of a key, which the middleware does not count after all. */
  async decrement(key: string): Promise<void> {
    const stored = storedKey(key)
    this.#open().reward(stored)
    await this.#ask('give', stored)
  }

  /** Returns the counts of a key. `undefined` for a key that is not known, and while Redis is away. */
  async get(key: string): Promise<RateLimitCount | undefined> {
    this.#open()
    const answer = await this.#ask('look', storedKey(key))
    if (answer === undefined || answer.resetUs === 0) return undefined
    return this.#answer(this.#limit - answer.remaining, Math.ceil(answer.resetUs / 1000))
  }

  /** Forgets a key, so that its quota is whole again. */
  async resetKey(key: string): Promise<void> {
    const stored = storedKey(key)
    this.#open().reset(stored)
    await this.#send(() => this.#sender.send(['DEL', this.prefix + stored]))
  }

  /** Closes the client of a URL and the limiter in memory. Later requests are not counted. */
  async shutdown(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#disown()
    this.#insurance?.close()
    await this.#sender.close()
  }

  #open(): Limiter {
    if (this.#closed) throw new ClosedError('the store')
    if (this.#insurance === undefined) throw new ClosedError('the store: no middleware has opened it, so it')
    return this.#insurance
  }

  #ask(action: ScriptAction, stored: string): Promise<ScriptAnswer | undefined> {
    const windowUs = Math.round(this.#windowMs * 1000)
    const key = this.prefix + stored
    return this.#send(() => runScript(this.#sender.send, key, action, windowUs, this.#limit, 1))
  }

  /** Runs a command under the deadline. Resolves with `undefined` when Redis is away. */
  async #send<T>(run: () => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#system
    if (!this.#outage.mayAsk(clock.monoMs())) return undefined
    const late = deferred<never>()
    const timer = limitOn(clock, this.#timeoutMs, 'a command of redisRateLimitStore', () =>
      late.reject(new RateLimitStoreError(`Redis did not answer within ${this.#timeoutMs} ms`)),
    )
    try {
      const result = await Promise.race([run(), late.promise])
      if (this.#outage.succeeded()) this.#insuredUntil = clock.monoMs() + this.#windowMs
      return result
    } catch (error) {
      if (this.#closed) return undefined
      if (this.#outage.failed(clock.monoMs())) this.#report(error)
      return undefined
    } finally {
      timer.cancel()
    }
  }

  #report(cause: unknown): void {
    const error =
      cause instanceof RateLimitStoreError ? cause : new RateLimitStoreError('Redis did not count a request', cause)
    this.#system.report(error, 'redisRateLimitStore: requests are counted in memory')
  }

  #answer(totalHits: number, afterMs: number): RateLimitCount {
    return { totalHits, resetTime: new Date(this.#system.clock.now().wallMs + afterMs) }
  }
}

function checkedPrefix(prefix: unknown): string {
  const checked = text('options.prefix', prefix)
  if (checked.length <= MAX_PREFIX) return checked
  throw new InvalidArgumentError('options.prefix', `at most ${MAX_PREFIX} characters`, prefix)
}
