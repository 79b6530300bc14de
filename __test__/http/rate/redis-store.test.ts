/** The store in Redis against a Redis that loses, delays and fails. `redis-server.test.ts` has a real one. */
import * as fc from 'fast-check'
import { isClosedError, isRateLimitStoreError } from 'keelson'
import { redisRateLimitStore, type RedisRateLimitStore, type RedisRateLimitStoreOptions } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { FakeRedis, type FakeMode } from '../../support/fake-redis.ts'
import { runsOf } from '../../support/programs.ts'
import { rejection, thrown } from '../../support/rejection.ts'
import { createStage, type Stage, useStage } from '../../support/system.ts'

const stage = useStage()

interface Opened {
  readonly redis: FakeRedis
  readonly store: RedisRateLimitStore
}

function open(on: Stage, limit: number, windowMs: number, options: RedisRateLimitStoreOptions = {}): Opened {
  const redis = new FakeRedis(on.clock)
  const store = redisRateLimitStore(redis, { system: on.system, ...options })
  store.init({ limit, windowMs })
  return { redis, store }
}

/** Counts a request, and lets so much time pass that it ends. Returns whether it is admitted. */
async function ask(on: Stage, store: RedisRateLimitStore, limit: number, ms = 0): Promise<boolean> {
  const counted = store.increment('a')
  await on.clock.advance(ms)
  return (await counted).totalHits <= limit
}

describe('redisRateLimitStore', () => {
  it('counts in Redis, and says when to come back', async () => {
    const { redis, store } = open(stage, 2, 1000)
    const start = stage.clock.now().wallMs
    expect(await store.increment('a')).toEqual({ totalHits: 1, resetTime: new Date(start + 1000) })
    await stage.clock.advance(400)
    expect(await store.increment('a')).toMatchObject({ totalHits: 2 })
    expect(await store.increment('a')).toEqual({ totalHits: 3, resetTime: new Date(start + 1000) })
    expect(await store.get('a')).toMatchObject({ totalHits: 2 })
    expect(await store.get('b')).toBeUndefined()
    await store.decrement('a')
    expect(await store.get('a')).toMatchObject({ totalHits: 1 })
    await store.resetKey('a')
    expect(await store.get('a')).toBeUndefined()
    expect([redis.used('keelson:rate:a', 1000), store.localKeys, store.prefix]).toEqual([0, false, 'keelson:rate:'])
    expect(stage.reported).toEqual([])
  })

  it('shares quotas with a store of another process, by its prefix', async () => {
    const { redis, store } = open(stage, 2, 1000, { prefix: 'mine:' })
    const other = redisRateLimitStore(redis, { system: stage.system, prefix: 'mine:' })
    other.init({ limit: 2, windowMs: 1000 })
    const hits = [await store.increment('a'), await other.increment('a'), await store.increment('a')]
    expect(hits.map(({ totalHits }) => totalHits)).toEqual([1, 2, 3])
    expect(redis.used('mine:a', 1000)).toBe(2)
  })

  it('counts in memory while Redis is away, reports that once, and asks again after waits that double', async () => {
    const { redis, store } = open(stage, 3, 10_000)
    expect(await ask(stage, store, 3)).toBe(true)
    redis.mode = 'error'
    // What this process admitted through Redis counts in memory too.
    expect([await ask(stage, store, 3), await ask(stage, store, 3), await ask(stage, store, 3)]).toEqual([
      true,
      true,
      false,
    ])
    expect(redis.calls).toBe(3)
    const [[error, origin] = []] = stage.reported
    expect(isRateLimitStoreError(error)).toBe(true)
    expect((error as Error).cause).toMatchObject({ message: 'connection lost' })
    expect(origin).toBe('redisRateLimitStore: requests are counted in memory')
    const attempts: number[] = []
    for (let ms = 0; ms < 2000; ms += 50) {
      const before = redis.calls
      await ask(stage, store, 3, 0)
      if (redis.calls > before) attempts.push(ms)
      await stage.clock.advance(50)
    }
    expect(attempts).toEqual([100, 300, 700, 1500])
    expect(stage.reported).toHaveLength(1)
  })

  it('goes back to Redis when it answers again, and counts for a window what was admitted meanwhile', async () => {
    const { redis, store } = open(stage, 2, 10_000)
    redis.mode = 'error'
    expect([await ask(stage, store, 2), await ask(stage, store, 2), await ask(stage, store, 2)]).toEqual([
      true,
      true,
      false,
    ])
    redis.mode = 'well'
    await stage.clock.advance(100)
    // Redis would admit them; the limiter in memory knows of two.
    for (let request = 0; request < 3; request++) expect(await ask(stage, store, 2)).toBe(false)
    expect(redis.used('keelson:rate:a', 10_000)).toBe(0)
    await stage.clock.advance(10_000)
    expect([await ask(stage, store, 2), redis.used('keelson:rate:a', 10_000)]).toEqual([true, 1])
    redis.mode = 'error'
    await ask(stage, store, 2)
    expect(stage.reported).toHaveLength(2)
  })

  it('gives a command a time to answer', async () => {
    const { redis, store } = open(stage, 2, 10_000, { timeoutMs: 200 })
    redis.mode = 'lost'
    const counted = store.increment('a')
    await stage.clock.advance(199)
    expect(stage.reported).toEqual([])
    await stage.clock.advance(1)
    expect((await counted).totalHits).toBe(1)
    expect(stage.reported[0]?.[0]).toMatchObject({ message: 'Redis did not answer within 200 ms' })
    redis.mode = 'slow'
    redis.slowMs = 150
    await stage.clock.advance(100)
    expect(await ask(stage, store, 2, 150)).toBe(true)
    expect(stage.reported).toHaveLength(1)
    expect(redis.used('keelson:rate:a', 10_000)).toBe(1)
    redis.mode = 'nonsense'
    expect(await ask(stage, store, 2)).toBe(false)
    expect(stage.clock.getPendingTimerCount()).toBeLessThan(3)
  })

  it('counts requests that Redis has not answered yet when it goes away', async () => {
    const { redis, store } = open(stage, 4, 10_000)
    redis.mode = 'slow'
    const early = [store.increment('a'), store.increment('a'), store.increment('a')]
    await stage.turn()
    redis.mode = 'error'
    const late = [store.increment('a'), store.increment('a')]
    await stage.clock.advance(100)
    const hits = await Promise.all([...early, ...late])
    expect(hits.filter(({ totalHits }) => totalHits <= 4).length).toBeLessThanOrEqual(4)
    expect(stage.reported).toHaveLength(1)
  })

  it('may admit less while Redis is away, for several processes', async () => {
    const { redis, store } = open(stage, 10, 10_000, { insuranceLimit: 1 })
    redis.mode = 'error'
    expect([await ask(stage, store, 10), await ask(stage, store, 10)]).toEqual([true, false])
  })

  it('is closed with its system, and takes one limit', async () => {
    const { store } = open(stage, 2, 1000)
    store.init({ limit: 2, windowMs: 1000 })
    const field = (setup: object): unknown => (thrown(() => store.init(setup as never)) as { field: string }).field
    expect(field({ limit: 3, windowMs: 1000 })).toBe('options.store')
    expect(field({ limit: () => 3, windowMs: 1000 })).toBe('options.limit')
    expect(field({ limit: 2, windowMs: 1e13 })).toBe('options.windowMs')
    await stage.system.close()
    expect(isClosedError(await rejection(store.increment('a')))).toBe(true)
    await store.shutdown()
  })

  it('admits nothing with a limit of 0, and refuses bad input by name', async () => {
    const { store } = open(stage, 0, 1000)
    expect(await store.increment('a')).toMatchObject({ totalHits: 1 })
    const field = (client: unknown, options?: unknown): unknown =>
      (thrown(() => redisRateLimitStore(client as never, options as never)) as { field: string }).field
    for (const client of [undefined, {}, 'http://localhost', '', 5]) expect(field(client)).toBe('clientOrUrl')
    const redis = new FakeRedis(stage.clock)
    for (const prefix of ['', 5, 'x'.repeat(257)]) expect(field(redis, { prefix })).toBe('options.prefix')
    for (const name of ['timeoutMs', 'maxBackoffMs', 'connectTimeoutMs']) {
      for (const value of [0, -1, NaN, '5']) expect(field(redis, { [name]: value })).toBe(`options.${name}`)
    }
    for (const insuranceLimit of [0, 1.5]) expect(field(redis, { insuranceLimit })).toBe('options.insuranceLimit')
    const unopened = redisRateLimitStore(redis, { system: stage.system })
    expect(isClosedError(await rejection(unopened.increment('a')))).toBe(true)
  })
})

