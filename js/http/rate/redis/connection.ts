/** Commands to Redis, by a client of the user's or one that is opened for a URL. */
import type * as RedisClientModule from '../../../atrion/provider/redis-client.ts'
import type { IoredisLike, NodeRedisLike, RedisConnection } from '../../../atrion/provider/redis-client.ts'
import { InvalidArgumentError } from '../../../errors/errors.ts'
import { lazy } from '../../../internal/lazy.ts'
import { fieldOf } from '../../../internal/validate.ts'
import type { Send } from './script.ts'

const clients = lazy(() => require('../../../atrion/provider/redis-client.ts') as typeof RedisClientModule)

const EXPECTED = 'a redis:// or rediss:// URL, an ioredis client or a node-redis client'

/** Sends commands, and ends what was opened for them. */
export interface CommandSender {
  /** Sends a command. The first one opens the connection of a URL. */
  readonly send: Send
  /** Closes the client of a URL. Never rejects. */
  close(): Promise<void>
}

/** The user closes its own client. */
const close = async (): Promise<void> => {}

/** Returns what sends commands to a client or a URL. Throws InvalidArgumentError for anything else. */
export function senderFor(clientOrUrl: unknown, connectTimeoutMs: number): CommandSender {
  if (typeof clientOrUrl === 'string') {
    const { protocol } = URL.canParse(clientOrUrl) ? new URL(clientOrUrl) : { protocol: '' }
    if (protocol === 'redis:' || protocol === 'rediss:') return new UrlSender(clientOrUrl, connectTimeoutMs)
    throw new InvalidArgumentError('clientOrUrl', EXPECTED, clientOrUrl)
  }
  const [call, sendCommand] = [fieldOf(clientOrUrl, 'call'), fieldOf(clientOrUrl, 'sendCommand')]
  // ioredis has a `sendCommand` as well, which takes something else.
  if (typeof call === 'function') {
    const client = clientOrUrl as IoredisLike
    return { send: async ([name, ...args]) => client.call(name as string, ...args), close }
  }
  if (typeof sendCommand === 'function') {
    const client = clientOrUrl as NodeRedisLike
    return { send: async (command) => client.sendCommand(command), close }
  }
  throw new InvalidArgumentError('clientOrUrl', EXPECTED, clientOrUrl)
}

/** Opens a client for a URL with the first command, and again after an opening that failed. */
class UrlSender implements CommandSender {
  readonly #url: string
  readonly #connectTimeoutMs: number
  readonly #closing = new AbortController()
  #connection: Promise<RedisConnection> | undefined

  constructor(url: string, connectTimeoutMs: number) {
    this.#url = url
    this.#connectTimeoutMs = connectTimeoutMs
  }

  readonly send: Send = async (command) => {
    const opening = (this.#connection ??= clients().connectTo(
      this.#url,
      this.#connectTimeoutMs,
      this.#closing.signal,
      'redisRateLimitStore',
    ))
    let connection: RedisConnection
    try {
      connection = await opening
    } catch (error) {
      if (this.#connection === opening) this.#connection = undefined
      throw error
    }
    return connection.send(command)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    const opening = this.#connection
    this.#connection = undefined
    await opening?.then(
      (connection) => connection.close(),
      () => undefined,
    )
  }
}
