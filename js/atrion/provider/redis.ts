import { known, options as checkOptions, positiveMillis, text } from '../../internal/validate.ts'
import { InvalidArgumentError, ProviderError } from '../../errors/errors.ts'
import { type Commands, commandsOf, connectTo, type IoredisLike, type NodeRedisLike } from './redis-client.ts'
import type { Answer, Offer, StateProvider } from './types.ts'
import { answer, command } from './wire.ts'

/** Options of {@link RedisStateProvider}. */
export interface RedisStateProviderOptions {
  /** Begins the names of all keys. Default `'keelson:atrion'`. */
  readonly prefix?: string
  /** A route that nobody writes is forgotten after this, milliseconds. Default 600 000. */
  readonly ttlMs?: number
  /** A connection of its own may take this long to open, milliseconds. Default 2000. */
  readonly connectTimeoutMs?: number
}

const MAX_PREFIX = 256

/**
 * Shares routes' state through Redis 5 or later, or Valkey. Given a URL it opens a client of its own, with `ioredis` or
 * `redis`, whichever is installed; a client of yours stays yours to open and to close.
 *
 * An exchange is one command for up to 256 routes, all in one slot of a cluster.
 *
 * @example
 * ```ts
 * const atrion = new Atrion({ provider: new RedisStateProvider('redis://127.0.0.1:6379') })
 * await atrion.connect()
 * ```
 */
export class RedisStateProvider implements StateProvider {
  readonly name = 'redis'
  readonly maxBatch = 256
  readonly #source: string | Commands
  readonly #prefix: string
  readonly #ttlMs: number
  readonly #connectTimeoutMs: number
  #commands: Commands | undefined
  #opening: AbortController | undefined

  /** @throws InvalidArgumentError naming what is refused. */
  constructor(clientOrUrl: string | IoredisLike | NodeRedisLike, options?: RedisStateProviderOptions) {
    const given = checkOptions('options', options)
    known('options', given, ['prefix', 'ttlMs', 'connectTimeoutMs'])
    this.#source = typeof clientOrUrl === 'string' ? checkedUrl(clientOrUrl) : commandsOf('clientOrUrl', clientOrUrl)
    this.#prefix = given.prefix === undefined ? 'keelson:atrion' : checkedPrefix(given.prefix)
    this.#ttlMs = given.ttlMs === undefined ? 600_000 : positiveMillis('options.ttlMs', given.ttlMs)
    this.#connectTimeoutMs =
      given.connectTimeoutMs === undefined ? 2000 : positiveMillis('options.connectTimeoutMs', given.connectTimeoutMs)
  }

  async connect(): Promise<void> {
    if (this.#commands !== undefined) return
    if (typeof this.#source !== 'string') {
      this.#commands = this.#source
      return
    }
    const opening = new AbortController()
    this.#opening = opening
    const commands = await connectTo(this.#source, this.#connectTimeoutMs, opening.signal)
    if (opening.signal.aborted) await commands.close()
    else this.#commands = commands
  }

  async exchange(offers: readonly Offer[]): Promise<readonly (Answer | undefined)[]> {
    if (this.#commands === undefined) throw new ProviderError(this.name, 'is not connected')
    const reply = await this.#commands.send(command(this.#prefix, this.#ttlMs, offers))
    if (!Array.isArray(reply) || reply.length !== offers.length) {
      throw new ProviderError(this.name, 'answered with something that is no answer')
    }
    return reply.map(answer)
  }

  reset(): void {
    this.#opening?.abort(new ProviderError(this.name, 'took too long to connect'))
    this.#commands?.reset()
  }

  async disconnect(): Promise<void> {
    const commands = this.#commands
    this.#commands = undefined
    this.#opening?.abort(new ProviderError(this.name, 'was disconnected'))
    await commands?.close()
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
