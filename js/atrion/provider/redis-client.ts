import type * as IoredisModule from 'ioredis'
import type * as NodeRedisModule from 'redis'

import { fieldOf } from '../../internal/validate.ts'
import { DependencyMissingError, InvalidArgumentError, ProviderError } from '../../errors/errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'

/** An ioredis client: what is used of it. */
export interface IoredisLike {
  call(command: string, ...args: string[]): Promise<unknown>
  disconnect(reconnect?: boolean): void
}

/** A node-redis client: what is used of it. */
export interface NodeRedisLike {
  sendCommand(args: string[]): Promise<unknown>
}

/** What the provider needs of a client, whichever it is. */
export interface Commands {
  /** Rejects when the server cannot be reached, or refuses. */
  send(command: string[]): Promise<unknown>
  /** Gives up what is under way, where the client is the provider's own. */
  reset(): void
  close(): Promise<void>
}

type Ioredis = Pick<typeof IoredisModule, 'Redis'>
type NodeRedis = Pick<typeof NodeRedisModule, 'createClient'>

/**
 * A client that somebody else opened, and closes. What it does not answer cannot be called back, so there is one
 * command at a time: a server that hangs gathers none.
 */
export function commandsOf(field: string, client: unknown): Commands {
  const [call, sendCommand] = [fieldOf(client, 'call'), fieldOf(client, 'sendCommand')]
  let waiting = false
  const alone = async (send: () => Promise<unknown>): Promise<unknown> => {
    if (waiting) throw new ProviderError('redis', 'has not answered what it was asked before')
    waiting = true
    try {
      return await send()
    } finally {
      waiting = false
    }
  }
  const nothing = { reset: () => {}, close: async () => {} }
  // ioredis has a `sendCommand` as well, which takes something else.
  if (typeof call === 'function') {
    const ioredis = client as IoredisLike
    return { send: ([name, ...args]) => alone(() => ioredis.call(name as string, ...args)), ...nothing }
  }
  if (typeof sendCommand === 'function') {
    const redis = client as NodeRedisLike
    return { send: (command) => alone(() => redis.sendCommand(command)), ...nothing }
  }
  throw new InvalidArgumentError(field, 'a redis:// or rediss:// URL, an ioredis client or a node-redis client', client)
}

/**
 * A client of our own for a URL, with whichever library is installed; it is ready, or this rejects and nothing is left.
 * Connecting again later is the library's work.
 */
export async function connectTo(url: string, connectTimeoutMs: number, signal: AbortSignal): Promise<Commands> {
  const causes: unknown[] = []
  const ioredis = await optional<Ioredis>(() => import('ioredis'), causes)
  if (ioredis !== undefined) return withIoredis(ioredis, url, connectTimeoutMs, signal)
  const redis = await optional<NodeRedis>(() => import('redis'), causes)
  if (redis !== undefined) return withNodeRedis(redis, url, connectTimeoutMs, signal)
  throw new DependencyMissingError('RedisStateProvider with a URL', ['ioredis', 'redis'], causes[0])
}

async function optional<T>(load: () => Promise<T>, causes: unknown[]): Promise<T | undefined> {
  try {
    return await load()
  } catch (error) {
    causes.push(error)
    return undefined
  }
}

const retryDelay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 7), 2000)
// Each failure reaches the caller of a command; without a listener the clients would end the process.
const heard = (): void => {}

interface Emitter {
  once(event: 'ready' | 'error', listener: (error?: unknown) => void): unknown
}

/** Settles with the client's first word; on a failure the client is ended. */
async function ready(client: Emitter, end: () => void, signal: AbortSignal): Promise<void> {
  const first = new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve())
    client.once('error', reject)
    whenAborted(signal, reject)
  })
  try {
    await first
  } catch (error) {
    end()
    throw error
  }
}

async function withIoredis(
  ioredis: Ioredis,
  url: string,
  connectTimeout: number,
  signal: AbortSignal,
): Promise<Commands> {
  const client = new ioredis.Redis(url, {
    connectTimeout,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelay,
  })
  client.on('error', heard)
  await ready(client, () => client.disconnect(), signal)
  return {
    send: ([name, ...args]) => client.call(name as string, ...args),
    reset: () => client.disconnect(true),
    close: async () => client.disconnect(),
  }
}

async function withNodeRedis(
  redis: NodeRedis,
  url: string,
  connectTimeout: number,
  signal: AbortSignal,
): Promise<Commands> {
  const open = () => {
    const client = redis.createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout, reconnectStrategy: retryDelay },
    })
    client.on('error', heard)
    // What fails here fails the next command too.
    client.connect().catch(heard)
    return client
  }
  let client = open()
  await ready(client, () => client.destroy(), signal)
  return {
    send: (command) => client.sendCommand(command),
    reset: () => {
      client.destroy()
      client = open()
    },
    close: async () => client.destroy(),
  }
}
