import { once } from 'node:events'

import { Hono } from 'hono'
import type { Context } from 'hono'
import { Journal } from 'keelson'
import {
  admission,
  type AdmissionOptions,
  gracefulShutdown,
  priorityFromHeader,
  rateLimit,
  rateLimitInfo,
  requestId,
  type RequestEntry,
  requestJournal,
} from 'keelson/fetch'
import { describe, expect, it } from 'vitest'

import { gated, gateOf, settled, single } from '../support/express.ts'
import { body, serveFetch } from '../support/fetch-styles.ts'
import { timed } from '../support/rate-limited.ts'

const request = (path = '/', init?: RequestInit): Request => new Request(`http://a.test${path}`, init)
const ok = (): Response => new Response('fine')

/** A handler behind a gate; requests for `/slow` wait to be released. */
function gatedHandler(options: AdmissionOptions = {}, config = single) {
  const all = gated(config)
  const open: ((response: Response) => void)[] = []
  const handler = admission({ atrion: all.atrion, ...options })(async (asked) => {
    const { pathname } = new URL(asked.url)
    if (pathname === '/fails') throw new Error('the work fails')
    if (pathname !== '/slow') return ok()
    return await new Promise<Response>((resolve) => open.push(resolve))
  })
  return { ...all, handler, open, release: (response = ok()) => open.shift()!(response) }
}

