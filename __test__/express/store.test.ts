import { rateLimit, type Options } from 'express-rate-limit'
import { isInvalidArgumentError } from 'keelson'
import { RateLimitStore, type RateLimitStoreOptions } from 'keelson/express'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { type ExpressModule, serve, versions } from '../support/express.ts'
import { timed } from '../support/rate-limited.ts'

// The middleware reads the wall clock of the host.
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe.each(versions)('a store for express-rate-limit in %s', (_, express: ExpressModule) => {
  async function behind(options: Partial<Options> = {}, storeOptions: RateLimitStoreOptions = {}) {
    const all = timed()
    const store = new RateLimitStore({ system: all.system, ...storeOptions })
    const errors: unknown[] = []
    const logger = { error: (error: unknown) => errors.push(error), warn: (error: unknown) => errors.push(error) }
    const app = express()
    const limiter = rateLimit({ windowMs: 60_000, limit: 2, legacyHeaders: false, logger, ...options, store })
    app.use(limiter as never)
    app.use('/status/:code', (req, res) => void res.status(Number(req.params['code'])).end())
    app.use((_req, res) => void res.send('fine'))
    return { ...all, ...(await serve(app)), store, limiter, errors }
  }

  it('counts, refuses, and says when to come back', async () => {
    const { get, clock, errors } = await behind({ standardHeaders: 'draft-8' })
    const { status, headers } = await get('/')
    expect([status, headers['ratelimit']]).toEqual([200, '"2-in-1min"; r=1; t=60'])
    expect((await get('/')).status).toBe(200)
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '60' } })
    clock.advanceBy(60_000)
    expect((await get('/')).status).toBe(200)
    expect(errors).toEqual([])
  })

  it('gives back what does not count, and nothing for a refusal', async () => {
    const { get, store } = await behind({ skipFailedRequests: true })
    for (let i = 0; i < 5; i++) {
      expect((await get('/status/500')).status).toBe(500)
      await expect.poll(() => store.get('127.0.0.1')?.totalHits).toBe(0)
    }
    for (let i = 0; i < 2; i++) expect((await get('/')).status).toBe(200)
    for (let i = 0; i < 5; i++) expect((await get('/')).status).toBe(429)
    const successes = await behind({ skipSuccessfulRequests: true })
    for (let i = 0; i < 5; i++) {
      expect((await successes.get('/')).status).toBe(200)
      await expect.poll(() => successes.store.get('127.0.0.1')?.totalHits).toBe(0)
    }
  })

  it('tells of keys and forgets them', async () => {
    const { get, store, limiter } = await behind()
    expect(await limiter.getKey('127.0.0.1')).toBeUndefined()
    for (let i = 0; i < 3; i++) await get('/')
    expect(await limiter.getKey('127.0.0.1')).toMatchObject({ totalHits: 2 })
    limiter.resetKey('127.0.0.1')
    expect((await get('/')).status).toBe(200)
    store.resetAll()
    expect(store.limiter?.size).toBe(0)
  })

  it('can do what a limiter can', async () => {
    const { get, clock } = await behind({}, { blockDurationMs: 300_000, algorithm: 'sliding-log', maxKeys: 10 })
    for (let i = 0; i < 3; i++) await get('/')
    clock.advanceBy(299_999)
    expect((await get('/')).status).toBe(429)
    clock.advanceBy(1)
    expect((await get('/')).status).toBe(200)
  })

  it('refuses everything with a limit of 0, as it does there', async () => {
    const { get } = await behind({ limit: 0 })
    expect((await get('/')).status).toBe(429)
  })

  it('needs a limit that is a number, and says so', async () => {
    const { get, errors } = await behind({ limit: () => 5 })
    expect(errors.some((error) => isInvalidArgumentError(error) && error.field === 'options.limit')).toBe(true)
    expect((await get('/')).status).toBe(500)
  })
})

it('refuses options of its own', () => {
  expect(() => new RateLimitStore({ maxKeys: 0 })).toThrow('options.maxKeys')
  expect(() => new RateLimitStore({ burst: 5 } as never)).toThrow('options.burst')
})