const MODES = ['well', 'lost', 'slow', 'error', 'nonsense'] as const
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('ask' as const), n: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), n: fc.integer({ min: 0, max: 300 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...MODES), n: fc.integer({ min: 0, max: 120 }) }) },
)

it('a process admits at most the limit in any window, whatever Redis does, and reports each outage once', async () => {
  const [limit, windowMs] = [4, 400]
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const on = createStage()
      const { redis, store } = open(on, limit, windowMs, { timeoutMs: 80, maxBackoffMs: 300 })
      const admitted: { from: number; to: number }[] = []
      const pending: Promise<void>[] = []
      const request = async (): Promise<void> => {
        const from = on.clock.monoMs()
        const { totalHits, resetTime } = await store.increment('a')
        expect((resetTime as Date).getTime()).toBeGreaterThan(on.clock.now().wallMs - 1)
        if (totalHits <= limit) admitted.push({ from, to: on.clock.monoMs() })
      }
      for (const { kind, n } of steps) {
        if (kind === 'ask') for (let index = 0; index < n; index++) pending.push(request())
        else if (kind === 'advance') await on.clock.advance(n)
        else {
          redis.mode = kind as FakeMode
          redis.slowMs = n
        }
        await on.turn()
      }
      await on.clock.advance(1000)
      await Promise.all(pending)
      // A request is admitted at some time between its beginning and its end.
      for (const { to } of admitted) {
        const within = admitted.filter((each) => each.from > to - windowMs && each.to <= to)
        expect(within.length).toBeLessThanOrEqual(limit)
      }
      for (const [error] of on.reported) expect(isRateLimitStoreError(error)).toBe(true)
      // It comes back.
      redis.mode = 'well'
      await on.clock.advance(1000)
      const before = on.reported.length
      for (let index = 0; index < limit; index++) await request()
      expect([admitted.at(-1)?.to, on.reported.length]).toEqual([on.clock.monoMs(), before])
      expect(redis.used('keelson:rate:a', windowMs)).toBe(limit)
      await on.system.close()
    }),
    runsOf('redis rate limit store', 100),
  )
})
