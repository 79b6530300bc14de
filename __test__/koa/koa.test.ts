import { Readable } from 'node:stream'

import { Router } from '@koa/router'
import { Journal } from 'keelson'
import {
  admission,
  type AdmissionOptions,
  priorityFromHeader,
  rateLimit,
  type RateLimitOptions,
  type RequestEntry,
  requestJournal,
} from 'keelson/koa'
import { describe, expect, it } from 'vitest'

import { gated, gateOf, held, serve, settled, single } from '../support/express.ts'
import { koaApp, type KoaModule, koas } from '../support/koa.ts'
import { timed } from '../support/rate-limited.ts'

describe.each(koas)('admission in %s', (_, Koa) => {
  /** An app whose only place is taken by a request for `/slow`. */
  async function full(options: AdmissionOptions = {}, config = single) {
    const all = gated(config)
    const app = koaApp(Koa)
    const hold = held()
    app.use(admission({ atrion: all.atrion, ...options }))
    app.use(async (ctx, next) => {
      if (ctx.path !== '/slow') return next()
      return new Promise<void>((resolve) => {
        hold.handler(ctx.req, { end: () => resolve((ctx.body = 'done') as never) } as never)
      })
    })
    app.use((ctx) => {
      if (ctx.path === '/fails') throw new Error('the work fails')
      ctx.body = 'fine'
    })
    const served = await serve(app.callback())
    const slow = served.get('/slow')
    await hold.arrival()
    return { ...all, ...served, ...hold, slow }
  }

  it('admits, measures and reports', async () => {
    const { release, slow, get, atrion } = await full({}, { limit: 10 })
    release()
    expect((await slow).body).toBe('done')
    expect((await get('/')).body).toBe('fine')
    expect((await get('/fails')).status).toBe(500)
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 3, succeeded: 2, failed: 1 })
  })

  it('refuses at once what it cannot do in time, and goes on afterwards', async () => {
    const { release, slow, get, atrion } = await full()
    const refused = await get('/')
    expect(refused.status).toBe(503)
    expect(refused.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(JSON.parse(refused.body)).toMatchObject({ error: 'overloaded', reason: 'limit' })
    release()
    await slow
    await settled(atrion, 'app')
    expect((await get('/')).body).toBe('fine')
  })

  it('lets a request wait for its place, and forgets one whose client leaves', async () => {
    const { release, slow, get, send, atrion } = await full({}, { ...single, maxQueue: 5, queueDeadlineMs: 10_000 })
    const leaving = send('/', { agent: false })
    await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
    leaving.leave()
    await expect.poll(() => gateOf(atrion, 'app').queued).toBe(0)
    const waiting = get('/')
    await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
    release()
    expect([(await slow).body, (await waiting).body]).toEqual(['done', 'fine'])
  })

  it('ends the middlewares around it when a client leaves while it waits', async () => {
    const all = gated({ ...single, maxQueue: 5, queueDeadlineMs: 10_000 })
    const app = koaApp(Koa)
    const ended: string[] = []
    app.use(async (ctx, next) => {
      await next()
      ended.push(ctx.path)
    })
    app.use(admission({ atrion: all.atrion }))
    let release = (): void => {}
    app.use((ctx) => new Promise<void>((resolve) => (release = () => resolve((ctx.body = 'done') as never))))
    const { get, send } = await serve(app.callback())
    const slow = get('/slow')
    await expect.poll(() => all.atrion.getState('app')?.gate?.inFlight).toBe(1)
    const leaving = send('/leaves', { agent: false })
    await expect.poll(() => gateOf(all.atrion, 'app').queued).toBe(1)
    leaving.leave()
    await expect.poll(() => ended).toEqual(['/leaves'])
    release()
    expect((await slow).body).toBe('done')
  })

  it('lets a handler of yours answer, or pass the request on', async () => {
    const { get, release } = await full({
      handler: async (ctx, next, { reason }) => {
        if (ctx.path === '/passes') return await next()
        if (ctx.path === '/throws') throw Object.assign(new Error('not now'), { status: 418 })
        ctx.status = 429
        return (ctx.body = reason)
      },
    })
    expect(await get('/')).toMatchObject({ status: 429, body: 'limit' })
    expect(await get('/passes')).toMatchObject({ status: 200, body: 'fine' })
    expect((await get('/throws')).status).toBe(418)
    release()
  })

  it('holds the place of a stream until it has ended', async () => {
    const all = gated({ limit: 5 })
    const app = koaApp(Koa)
    let end = (): void => {}
    app.use(admission({ atrion: all.atrion }))
    app.use((ctx) => {
      const stream = new Readable({ read() {} })
      stream.push('first')
      end = () => void stream.push(null)
      ctx.body = stream
    })
    const { get } = await serve(app.callback())
    const answer = get('/')
    await expect.poll(() => gateOf(all.atrion, 'app').inFlight).toBe(1)
    end()
    expect((await answer).body).toBe('first')
    await settled(all.atrion, 'app')
    expect(gateOf(all.atrion, 'app').succeeded).toBe(1)
  })

  it('names gates after patterns of a router and keys, and takes the voltage of a trusted header', async () => {
    const all = gated()
    const app = koaApp(Koa)
    const router = new Router()
    const priority = priorityFromHeader({ trust: ['127.0.0.1'] })
    router.get('/users/:id', admission({ atrion: all.atrion, key: (ctx) => ctx.get('x-tenant') }), (ctx) => {
      ctx.body = priority(ctx)
    })
    app.use(router.routes() as never)
    const { get } = await serve(app.callback())
    expect((await get('/users/1', { headers: { 'x-tenant': 'a', 'x-atrion-tier': 'critical' } })).body).toBe('100')
    await get('/users/2')
    expect(all.atrion.getRoutes()).toEqual(['/users/:id:a', '/users/:id'])
  })
})

