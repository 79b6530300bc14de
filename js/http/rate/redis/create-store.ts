import type { IoredisLike, NodeRedisLike } from '../../../atrion/provider/redis-client.ts'
import { lazy } from '../../../internal/lazy.ts'
import type * as StoreModule from './store.ts'
import type { RedisRateLimitStore, RedisRateLimitStoreOptions } from './store.ts'

const stores = lazy(() => require('./store.ts') as typeof StoreModule)

/**
 * Creates a store that counts requests in Redis 5 or later, or Valkey, so that several processes share their limits.
 * Pass it as the `store` of `rateLimit`, or of express-rate-limit. Each limit needs a store of its own.
 *
 * Counts as the default algorithm of a `Limiter` does, by the clock of the Redis server: never more than the limit in any
 * window. A decision is one script. While Redis is away, a limiter in memory decides, and the system's `onError` hears of
 * it once for each outage. The store asks Redis again after 100 ms, then after waits that double.
 *
 * @param clientOrUrl - A client of ioredis or node-redis, which you open and close, or a `redis://` or `rediss://` URL.
 * For a URL the store opens a client with `ioredis` or `redis`, whichever is installed.
 * @throws InvalidArgumentError naming the argument or option that is refused.
 * @example
 * ```ts
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store: redisRateLimitStore('redis://127.0.0.1:6379') }))
 * ```
 */
export function redisRateLimitStore(
  clientOrUrl: string | IoredisLike | NodeRedisLike,
  options?: RedisRateLimitStoreOptions,
): RedisRateLimitStore {
  return new (stores().RedisRateLimitStore)(clientOrUrl, options)
}