describe('admission around a fetch-style handler', () => {
  it('admits, measures and reports', async () => {
    const { handler, atrion } = gatedHandler({}, { limit: 10 })
    expect(await (await handler(request())).text()).toBe('fine')
    await expect(handler(request('/fails'))).rejects.toThrow('the work fails')
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, succeeded: 1, failed: 1 })
  })

  it('refuses at once what it cannot do in time', async () => {
    const { handler, release, open } = gatedHandler()
    const slow = handler(request('/slow'))
    await expect.poll(() => open.length).toBe(1)
    const refused = await handler(request())
    expect(refused.status).toBe(503)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect([refused.headers.get('cache-control'), refused.headers.get('content-type')]).toEqual([
      'no-store',
      'application/json; charset=utf-8',
    ])
    expect(await refused.json()).toMatchObject({ error: 'overloaded', reason: 'limit' })
    release()
    expect(await (await slow).text()).toBe('fine')
  })

  it('passes further arguments on, and gives the second to functions of yours', async () => {
    const { atrion } = gated()
    const seen: unknown[] = []
    const gate = admission({
      atrion,
      key: (_, env: { tenant: string }) => env.tenant,
      priority: (asked, env: { tenant: string }) => {
        seen.push(asked.method, env.tenant)
        return 'high'
      },
    })
    const handler = gate(async (_asked: Request, env: { tenant: string }, more: number) => Response.json([env, more]))
    expect(await (await handler(request(), { tenant: 'a' }, 7)).json()).toEqual([{ tenant: 'a' }, 7])
    expect([seen, atrion.getRoutes()]).toEqual([['GET', 'a'], ['app:a']])
  })

  it('holds a place until a body has ended, though nobody reads it to the end', async () => {
    const { handler, atrion, release, open } = gatedHandler({}, { limit: 10 })
    const slow = handler(request('/slow'))
    await expect.poll(() => open.length).toBe(1)
    const written = body()
    release(new Response(written.stream, { status: 201, statusText: 'Made', headers: { 'x-own': '1' } }))
    const answer = await slow
    expect([answer.status, answer.statusText, answer.headers.get('x-own')]).toEqual([201, 'Made', '1'])
    written.write('first ')
    expect(gateOf(atrion, 'app').inFlight).toBe(1)
    written.write('second')
    written.end()
    expect(await answer.text()).toBe('first second')
    await settled(atrion, 'app')
    await handler(request())
    // A body that is there at once is no work, whoever reads it.
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ succeeded: 2, failed: 0 })
  })

  it('frees the place when a body is cancelled or fails, which counts as neither', async () => {
    const { handler, atrion, release, open } = gatedHandler({}, { limit: 10 })
    const bodies = [body(), body()]
    for (const { stream } of bodies) {
      const answer = handler(request('/slow'))
      await expect.poll(() => open.length).toBe(1)
      release(new Response(stream))
      const { body: read } = await answer
      if (stream === bodies[0]!.stream) await read!.cancel('enough')
      else {
        bodies[1]!.fail(new Error('of the body'))
        await expect(new Response(read).text()).rejects.toThrow('of the body')
      }
    }
    await settled(atrion, 'app')
    expect(bodies[0]!.cancelled).toBe('enough')
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, succeeded: 0, failed: 0 })
  })

  it('takes an aborted signal for a client that left: from the queue, and while its handler works', async () => {
    const { handler, atrion, open, release } = gatedHandler({}, { ...single, maxQueue: 5, queueDeadlineMs: 10_000 })
    const [first, second] = [new AbortController(), new AbortController()]
    const slow = handler(request('/slow', { signal: first.signal }))
    await expect.poll(() => open.length).toBe(1)
    const waiting = handler(request('/', { signal: second.signal }))
    expect(gateOf(atrion, 'app').queued).toBe(1)
    second.abort()
    expect((await waiting).status).toBe(499)
    expect(gateOf(atrion, 'app').queued).toBe(0)
    first.abort()
    release()
    await slow
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ succeeded: 0, failed: 0 })
    const gone = await handler(request('/', { signal: AbortSignal.abort() }))
    expect([gone.status, gateOf(atrion, 'app').admitted]).toEqual([499, 1])
  })

  it('lets a handler of yours answer, and asks you what is a failure', async () => {
    const { handler, open, release, atrion } = gatedHandler({
      handler: (asked, { reason }) => new Response(`${asked.method} ${reason}`, { status: 429 }),
      isFailure: (_, response) => response.status === 299,
    })
    const slow = handler(request('/slow'))
    await expect.poll(() => open.length).toBe(1)
    const refused = await handler(request('/', { method: 'POST' }))
    expect([refused.status, await refused.text()]).toEqual([429, 'POST limit'])
    release(new Response('x', { status: 299 }))
    await slow
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app').failed).toBe(1)
  })

  it('rejects when a handler of yours gives no response', async () => {
    const { handler, open, release } = gatedHandler({ handler: () => undefined as never })
    const slow = handler(request('/slow'))
    await expect.poll(() => open.length).toBe(1)
    await expect(handler(request())).rejects.toMatchObject({ field: 'handler(request)' })
    release()
    await slow
  })

  it('leaves upgrades and responses without a body as they are', async () => {
    const { atrion } = gated()
    const answers = [
      undefined,
      new Response(null, { status: 204 }),
      Response.redirect('http://a.test/', 302),
      Response.error(),
    ]
    const gate = admission({ atrion })
    for (const answer of answers) expect(await gate(() => answer as Response)(request())).toBe(answer)
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app').admitted).toBe(4)
  })

  it('shares one place among gates of one name, and reports functions of yours that throw', async () => {
    const { atrion, reported } = gated()
    const gate = admission({
      atrion,
      skip: () => {
        throw new Error('of skip')
      },
    })
    const handler = gate(gate(async () => ok()))
    expect((await handler(request())).status).toBe(200)
    expect(gateOf(atrion, 'app').admitted).toBe(1)
    expect(reported.map(({ origin }) => origin)).toEqual(['admission: skip', 'admission: skip'])
  })
})