describe.each(koas)('rateLimit in %s', (_, Koa) => {
  async function limited(options: RateLimitOptions = {}, app = koaApp(Koa)) {
    const all = timed()
    const limiter = rateLimit({ limit: 2, system: all.system, ...options })
    app.use(limiter)
    app.use((ctx) => {
      ctx.body = { used: ctx.rateLimit?.used, key: ctx.rateLimit?.key }
    })
    return { ...all, ...(await serve(app.callback())), limiter }
  }

  it('counts, tells the quota, and refuses', async () => {
    const { get, limiter } = await limited()
    expect(JSON.parse((await get('/')).body)).toEqual({ used: 1, key: '127.0.0.1' })
    expect((await get('/')).headers['ratelimit']).toBe('"2-in-1min"; r=0; t=60')
    const refused = await get('/')
    expect(refused).toMatchObject({ status: 429, body: 'Too many requests, please try again later.' })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    limiter.resetKey('127.0.0.1')
    expect((await get('/')).status).toBe(200)
    expect(limiter.getKey('127.0.0.1')?.used).toBe(1)
  })

  it('lets a handler of yours answer, and waits for an asynchronous key', async () => {
    const { get } = await limited({
      limit: 1,
      keyGenerator: async (ctx) => ctx.get('x-user'),
      handler: (ctx, _next, info) => {
        ctx.status = 418
        ctx.body = info.key
      },
    })
    expect((await get('/', { headers: { 'x-user': 'ada' } })).status).toBe(200)
    expect((await get('/', { headers: { 'x-user': 'bob' } })).status).toBe(200)
    expect(await get('/', { headers: { 'x-user': 'ada' } })).toMatchObject({ status: 418, body: 'ada' })
  })

  it('reads addresses as app.proxy says, and reports setups that make it useless', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' }
    const untrusted = await limited()
    expect(JSON.parse((await untrusted.get('/', { headers })).body).key).toBe('127.0.0.1')
    expect(untrusted.reported.map(({ error }) => (error as { check?: string }).check)).toEqual(['xForwardedForHeader'])
    const trusting = await limited({}, koaApp(Koa, { proxy: true }))
    expect(JSON.parse((await trusting.get('/', { headers })).body).key).toBe('203.0.113.9')
    expect(trusting.reported.map(({ error }) => (error as { check?: string }).check)).toEqual(['trustProxy'])
  })

  it('gives back what failed requests took', async () => {
    const app = koaApp(Koa)
    const all = timed()
    const limiter = rateLimit({ limit: 5, system: all.system, skipFailedRequests: true })
    app.use(limiter)
    app.use((ctx) => ctx.throw(400))
    const { get } = await serve(app.callback())
    await get('/')
    await expect.poll(() => limiter.getKey('127.0.0.1')?.used ?? 0).toBe(0)
  })
})

describe.each(koas)('requestJournal in %s', (_, Koa: KoaModule) => {
  it('writes an entry a request, with the id that the context has', async () => {
    const { system, clock } = timed()
    const journal = new Journal<RequestEntry>({ system })
    const middleware = requestJournal(journal, { system, data: (ctx) => ({ id: ctx.id }) })
    const app = koaApp(Koa)
    app.use(middleware)
    let inFlight = 0
    app.use((ctx) => {
      inFlight = middleware.inFlight().length
      clock.advanceBy(7)
      ctx.status = 201
    })
    const { get } = await serve(app.callback())
    await get('/made?secret=1')
    await expect.poll(() => journal.size()).toBe(1)
    const { data } = journal.getFirst()!
    expect(data).toMatchObject({ method: 'GET', path: '/made', status: 201, durationMs: 7, aborted: false })
    expect(data.data).toEqual({ id: data.id })
    expect([inFlight, middleware.inFlight()]).toEqual([1, []])
  })

  it('notes a request whose client left', async () => {
    const { system } = timed()
    const journal = new Journal<RequestEntry>({ system })
    const app = koaApp(Koa)
    const hold = held()
    app.use(requestJournal(journal, { system }))
    app.use((ctx) => new Promise<void>((resolve) => hold.handler(ctx.req, { end: resolve } as never)))
    const { send } = await serve(app.callback())
    const { leave } = send('/', { agent: false })
    await hold.arrival()
    leave()
    await expect.poll(() => journal.getFirst()?.data.aborted).toBe(true)
    hold.release()
  })
})
