import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isMisconfigurationError, Limiter } from 'keelson'
import { rateLimit, rateLimitHook, type RateLimitInfo, type RateLimitOptions } from 'keelson/fastify'
import { describe, expect, it } from 'vitest'

import { timed } from '../support/rate-limited.ts'
import { app } from '../support/fastify.ts'

const infoOf = (request: FastifyRequest): RateLimitInfo => (request as never as { rateLimit: RateLimitInfo }).rateLimit

async function limited(options: RateLimitOptions = {}, server?: object) {
  const all = timed()
  const fastify = app(server)
  await fastify.register(
    rateLimit,
    options.limiter === undefined ? { limit: 2, system: all.system, ...options } : options,
  )
  fastify.get('/', (request) => infoOf(request))
  fastify.get('/status/:code', (request, reply) =>
    reply.code(Number((request.params as { code: string }).code)).send({}),
  )
  const get = (url = '/', headers: Record<string, string> = {}) => fastify.inject({ url, headers })
  return { ...all, fastify, get }
}

describe('rateLimit in Fastify', () => {
  it('lets in as many as it may, says so, and refuses the rest', async () => {
    const { get, clock } = await limited()
    const first = await get()
    expect(first.statusCode).toBe(200)
    expect(first.headers['ratelimit']).toBe('"2-in-1min"; r=1; t=60')
    expect(first.json()).toEqual({
      limit: 2,
      used: 1,
      remaining: 1,
      key: '127.0.0.1',
      resetMs: 60_000,
      retryAfterMs: 0,
    })
    await get()
    const refused = await get()
    expect([refused.statusCode, refused.body]).toEqual([429, 'Too many requests, please try again later.'])
    expect(refused.headers).toMatchObject({ 'retry-after': '60', 'content-type': 'text/plain; charset=utf-8' })
    // What no route answers is counted too.
    expect((await get('/nowhere')).statusCode).toBe(429)
    clock.advanceBy(60_000)
    expect((await get()).statusCode).toBe(200)
  })

  it('answers over a socket as it does in a test', async () => {
    const { fastify } = await limited({ limit: 1, message: { error: 'slow down' } })
    await fastify.listen({ port: 0, host: '127.0.0.1' })
    const { port } = fastify.server.address() as { port: number }
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
    const refused = await fetch(`http://127.0.0.1:${port}/`)
    expect([refused.status, await refused.json()]).toEqual([429, { error: 'slow down' }])
    expect(refused.headers.get('retry-after')).toBe('60')
    expect(refused.headers.get('ratelimit')).toBe('"1-in-1min"; r=0; t=60')
  })

  it('is a hook for one route, beside the limit of all', async () => {
    const all = timed()
    const fastify = app()
    await fastify.register(rateLimit, { limit: 10, system: all.system })
    const hook = rateLimitHook({ limit: 1, windowMs: 3_600_000, system: all.system })
    fastify.post('/login', { onRequest: hook }, () => ({}))
    fastify.get('/', () => ({}))
    const login = () => fastify.inject({ method: 'POST', url: '/login' })
    expect((await login()).headers['ratelimit']).toEqual(['"10-in-1min"; r=9; t=60', '"1-in-1hr"; r=0; t=3600'])
    expect((await login()).statusCode).toBe(429)
    expect((await fastify.inject('/')).statusCode).toBe(200)
  })

  it('counts for the instance it is registered in, and not for others', async () => {
    const { system } = timed()
    const fastify = app()
    await fastify.register(async (api: FastifyInstance) => {
      await api.register(rateLimit, { limit: 1, system, prefix: '/ignored' })
      api.get('/api', () => ({}))
    })
    fastify.get('/', () => ({}))
    expect((await fastify.inject('/api')).statusCode).toBe(200)
    expect((await fastify.inject('/api')).statusCode).toBe(429)
    for (let i = 0; i < 3; i++) expect((await fastify.inject('/')).statusCode).toBe(200)
  })

  it('counts what no route answers below its prefix, once, and nothing beside it', async () => {
    const { system } = timed()
    for (const ownHandler of [false, true]) {
      const fastify = app()
      fastify.get('/other', () => ({}))
      await fastify.register(
        async (api: FastifyInstance) => {
          await api.register(rateLimit, { limit: 3, system })
          if (ownHandler) api.setNotFoundHandler((_, reply) => void reply.code(404).send({}))
          api.get('/known', () => ({}))
        },
        { prefix: '/tenants/:id/api' },
      )
      const statusOf = async (url: string): Promise<number> => (await fastify.inject(url)).statusCode
      for (const url of ['/nothing', '/tenants/7', '/apis/x']) expect(await statusOf(url)).toBe(404)
      expect(await statusOf('/tenants/7/api/known')).toBe(200)
      expect(await statusOf('/tenants/7/api/none?x=1')).toBe(404)
      expect(await statusOf('/tenants/8/api')).toBe(404)
      expect(await statusOf('/tenants/7/api/none')).toBe(429)
      expect(await statusOf('/tenants/7/api/known')).toBe(429)
      for (let i = 0; i < 5; i++) expect(await statusOf('/other')).toBe(200)
      expect(await statusOf('/nothing')).toBe(404)
    }
  })

  it("leaves the answer to a handler, whose failures are the app's", async () => {
    const { get } = await limited({
      limit: 1,
      handler: async (request, reply, info) => {
        if (request.url === '/status/1') throw new Error('my fault')
        return reply.code(418).send({ seconds: info.retryAfterMs / 1000 })
      },
    })
    await get()
    const refused = await get()
    expect([refused.statusCode, refused.json()]).toEqual([418, { seconds: 60 }])
    expect((await get('/status/1')).statusCode).toBe(500)
  })

  it('asks functions, waits for promises, and gives back what does not count', async () => {
    const { get, reported } = await limited({
      limit: 1,
      keyGenerator: async (request) => String(request.headers['x-key']),
      skip: (request) => request.url === '/status/204',
      skipFailedRequests: true,
    })
    for (let i = 0; i < 3; i++) expect((await get('/status/500', { 'x-key': 'a' })).statusCode).toBe(500)
    expect((await get('/', { 'x-key': 'a' })).statusCode).toBe(200)
    expect((await get('/', { 'x-key': 'a' })).statusCode).toBe(429)
    expect((await get('/', { 'x-key': 'b' })).statusCode).toBe(200)
    for (let i = 0; i < 3; i++) expect((await get('/status/204', { 'x-key': 'b' })).statusCode).toBe(204)
    expect(reported).toEqual([])
  })

  it('shares a limiter, which can block an address for five minutes', async () => {
    const { system } = timed()
    const limiter = new Limiter({ maxRequests: 5, windowMs: 1000, system })
    const { get } = await limited({ limiter })
    limiter.block('127.0.0.1', 300_000)
    expect((await get()).headers['retry-after']).toBe('300')
  })

  it('believes a proxy as far as the app does', async () => {
    const spoofed = await limited()
    for (let n = 0; n < 4; n++) {
      expect((await spoofed.get('/', { 'x-forwarded-for': `10.0.0.${n}` })).statusCode).toBe(n < 2 ? 200 : 429)
    }
    expect(spoofed.reported.map(({ error }) => isMisconfigurationError(error) && error.check)).toEqual([
      'xForwardedForHeader',
    ])
    // A number of proxies is nobody in newer versions of Fastify, so what it makes of one is asked.
    const counted = await limited({}, { trustProxy: 1 })
    const answers = [await counted.get('/', { 'x-forwarded-for': '203.0.113.9' }), await counted.get()]
    const isBelieved = answers[0]!.json().key === '203.0.113.9'
    expect(counted.reported.map(({ error }) => isMisconfigurationError(error) && error.check)).toEqual(
      isBelieved ? [] : ['xForwardedForHeader'],
    )
    const everybody = await limited({}, { trustProxy: true })
    await everybody.get('/', { 'x-forwarded-for': '203.0.113.9' })
    expect(everybody.reported.map(({ error }) => isMisconfigurationError(error) && error.check)).toEqual(['trustProxy'])
    const trusting = await limited({}, { trustProxy: '127.0.0.1' })
    const headers = { 'x-forwarded-for': '10.0.0.1, 2001:db8:0:ff01::1' }
    expect((await trusting.get('/', headers)).json()).toMatchObject({ key: '2001:db8:0:ff00::/56' })
    expect(trusting.reported).toEqual([])
  })

  it('breaks no request when a function of the user fails', async () => {
    const fails = () => {
      throw new Error('my fault')
    }
    const options = { skip: fails, keyGenerator: fails, identifier: fails, message: () => 5n }
    const { get, reported } = await limited({ limit: 1, ...options })
    expect((await get()).statusCode).toBe(200)
    const refused = await get()
    expect([refused.statusCode, refused.body]).toEqual([429, 'Too many requests, please try again later.'])
    const origins = new Set(reported.map(({ origin }) => origin))
    expect([...origins]).toEqual(Object.keys(options).map((name) => `rateLimit: ${name}`))
  })

  it('refuses options when it is registered', async () => {
    for (const options of [{ limit: 0 }, { windowMs: NaN }, { max: 5 }]) {
      const fastify = app()
      fastify.register(rateLimit, options as RateLimitOptions)
      await expect(async () => fastify.ready()).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT' })
    }
  })

  it('lets everybody pass once its system is closed, and says so once', async () => {
    const { get, system, reported } = await limited()
    await system.close()
    for (let i = 0; i < 4; i++) expect((await get()).statusCode).toBe(200)
    expect(reported).toMatchObject([{ origin: 'rateLimit: requests pass unlimited' }])
  })
})
