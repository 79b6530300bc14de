import { InvalidArgumentError } from '../../errors/errors.ts'
import { ProviderError } from '../errors.ts'
import { lazy } from '../../internal/lazy.ts'
import { known, options as checkOptions, positiveMillis, text } from '../../internal/validate.ts'
import type * as RedisClientModule from './redis-client.ts'
import type { IoredisLike, NodeRedisLike, RedisConnection } from './redis-client.ts'
import type { ProviderAnswer, ProviderOffer, StateProvider } from './types.ts'
import { command, parseAnswer } from './wire.ts'

const clients = lazy(() => require('./redis-client.ts') as typeof RedisClientModule)

/** Options of {@link RedisStateProvider}. */
export interface RedisStateProviderOptions {
  /** The prefix of all keys, at most 256 characters without braces. Default `'keelson:atrion'`. */
  readonly prefix?: string
  /** Time after which a route without writes is forgotten, in milliseconds. Default 600 000. */
  readonly ttlMs?: number
  /** Longest time to open a connection for a URL, in milliseconds. Default 2000. */
  readonly connectTimeoutMs?: number
}

const MAX_PREFIX = 256

/**
 * Shares routes' state through Redis 5 or later, or Valkey.
 *
 * For a URL it opens a client, with `ioredis` or `redis`, whichever is installed, and closes it at the end. It never
 * opens or closes a client that you pass. An exchange is one command for up to 256 routes, all in one slot of a
 * cluster.
 *
 * @example
 * ```ts
 * const atrion = new Atrion({ provider: new RedisStateProvider('redis://127.0.0.1:6379') })
 * await atrion.connect()
 * ```
 */
export class RedisStateProvider implements StateProvider {
  /** `'RedisStateProvider'`. */
  readonly name = 'RedisStateProvider'
  /** 256 routes. */
  readonly maxBatch = 256
  readonly #source: string | RedisConnection
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #connectTimeoutMs: number
  #connection: RedisConnection | undefined
  #opening: AbortController | undefined

  /**
   * @param clientOrUrl A `redis://` or `rediss://` URL, or a client of ioredis or node-redis.
   * @throws InvalidArgumentError naming the argument or option that is refused.
   */
  constructor(clientOrUrl: string | IoredisLike | NodeRedisLike, options?: RedisStateProviderOptions) {
    const opts = checkOptions('options', options)
    known('options', opts, ['prefix', 'ttlMs', 'connectTimeoutMs'])
    this.#source =
      typeof clientOrUrl === 'string' ? checkedUrl(clientOrUrl) : clients().wrapClient('clientOrUrl', clientOrUrl)
    this.#prefix = opts.prefix === undefined ? 'keelson:atrion' : checkedPrefix(opts.prefix)
    this.#ttlMs = opts.ttlMs === undefined ? 600_000 : positiveMillis('options.ttlMs', opts.ttlMs)
    this.#connectTimeoutMs =
      opts.connectTimeoutMs === undefined ? 2000 : positiveMillis('options.connectTimeoutMs', opts.connectTimeoutMs)
  }

  /** Opens the client of a URL. Rejects with DependencyMissingError when neither library is installed. */
  async connect(): Promise<void> {
    if (this.#connection !== undefined) return
    if (typeof this.#source !== 'string') {
      this.#connection = this.#source
      return
    }
    const opening = new AbortController()
    this.#opening = opening
    const connection = await clients().connectTo(
      this.#source,
      this.#connectTimeoutMs,
      opening.signal,
      'RedisStateProvider',
    )
    if (opening.signal.aborted) await connection.close()
    else this.#connection = connection
  }

  /** Writes and reads states. Rejects when Redis cannot be reached or refuses. */
  async exchange(offers: readonly ProviderOffer[]): Promise<readonly (ProviderAnswer | undefined)[]> {
    if (this.#connection === undefined) throw new ProviderError(this.name, 'is not connected')
    const reply = await this.#connection.send(command(this.#prefix, this.#ttlMs, offers))
    if (!Array.isArray(reply) || reply.length !== offers.length) {
      throw new ProviderError(this.name, 'answered with something that is no answer')
    }
    return reply.map(parseAnswer)
  }

  /** Gives up what is under way. */
  reset(): void {
    this.#opening?.abort(new ProviderError(this.name, 'took too long to connect'))
    this.#connection?.reset()
  }

  /** Closes the client of a URL. */
  async disconnect(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    this.#opening?.abort(new ProviderError(this.name, 'was disconnected'))
    await connection?.close()
  }
}

function checkedUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol === 'redis:' || parsed?.protocol === 'rediss:') return url
  throw new InvalidArgumentError(
    'clientOrUrl',
    'a redis:// or rediss:// URL, an ioredis client or a node-redis client',
    url,
  )
}

function checkedPrefix(prefix: unknown): string {
  const checked = text('options.prefix', prefix)
  if (checked.length <= MAX_PREFIX && !/[{}]/.test(checked)) return checked
  throw new InvalidArgumentError('options.prefix', `at most ${MAX_PREFIX} characters without braces`, prefix)
}