describe('rateLimit around a fetch-style handler', () => {
  it('counts by the address that a platform tells, sets headers and refuses', async () => {
    const { system } = timed()
    const limiter = rateLimit({ limit: 1, system })
    const seen: unknown[] = []
    const handler = limiter((asked: Request, _platform: unknown) => {
      seen.push(rateLimitInfo(asked)?.key)
      return new Response(null, { status: 204 })
    })
    const platforms = [
      { remoteAddr: { hostname: '192.0.2.1' } },
      { requestIP: () => ({ address: '192.0.2.2' }) },
      { incoming: { socket: { remoteAddress: '192.0.2.3' } } },
      { env: { incoming: { socket: { remoteAddress: '192.0.2.4' } } } },
    ]
    for (const platform of platforms) {
      expect((await handler(request(), platform)).headers.get('ratelimit')).toBe('"1-in-1min"; r=0; t=60')
      expect((await handler(request(), platform)).status).toBe(429)
    }
    expect(seen).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
    expect(rateLimitInfo(request())).toBe(undefined)
    limiter.resetKey('192.0.2.1')
    expect((await handler(request(), platforms[0])).status).toBe(204)
  })

  it('reports that clients without an address share a quota, and that nobody trusts a proxy', async () => {
    const { system, reported } = timed()
    const handler = rateLimit({ system })(ok)
    await handler(request('/', { headers: { 'x-forwarded-for': '203.0.113.9' } }))
    expect(reported.map(({ error }) => (error as { check?: string }).check)).toEqual(['ip', 'xForwardedForHeader'])
  })

  it('adds the headers of two limits to each other, and leaves those of the handler', async () => {
    const { system } = timed()
    const [minute, hour] = [
      rateLimit({ limit: 5, system, keyGenerator: () => 'a' }),
      rateLimit({ limit: 50, windowMs: 3_600_000, system, keyGenerator: async () => 'a' }),
    ]
    const both = await minute(hour(ok))(request())
    expect(both.headers.get('ratelimit')).toBe('"5-in-1min"; r=4; t=60, "50-in-1hr"; r=49; t=3600')
    const own = await minute(() => new Response('x', { headers: { ratelimit: 'mine' } }))(request())
    expect(own.headers.get('ratelimit')).toBe('mine')
  })

  it('lets functions of yours decide: message, handler, success', async () => {
    const { system } = timed()
    const keyGenerator = (): string => 'a'
    const message = rateLimit({ limit: 1, system, keyGenerator, message: (asked: Request) => ({ no: asked.method }) })(
      ok,
    )
    await message(request())
    expect(await (await message(request())).json()).toEqual({ no: 'GET' })
    const handler = rateLimit({
      limit: 1,
      system,
      keyGenerator,
      handler: (_, info) => new Response(info.key, { status: 418 }),
      requestWasSuccessful: async (_, response) => response.status === 418,
      skipSuccessfulRequests: true,
    })(ok)
    await handler(request())
    expect((await handler(request())).status).toBe(418)
  })

  it('refuses an option of properties, which requests have not', () => {
    expect(() => rateLimit({ requestPropertyName: 'quota' } as never)).toThrow(
      expect.objectContaining({ field: 'options.requestPropertyName' }),
    )
  })
})

describe('requestJournal around a fetch-style handler', () => {
  it('writes an entry when the body has ended', async () => {
    const { system, clock } = timed()
    const journal = new Journal<RequestEntry>({ system })
    const middleware = requestJournal(journal, {
      system,
      headers: ['x-a'],
      query: true,
      data: (asked, response) => [requestId(asked), response?.status],
    })
    const written = body()
    const handler = middleware(() => new Response(written.stream, { status: 202 }))
    const answer = await handler(request('/path?a=1', { method: 'PUT', headers: { 'x-a': 'b' } }))
    expect(middleware.inFlight()).toMatchObject([{ method: 'PUT', path: '/path?a=1' }])
    clock.advanceBy(30)
    written.end()
    await answer.text()
    const { data } = journal.getFirst()!
    expect(data).toMatchObject({ method: 'PUT', path: '/path?a=1', status: 202, durationMs: 30, aborted: false })
    expect(data).toMatchObject({ headers: { 'x-a': 'b' }, data: [data.id, 202] })
    expect(middleware.inFlight()).toEqual([])
  })

  it('notes failures and clients that left', async () => {
    const { system } = timed()
    const journal = new Journal<RequestEntry>({ system })
    const controller = new AbortController()
    const middleware = requestJournal(journal, { system, id: (_, env: { id: string }) => env.id })
    const fails = middleware(async (_asked: Request, _env: { id: string }): Promise<Response> => {
      throw new Error('the work fails')
    })
    await expect(fails(request(), { id: 'one' })).rejects.toThrow('the work fails')
    const leaves = middleware((_asked: Request, _env: { id: string }) => {
      controller.abort()
      return ok()
    })
    await leaves(request('/', { signal: controller.signal }), { id: 'two' })
    expect([...journal].map(({ data: { id, status, aborted } }) => [id, status, aborted])).toEqual([
      ['one', 500, false],
      ['two', 200, true],
    ])
  })
})

