import type http from 'node:http'

import { isInvalidArgumentError, isMisconfigurationError, Limiter } from 'keelson'
import { ipKeyGenerator, rateLimit, type RateLimitOptions } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, serve, versions } from '../support/express.ts'
import { limited, timed } from '../support/rate-limited.ts'

describe.each(versions)('rateLimit in %s', (_, express: ExpressModule) => {
  it('lets in as many as it may, says so, and refuses the rest', async () => {
    const { get, clock } = await limited(express)
    const first = await get('/')
    expect(first).toMatchObject({ status: 200, headers: { ratelimit: '"2-in-1min"; r=1; t=60' } })
    expect(first.headers['ratelimit-policy']).toMatch(/^"2-in-1min"; q=2; w=60; pk=:[\w+/]{16}:$/)
    expect(first.headers).not.toHaveProperty('x-ratelimit-limit')
    expect(first.headers).not.toHaveProperty('retry-after')
    expect(JSON.parse(first.body)).toEqual({
      info: { limit: 2, used: 1, remaining: 1, key: '127.0.0.1', resetMs: 60_000, retryAfterMs: 0 },
    })
    await get('/')
    const refused = await get('/')
    expect(refused).toMatchObject({ status: 429, body: 'Too many requests, please try again later.' })
    expect(refused.headers).toMatchObject({
      'retry-after': '60',
      ratelimit: '"2-in-1min"; r=0; t=60',
      'content-type': 'text/plain; charset=utf-8',
    })
    clock.advanceBy(59_999)
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    clock.advanceBy(1)
    expect((await get('/')).status).toBe(200)
  })

  it('sends the headers of each draft, and the old ones', async () => {
    const headers = async (options: RateLimitOptions) => (await (await limited(express, options)).get('/')).headers
    expect(await headers({ standardHeaders: 'draft-7', windowMs: 1500 })).toMatchObject({
      'ratelimit-policy': '2;w=2',
      ratelimit: 'limit=2, remaining=1, reset=2',
    })
    for (const standardHeaders of [true, 'draft-6'] as const) {
      expect(await headers({ standardHeaders })).toMatchObject({
        'ratelimit-policy': '2;w=60',
        'ratelimit-limit': '2',
        'ratelimit-remaining': '1',
        'ratelimit-reset': '60',
      })
    }
    const old = await headers({ standardHeaders: false, legacyHeaders: true })
    expect(old).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': String(1000 + 60),
    })
    expect(old).not.toHaveProperty('ratelimit-policy')
    const named = await headers({ identifier: 'a "quoted" näme' })
    expect(named['ratelimit']).toBe('"a \\"quoted\\" n?me"; r=1; t=60')
    expect((await headers({ identifier: () => 'made' }))['ratelimit']).toBe('"made"; r=1; t=60')
    expect((await headers({ windowMs: 7_200_000 }))['ratelimit']).toContain('"2-in-2hrs"')
    expect((await headers({ windowMs: 86_400_000 }))['ratelimit']).toContain('"2-in-1day"')
    expect((await headers({ windowMs: 5000 }))['ratelimit']).toContain('"2-in-5sec"')
  })

  it('tells the rate as the policy, and the burst as what there is', async () => {
    const options = { limit: 120, burst: 2, algorithm: 'gcra' } as const
    const { get } = await limited(express, options)
    const { headers } = await get('/')
    expect(headers['ratelimit']).toBe('"120-in-1min"; r=1; t=1')
    expect(headers['ratelimit-policy']).toMatch(/^"120-in-1min"; q=120; w=60; pk=/)
    await get('/')
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    const older = await (await limited(express, { ...options, standardHeaders: 'draft-6' })).get('/')
    expect(older.headers).toMatchObject({
      'ratelimit-policy': '120;w=60',
      'ratelimit-limit': '2',
      'ratelimit-remaining': '1',
    })
  })

  it('stands beside another, with a policy for each', async () => {
    const { system } = timed()
    const app = express()
    app.use(rateLimit({ limit: 2, system }), rateLimit({ limit: 10, windowMs: 3_600_000, system }))
    app.use((_req, res) => void res.end())
    const { get } = await serve(app)
    const { headers } = await get('/')
    expect(headers['ratelimit']).toBe('"2-in-1min"; r=1; t=60, "10-in-1hr"; r=9; t=3600')
    expect(String(headers['ratelimit-policy']).split(', ')).toHaveLength(2)
  })

  it('blocks an address for five minutes, and shares a limiter that blocks by hand', async () => {
    const blocking = await limited(express, { blockDurationMs: 300_000 })
    for (let i = 0; i < 2; i++) expect((await blocking.get('/')).status).toBe(200)
    expect(await blocking.get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '300' } })
    blocking.clock.advanceBy(299_000)
    expect(await blocking.get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    blocking.clock.advanceBy(1000)
    expect((await blocking.get('/')).status).toBe(200)

    const { system } = timed()
    const limiter = new Limiter({ maxRequests: 5, windowMs: 1000, system })
    const { get } = await limited(express, { limiter })
    expect((await get('/')).headers['ratelimit']).toBe('"5-in-1sec"; r=4; t=1')
    limiter.block('127.0.0.1', 60_000)
    expect(await get('/')).toMatchObject({ status: 429, headers: { 'retry-after': '60' } })
  })

  it('asks the functions it is given, at once or with promises', async () => {
    const { get } = await limited(express, {
      skip: async (req) => req.path === '/health',
      keyGenerator: (req) => Promise.resolve(req.get('x-key') ?? 'none'),
      limit: async (req) => (req.get('x-plan') === 'paid' ? 3 : 1),
      message: (req: { path: string }) => Promise.resolve({ error: 'slow down', path: req.path }),
      statusCode: 503,
      requestPropertyName: 'quota',
    })
    const ask = (path: string, headers: http.OutgoingHttpHeaders = {}) => get(path, { headers })
    expect(JSON.parse((await ask('/', { 'x-key': 'a' })).body).info).toMatchObject({ key: 'a', limit: 1 })
    const refused = await ask('/x', { 'x-key': 'a' })
    expect([refused.status, refused.headers['content-type']]).toEqual([503, 'application/json; charset=utf-8'])
    expect(JSON.parse(refused.body)).toEqual({ error: 'slow down', path: '/x' })
    for (let i = 0; i < 3; i++) expect((await ask('/health')).headers).not.toHaveProperty('ratelimit')
    const paid = { 'x-key': 'b', 'x-plan': 'paid' }
    for (let i = 0; i < 3; i++) expect((await ask('/', paid)).status).toBe(200)
    expect((await ask('/', paid)).status).toBe(503)
  })

  it("leaves the answer to a handler, whose failures are the app's", async () => {
    const { get } = await limited(express, {
      limit: 1,
      handler: async (req, res, _next, info) => {
        if (req.path === '/fails') throw new Error('my fault')
        res.status(418).send(`${info.key} in ${info.retryAfterMs}, reset ${info.resetTime.getTime()}`)
      },
    })
    await get('/')
    expect(await get('/')).toMatchObject({
      status: 418,
      body: '127.0.0.1 in 60000, reset 1060000',
      headers: { 'retry-after': '60' },
    })
    expect((await get('/fails')).status).toBe(500)
  })

  it('gives back what does not count', async () => {
    const failures = await limited(express, { limit: 2, skipSuccessfulRequests: true })
    for (let i = 0; i < 5; i++) expect((await failures.get('/')).status).toBe(200)
    for (let i = 0; i < 2; i++) expect((await failures.get('/status/500')).status).toBe(500)
    expect((await failures.get('/')).status).toBe(429)

    const successes = await limited(express, { limit: 2, skipFailedRequests: true })
    for (let i = 0; i < 5; i++) expect((await successes.get('/status/404')).status).toBe(404)
    for (let i = 0; i < 2; i++) expect((await successes.get('/')).status).toBe(200)
    // A refusal took nothing, so it gives nothing back.
    for (let i = 0; i < 3; i++) expect((await successes.get('/')).status).toBe(429)

    const judged = await limited(express, {
      limit: 1,
      skipFailedRequests: true,
      requestWasSuccessful: async (_req, res) => res.statusCode === 404,
    })
    for (let i = 0; i < 3; i++) expect((await judged.get('/')).status).toBe(200)
    expect((await judged.get('/status/404')).status).toBe(404)
    await expect.poll(async () => (await judged.get('/')).status).toBe(429)
  })

  it('gives back what a client took that went away', async () => {
    const { system } = timed()
    const app = express()
    const limiter = rateLimit({ limit: 1, skipFailedRequests: true, system })
    let arrived = 0
    app.use(limiter, () => void (arrived += 1))
    const { send } = await serve(app)
    for (let round = 1; round <= 3; round++) {
      const { leave } = send('/')
      await expect.poll(() => arrived).toBe(round)
      leave()
      await expect.poll(() => limiter.getKey('127.0.0.1')?.remaining).toBe(1)
    }
  })

  it('tells of a key, and forgets it', async () => {
    const { get, limiter } = await limited(express, { limit: 1 })
    expect(limiter.getKey('127.0.0.1')).toBeUndefined()
    await get('/')
    expect(limiter.getKey('127.0.0.1')).toMatchObject({ used: 1, remaining: 0, retryAfterMs: 60_000 })
    limiter.resetKey('127.0.0.1')
    expect((await get('/')).status).toBe(200)
  })

  it('believes a proxy as far as the app does: a header that lies changes nothing', async () => {
    const spoof = (n: number) => ({ headers: { 'x-forwarded-for': `10.0.0.${n}`, forwarded: `for=10.0.0.${n}` } })
    const direct = await limited(express)
    for (let n = 0; n < 5; n++) expect((await direct.get('/', spoof(n))).status).toBe(n < 2 ? 200 : 429)
    // One proxy is trusted: the address it adds counts, not what the client claims before it.
    const behind = await limited(express, {}, (app) => app.set('trust proxy', 1))
    for (let n = 0; n < 5; n++) {
      const headers = { 'x-forwarded-for': `10.0.0.${n}, 203.0.113.7` }
      expect((await behind.get('/', { headers })).status).toBe(n < 2 ? 200 : 429)
    }
  })

  it('tells of setups that make it useless, once each', async () => {
    const checks = async (headers: http.OutgoingHttpHeaders, options: RateLimitOptions = {}, trust?: unknown) => {
      const { get, reported } = await limited(express, options, (app) => {
        if (trust !== undefined) app.set('trust proxy', trust)
      })
      for (let i = 0; i < 2; i++) expect((await get('/', { headers })).status).toBe(200)
      expect(reported.every(({ origin }) => origin === 'rateLimit: validate')).toBe(true)
      return reported.map(({ error }) => (isMisconfigurationError(error) ? error.check : error))
    }
    const forwarded = { 'x-forwarded-for': '203.0.113.7' }
    expect(await checks({})).toEqual([])
    expect(await checks(forwarded)).toEqual(['xForwardedForHeader'])
    expect(await checks(forwarded, {}, true)).toEqual(['trustProxy'])
    expect(await checks(forwarded, {}, 'loopback')).toEqual([])
    expect(await checks(forwarded, {}, '10.0.0.0/8')).toEqual(['xForwardedForHeader'])
    expect(await checks(forwarded, {}, 1)).toEqual([])
    expect(await checks(forwarded, {}, () => true)).toEqual(['trustProxy'])
    expect(await checks({ forwarded: 'for=203.0.113.7' })).toEqual(['forwardedHeader'])
    expect(await checks({ 'x-forwarded-for': '203.0.113.7:4711' }, {}, 1)).toEqual(['ip'])
    expect(await checks({}, { keyGenerator: (req) => String(req.ip) })).toEqual(['keyGeneratorIpFallback'])
    expect(await checks({}, { keyGenerator: (req) => ipKeyGenerator(String(req.ip)), ipv6Subnet: 48 })).toEqual([
      'ipv6SubnetOrKeyGenerator',
    ])
    expect(await checks(forwarded, { validate: false })).toEqual([])
    expect(await checks(forwarded, { validate: { xForwardedForHeader: false } })).toEqual([])
    expect(await checks(forwarded, { validate: { default: false, xForwardedForHeader: true } })).toHaveLength(1)
  })

  it('breaks no request when a function of the user fails', async () => {
    const fault = new Error('my fault')
    const throws = () => {
      throw fault
    }
    const rejects = () => Promise.reject(fault)
    for (const fails of [throws, rejects]) {
      for (const name of ['skip', 'keyGenerator', 'limit'] as const) {
        const { get, reported } = await limited(express, { [name]: fails })
        expect((await get('/')).status).toBe(200)
        expect(reported).toEqual([{ error: fault, origin: `rateLimit: ${name}` }])
        expect(JSON.parse((await get('/')).body).info).toMatchObject({ key: '127.0.0.1', used: 2 })
      }
    }
    for (const [name, nonsense] of [
      ['keyGenerator', 5],
      ['limit', 0],
      ['limit', NaN],
    ] as const) {
      const { get, reported } = await limited(express, { [name]: () => nonsense })
      expect((await get('/')).status).toBe(200)
      expect(isInvalidArgumentError(reported[0]!.error)).toBe(true)
    }
  })

  it('answers as usual when a message cannot be made or written', async () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    const fault = new Error('my fault')
    for (const message of [() => cyclic, async () => 5n, () => undefined, () => Promise.reject(fault)]) {
      const { get, reported } = await limited(express, { limit: 1, message })
      await get('/')
      expect(await get('/')).toMatchObject({ status: 429, body: 'Too many requests, please try again later.' })
      expect(reported).toMatchObject([{ origin: 'rateLimit: message' }])
    }
    expect(() => rateLimit({ message: cyclic })).toThrow('options.message must be text')
  })

  it('keeps no more limits apart than a program could mean', async () => {
    let plan = 0
    const { get, reported } = await limited(express, { limit: () => ++plan, maxKeys: 1 })
    for (let i = 0; i < 70; i++) await get('/')
    expect(reported.length).toBeGreaterThan(0)
    expect(reported.every(({ error }) => isInvalidArgumentError(error) && error.field === 'limit(req)')).toBe(true)
  })

  it('takes hostile keys for what they are', async () => {
    const keys = ['__proto__', 'constructor', 'x'.repeat(1 << 20), '', '\u0000', '\ud800']
    let index = 0
    const { get, limiter } = await limited(express, { limit: 1, keyGenerator: () => keys[index++ % keys.length]! })
    for (let i = 0; i < keys.length; i++) expect((await get('/')).status).toBe(200)
    for (let i = 0; i < keys.length; i++) expect((await get('/')).status).toBe(429)
    limiter.resetKey(keys[2]!)
    index = 2
    expect((await get('/')).status).toBe(200)
  })

  it('lets everybody pass once its system is closed, and says so once', async () => {
    const { get, system, reported } = await limited(express)
    await system.close()
    for (let i = 0; i < 4; i++) expect((await get('/')).status).toBe(200)
    expect(reported).toMatchObject([{ origin: 'rateLimit: requests pass unlimited' }])
  })
})

