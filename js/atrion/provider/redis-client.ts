import type * as IoredisModule from 'ioredis'
import type * as NodeRedisModule from 'redis'

import { fieldOf } from '../../internal/validate.ts'
import { DependencyMissingError, InvalidArgumentError } from '../../errors/errors.ts'
import { ProviderError } from '../errors.ts'
import { whenAborted } from '../../internal/abort-hub.ts'

/** An ioredis client, as far as it is used. */
export interface IoredisLike {
  /** Sends a command. */
  call(command: string, ...args: string[]): Promise<unknown>
  /** Closes the connection; with true it opens a new one. */
  disconnect(reconnect?: boolean): void
}

/** A node-redis client, as far as it is used. */
export interface NodeRedisLike {
  /** Sends a command. */
  sendCommand(args: string[]): Promise<unknown>
}

/** A client of either library. */
export interface RedisConnection {
  /** Sends a command. Rejects when the server cannot be reached, or refuses. */
  send(command: string[]): Promise<unknown>
  /** Gives up what is under way, if the provider has opened the client. */
  reset(): void
  /** Closes the client, if the provider has opened it. */
  close(): Promise<void>
}

type Ioredis = Pick<typeof IoredisModule, 'Redis'>
type NodeRedis = Pick<typeof NodeRedisModule, 'createClient'>

/**
 * Wraps a client of the user's. A command cannot be taken back, so this sends one at a time: a server that hangs
 * gathers none.
 */
export function wrapClient(field: string, client: unknown): RedisConnection {
  const [call, sendCommand] = [fieldOf(client, 'call'), fieldOf(client, 'sendCommand')]
  let isBusy = false
  const sendAlone = async (send: () => Promise<unknown>): Promise<unknown> => {
    if (isBusy) throw new ProviderError('redis', 'has not answered what it was asked before')
    isBusy = true
    try {
      return await send()
    } finally {
      isBusy = false
    }
  }
  const notOurs = { reset: () => {}, close: async () => {} }
  // ioredis has a `sendCommand` as well, which takes something else.
  if (typeof call === 'function') {
    const ioredis = client as IoredisLike
    return { send: ([name, ...args]) => sendAlone(() => ioredis.call(name as string, ...args)), ...notOurs }
  }
  if (typeof sendCommand === 'function') {
    const redis = client as NodeRedisLike
    return { send: (command) => sendAlone(() => redis.sendCommand(command)), ...notOurs }
  }
  throw new InvalidArgumentError(field, 'a redis:// or rediss:// URL, an ioredis client or a node-redis client', client)
}

/**
 * Opens a client for a URL, with whichever library is installed. Resolves when it is ready; rejects after it closed the
 * client again. The library reconnects by itself later.
 */
export async function connectTo(
  url: string,
  connectTimeoutMs: number,
  signal: AbortSignal,
  user: string,
): Promise<RedisConnection> {
  const causes: unknown[] = []
  const ioredis = await optional<Ioredis>(() => import('ioredis'), causes)
  if (ioredis !== undefined) return withIoredis(ioredis, url, connectTimeoutMs, signal)
  const redis = await optional<NodeRedis>(() => import('redis'), causes)
  if (redis !== undefined) return withNodeRedis(redis, url, connectTimeoutMs, signal)
  throw new DependencyMissingError(`${user} with a URL`, ['ioredis', 'redis'], causes[0])
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
// Each failure reaches the caller of a command. Without a listener for `error` the clients would end the process.
const ignore = (): void => {}

interface Emitter {
  once(event: 'ready' | 'error', listener: (error?: unknown) => void): unknown
}

/** Resolves when a client is ready. Ends it and rejects when it fails first, or the signal aborts. */
async function untilReady(client: Emitter, end: () => void, signal: AbortSignal): Promise<void> {
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
): Promise<RedisConnection> {
  const client = new ioredis.Redis(url, {
    connectTimeout,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelay,
  })
  client.on('error', ignore)
  await untilReady(client, () => client.disconnect(), signal)
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
): Promise<RedisConnection> {
  const open = () => {
    const client = redis.createClient({
      url,
      disableOfflineQueue: true,
      socket: { connectTimeout, reconnectStrategy: retryDelay },
    })
    client.on('error', ignore)
    // A failure here fails the next command too.
    client.connect().catch(ignore)
    return client
  }
  let client = open()
  await untilReady(client, () => client.destroy(), signal)
  return {
    send: (command) => client.sendCommand(command),
    reset: () => {
      client.destroy()
      client = open()
    },
    close: async () => client.destroy(),
  }
}