describe('priorityFromHeader of keelson/fetch', () => {
  it('trusts peers by address or by a function, and nobody by default', () => {
    const asked = request('/', { headers: { 'x-atrion-tier': 'critical' } })
    const env = { incoming: { socket: { remoteAddress: '10.1.2.3' } } }
    expect(priorityFromHeader()(asked, env)).toBe(60)
    expect(priorityFromHeader({ trust: ['10.0.0.0/8'] })(asked, env)).toBe(100)
    expect(priorityFromHeader({ trust: ['192.0.2.0/24'] })(asked, env)).toBe(60)
    expect(priorityFromHeader({ trust: ({ method }) => method === 'GET', ceiling: 'high' })(asked, undefined)).toBe(80)
  })
})

describe('the middlewares in Hono on a Node server', () => {
  async function app() {
    const all = gated({ limit: 5 })
    const journal = new Journal<RequestEntry>({ system: all.system })
    const hono = new Hono<{ Variables: { user: string } }>()
    const written: ReturnType<typeof body>[] = []
    hono.onError((_, c) => c.text('failed', 500))
    hono.use(requestJournal(journal, { system: all.system, ip: true }))
    hono.use(async (c, next) => {
      c.set('user', 'ada')
      await next()
      c.header('x-after', 'yes')
    })
    hono.use(
      rateLimit({
        limit: 3,
        system: all.system,
        keyGenerator: (_, c: Context) => c.get('user') as string,
        validate: false,
      }),
    )
    hono.use(admission({ atrion: all.atrion }))
    hono.get('/', (c) => c.text(`${rateLimitInfo(c)?.remaining} ${requestId(c) === undefined ? 'no id' : 'id'}`))
    hono.get('/fails', () => {
      throw new Error('the work fails')
    })
    hono.get('/users/:id', admission({ atrion: all.atrion }), (c) => c.text(c.req.param('id')))
    hono.get('/stream', () => {
      const next = body()
      written.push(next)
      return new Response(next.stream)
    })
    return { ...all, ...(await serveFetch(hono.fetch as never)), journal, written }
  }

  it('count, admit and record, and keep what other middlewares set', async () => {
    const { origin, journal, atrion } = await app()
    const first = await fetch(origin)
    expect([await first.text(), first.headers.get('x-after')]).toEqual(['2 id', 'yes'])
    expect(first.headers.get('ratelimit')).toBe('"3-in-1min"; r=2; t=60')
    expect((await fetch(`${origin}/fails`)).status).toBe(500)
    expect(await (await fetch(`${origin}/users/7`)).text()).toBe('7')
    const refused = await fetch(origin)
    expect([refused.status, await refused.text()]).toEqual([429, 'Too many requests, please try again later.'])
    await expect.poll(() => journal.size()).toBe(4)
    expect([...journal].map(({ data: { path, status, ip } }) => [path, status, ip])).toEqual([
      ['/', 200, '127.0.0.1'],
      ['/fails', 500, '127.0.0.1'],
      ['/users/7', 200, '127.0.0.1'],
      ['/', 429, '127.0.0.1'],
    ])
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 3, succeeded: 2, failed: 1 })
    expect(gateOf(atrion, '/users/:id').admitted).toBe(1)
  })

  it('take a client that leaves for one, in the middle of a body', async () => {
    const { origin, journal, atrion, written } = await app()
    const controller = new AbortController()
    const answer = await fetch(`${origin}/stream`, { signal: controller.signal })
    written[0]!.write('first')
    await answer.body!.getReader().read()
    expect(gateOf(atrion, 'app').inFlight).toBe(1)
    controller.abort()
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ succeeded: 0, failed: 0 })
    await expect.poll(() => journal.getFirst()?.data.aborted).toBe(true)
    await expect.poll(() => written[0]!.cancelled).toBeDefined()
  })

  it('end in order with the server', async () => {
    const { origin, server, written, system } = await app()
    const shutdown = gracefulShutdown(server, { system, exit: false, signals: ['SIGUSR2'] })
    const answer = fetch(`${origin}/stream`).then((response) => response.text())
    await once(server, 'request')
    await expect.poll(() => written.length).toBe(1)
    const done = shutdown.shutdown()
    written[0]!.write('all')
    written[0]!.end()
    expect([await answer, await done]).toEqual(['all', 0])
  })
})
