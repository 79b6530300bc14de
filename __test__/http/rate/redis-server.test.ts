/** The store against a real redis-server. */
import { Redis } from 'ioredis'
import { createSystem, isRateLimitStoreError, type System } from 'keelson'
import { rateLimit, redisRateLimitStore, type RedisRateLimitStore } from 'keelson/express'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { missing, RedisServer } from '../../atrion/provider/redis-server.ts'
import { serve, versions } from '../../support/express.ts'

interface Opened {
  readonly system: System
  readonly reported: unknown[]
}

/** Creates a system by the real clock. It is closed with the test. */
function real(): Opened {
  const reported: unknown[] = []
  const system = createSystem({ onError: (error) => reported.push(error) })
  onTestFinished(() => system.close())
  return { system, reported }
}

describe.skipIf(missing !== undefined)(`Redis${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let server: RedisServer
  let ioredis: Redis
  beforeAll(async () => {
    server = await RedisServer.start()
    ioredis = new Redis(server.url)
  })
  afterAll(async () => {
    ioredis.disconnect()
    await server.end()
  })

  const hits = async (store: RedisRateLimitStore, key: string, count: number): Promise<number[]> => {
    const totals: number[] = []
    for (let request = 0; request < count; request++) totals.push((await store.increment(key)).totalHits)
    return totals
  }

  it('counts for clients of ioredis and node-redis and for a URL together', async () => {
    const { system, reported } = real()
    const node = await createClient({ url: server.url }).connect()
    onTestFinished(() => node.destroy())
    const stores = [ioredis, node, server.url].map((client) => redisRateLimitStore(client as never, { system }))
    const totals: number[] = []
    for (const store of stores) {
      store.init({ limit: 2, windowMs: 3_600_000 })
      totals.push(...(await hits(store, 'shared', 1)))
    }
    expect(totals).toEqual([1, 2, 3])
    expect(await stores[0]?.get('shared')).toMatchObject({ totalHits: 2 })
    await stores[1]?.decrement('shared')
    expect(await stores[2]?.get('shared')).toMatchObject({ totalHits: 1 })
    await stores[2]?.resetKey('shared')
    expect(await stores[0]?.get('shared')).toBeUndefined()
    expect(reported).toEqual([])
  })

  it('counts exactly up to 128 moments, then in few parts, and forgets a key with its window', async () => {
    const { system } = real()
    const store = redisRateLimitStore(ioredis, { system, prefix: 'parts:' })
    store.init({ limit: 300, windowMs: 3_600_000 })
    await hits(store, 'a', 128)
    const fields = await ioredis.hlen('parts:a')
    expect(fields).toBeGreaterThan(100)
    const totals = await hits(store, 'a', 174)
    expect(totals.slice(-3)).toEqual([300, 301, 301])
    expect(await ioredis.hlen('parts:a')).toBeLessThan(6 + 4)
    const ttl = await ioredis.pttl('parts:a')
    expect(ttl).toBeGreaterThan(3_000_000)
    expect(ttl).toBeLessThanOrEqual(3_600_002)
    for (let request = 0; request < 300; request++) await store.decrement('a')
    expect(await ioredis.exists('parts:a')).toBe(0)
  })

  it('never admits more than the limit in any window, to several clients at once', async () => {
    const { system } = real()
    const [limit, windowMs] = [50, 150]
    const admitted: { from: number; to: number }[] = []
    const clients = Array.from({ length: 4 }, () => {
      const store = redisRateLimitStore(ioredis, { system, prefix: 'any:' })
      store.init({ limit, windowMs })
      return store
    })
    let refused = 0
    const end = performance.now() + 700
    await Promise.all(
      clients.map(async (store) => {
        while (performance.now() < end) {
          const from = performance.now()
          const { totalHits } = await store.increment('a')
          if (totalHits <= limit) admitted.push({ from, to: performance.now() })
          else refused++
        }
      }),
    )
    expect(refused).toBeGreaterThan(0)
    // A request was counted between its beginning and its end, so these were counted within one window.
    for (const { from } of admitted) {
      const surely = admitted.filter((each) => each.from >= from && each.to < from + windowMs)
      expect(surely.length).toBeLessThanOrEqual(limit)
    }
  })

  it('goes on in memory when the server dies or hangs, and comes back', async () => {
    const { system, reported } = real()
    const own = await RedisServer.start()
    onTestFinished(() => own.end())
    const store = redisRateLimitStore(own.url, { system, timeoutMs: 300, maxBackoffMs: 200 })
    store.init({ limit: 1000, windowMs: 3_600_000 })
    const client = new Redis(own.url, { maxRetriesPerRequest: null })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    const counted = async (): Promise<boolean> => {
      const before = Number(await client.hget('keelson:rate:a', 'u'))
      await store.increment('a')
      return Number(await client.hget('keelson:rate:a', 'u')) === before + 1
    }
    expect(await counted()).toBe(true)
    await own.kill()
    expect(await hits(store, 'a', 3)).toEqual([2, 3, 4])
    expect([reported.length, isRateLimitStoreError(reported[0])]).toEqual([1, true])
    await own.start()
    await expect.poll(counted, { timeout: 60_000 }).toBe(true)
    own.signal('SIGSTOP')
    expect((await store.increment('a')).totalHits).toBeGreaterThan(4)
    expect(reported.length).toBe(2)
    own.signal('SIGCONT')
    await expect.poll(counted, { timeout: 60_000 }).toBe(true)
  })

  it('stands behind rateLimit in two apps', async () => {
    const { system } = real()
    const [, express] = versions.at(-1) as (typeof versions)[number]
    const apps = await Promise.all(
      [1, 2].map(async () => {
        const app = express()
        const store = redisRateLimitStore(ioredis, { system, prefix: 'apps:' })
        app.use(rateLimit({ limit: 3, windowMs: 3_600_000, store, system }))
        app.use((_req, res) => void res.send('fine'))
        return serve(app)
      }),
    )
    const statuses: number[] = []
    for (let round = 0; round < 2; round++) for (const { get } of apps) statuses.push((await get('/')).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })
})