describe('options of rateLimit', () => {
  it.each([
    ['limit', 0],
    ['limit', -1],
    ['limit', NaN],
    ['limit', '5'],
    ['windowMs', 0],
    ['windowMs', NaN],
    ['windowMs', -5],
    ['statusCode', 200],
    ['standardHeaders', 'draft-9'],
    ['ipv6Subnet', 12],
    ['validate', { nonsense: true }],
    ['keyGenerator', 'ip'],
    ['limiter', {}],
    ['requestPropertyName', ''],
    ['max', 5],
  ])('%s must not be %s', (name, value) => {
    const { system } = timed()
    const field = name === 'validate' ? 'options.validate.nonsense' : `options.${name}`
    let error: unknown
    try {
      rateLimit({ ...(name !== 'limiter' && { system }), [name]: value } as RateLimitOptions)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})

describe('the key of an address', () => {
  it.each([
    ['203.0.113.7', undefined, '203.0.113.7'],
    ['::ffff:203.0.113.7', undefined, '203.0.113.7'],
    ['::ffff:cb00:7107', undefined, '203.0.113.7'],
    ['2001:db8:1:2ff:3::4', undefined, '2001:db8:1:200::/56'],
    ['2001:db8:1:2ab::', 64, '2001:db8:1:2ab::/64'],
    ['2001:db8:ffff:ffff::1', 36, '2001:db8:f000::/36'],
    ['2001:DB8::1', 32, '2001:db8::/32'],
    ['2001:db8::1', false, '2001:db8:0:0:0:0:0:1'],
    ['2001:db8:0:0:0:0:0:1', false, '2001:db8:0:0:0:0:0:1'],
    ['::1', undefined, '0:0:0:0::/56'],
    ['fe80::1%eth0', undefined, 'fe80:0:0:0::/56'],
    ['203.0.113.7:80', undefined, '203.0.113.7:80'],
    ['nonsense', undefined, 'nonsense'],
  ] as const)('%s by %s bits is %s', (ip, subnet, key) => {
    expect(ipKeyGenerator(ip, subnet)).toBe(key)
  })
})
