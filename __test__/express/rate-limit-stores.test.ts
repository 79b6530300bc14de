import { MemoryStore } from 'express-rate-limit'
import { Limiter } from 'keelson'
import { rateLimit, type RateLimitOptions, RateLimitStore } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, versions } from '../support/express.ts'
import { limited, timed } from '../support/rate-limited.ts'
import { thrown } from '../support/rejection.ts'

describe.each(versions)('several limits at once in %s', (_, express: ExpressModule) => {
  const limits = [
    { windowMs: 1000, limit: 2 },
    { windowMs: 60_000, limit: 3 },
  ]

  it('counts against all of them, or none, with a policy for each', async () => {
    const { get, clock } = await limited(express, { limits, limit: undefined })
    const { headers, body } = await get('/')
    expect(headers['ratelimit']).toBe('"2-in-1sec"; r=1; t=1, "3-in-1min"; r=2; t=60')
    expect(String(headers['ratelimit-policy']).split(', ')).toHaveLength(2)
    expect(JSON.parse(body)).toMatchObject({ info: { limit: 2, used: 1, remaining: 1 } })
    await get('/')
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    clock.advanceBy(1000)
    expect((await get('/')).headers['ratelimit']).toBe('"2-in-1sec"; r=1; t=1, "3-in-1min"; r=0; t=60')
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '59' } })
  })

  it('states the limit with the least left in headers that have room for one', async () => {
    const options = { limits, limit: undefined, standardHeaders: 'draft-6', legacyHeaders: true } as const
    const { get, clock } = await limited(express, options)
    expect((await get('/')).headers).toMatchObject({ 'ratelimit-policy': '2;w=1', 'x-ratelimit-remaining': '1' })
    await get('/')
    clock.advanceBy(1000)
    expect((await get('/')).headers).toMatchObject({ 'ratelimit-policy': '3;w=60', 'x-ratelimit-limit': '3' })
    const named = await limited(express, { limits, limit: undefined, identifier: 'mine' })
    expect((await named.get('/')).headers['ratelimit']).toBe('"mine-1"; r=1; t=1, "mine-2"; r=2; t=60')
  })

  it('shares a union with other code, gives back and forgets in each', async () => {
    const { system } = timed()
    const open = ({ windowMs, limit }: (typeof limits)[number]): Limiter =>
      new Limiter({ windowMs, maxRequests: limit, system })
    const limiter = Limiter.union(limits.map(open))
    const all = await limited(express, { limiter, skipFailedRequests: true })
    for (let i = 0; i < 5; i++) expect((await all.get('/status/500')).status).toBe(500)
    expect((await all.get('/')).status).toBe(200)
    expect(all.limiter.getKey('127.0.0.1')).toMatchObject({ limit: 2, remaining: 1 })
    all.limiter.resetKey('127.0.0.1')
    expect(limiter.knows('127.0.0.1')).toBe(false)
  })

  it('refuses what does not fit together, by name', () => {
    const field = (options: object): unknown => (thrown(() => rateLimit(options)) as { field: string }).field
    for (const name of ['windowMs', 'limit', 'burst', 'limiter', 'store']) {
      expect(field({ limits, [name]: name === 'limiter' ? limited : 5 })).toMatch(/^options\./)
    }
    expect(field({ limits, limit: 5 })).toBe('options.limit')
    for (const wrong of [[], {}, null, Array.from({ length: 17 }, () => limits[0])]) {
      expect(field({ limits: wrong })).toBe('options.limits')
    }
    expect(field({ limits: [limits[0], 5] })).toBe('options.limits[1]')
    expect(field({ limits: [limits[0], { windowMs: 0, limit: 1 }] })).toBe('options.limits[1].windowMs')
    expect(field({ limits: [{ windowMs: 1, limit: 0 }] })).toBe('options.limits[0].limit')
    expect(field({ limits: [{ windowMs: 1, max: 0 }] })).toBe('options.limits[0].max')
  })
})

describe.each(versions)('a store in %s', (_, express: ExpressModule) => {
  it('may be one of express-rate-limit', async () => {
    const store = new MemoryStore()
    const { get, limiter, reported } = await limited(express, { store, skipFailedRequests: true })
    expect((await get('/')).headers['ratelimit']).toMatch(/^"2-in-1min"; r=1; t=\d+$/)
    expect((await get('/status/500')).status).toBe(500)
    await expect.poll(async () => (await store.get('127.0.0.1'))?.totalHits).toBe(1)
    expect((await get('/')).status).toBe(200)
    const refused = await get('/')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(limiter.getKey('127.0.0.1')).toBeUndefined()
    limiter.resetKey('127.0.0.1')
    await expect.poll(async () => await store.get('127.0.0.1')).toBeUndefined()
    expect(reported).toEqual([])
    store.shutdown()
  })

  it('may be a RateLimitStore, and answer at once', async () => {
    const { system } = timed()
    const { get } = await limited(express, { store: new RateLimitStore({ system }) })
    const statuses = [(await get('/')).status, (await get('/')).status, (await get('/')).status]
    expect(statuses).toEqual([200, 200, 429])
  })

  it('that fails breaks no request: it passes uncounted, and the error is reported', async () => {
    const failure = new Error('no store')
    const store = {
      increment: (): never => {
        throw failure
      },
      decrement: () => Promise.reject(failure),
      resetKey: () => Promise.reject(failure),
    }
    const { get, reported, limiter } = await limited(express, { store, limit: 1 })
    for (let i = 0; i < 2; i++) expect((await get('/')).status).toBe(200)
    limiter.resetKey('a')
    await expect.poll(() => reported.length).toBe(3)
    expect(reported.map(({ error }) => error)).toEqual([failure, failure, failure])
    expect(reported.map(({ origin }) => origin)).toEqual([
      'rateLimit: store.increment',
      'rateLimit: store.increment',
      'rateLimit: store.resetKey',
    ])
    const nonsense = { ...store, increment: () => ({ totalHits: 'many' }) as never }
    const other = await limited(express, { store: nonsense })
    expect((await other.get('/')).status).toBe(200)
    expect(other.reported[0]?.error).toMatchObject({ field: 'store.increment(key).totalHits' })
  })

  it('takes the place of a limiter, and needs a limit that is a number', () => {
    const store = new MemoryStore()
    const field = (options: object): unknown =>
      (thrown(() => rateLimit({ store, ...options } as RateLimitOptions)) as { field: string }).field
    for (const name of ['algorithm', 'burst', 'maxKeys', 'blockDurationMs']) {
      expect(field({ [name]: 5 })).toBe(`options.${name}`)
    }
    expect(field({ limit: () => 5 })).toBe('options.limit')
    expect(field({ store: {} })).toBe('options.store.increment')
    for (const wrong of [5, null, 'redis://localhost']) expect(field({ store: wrong })).toBe('options.store')
    store.shutdown()
  })
})
