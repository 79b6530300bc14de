import type { ErrorRequestHandler } from 'express'
import type { Shed } from 'keelson'
import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, full, gated, gateOf, held, serve, settled, single, versions } from './harness.ts'

describe.each(versions)('admission in %s', (_, express: ExpressModule) => {
  describe('refuses', () => {
    it('with 503, a time to come back and a reason', async () => {
      const { get, release, slow, atrion } = await full(express)
      const { status, headers, body } = await get('/')
      expect(status).toBe(503)
      expect(headers['content-type']).toBe('application/json; charset=utf-8')
      expect(headers['cache-control']).toBe('no-store')
      const { error, reason, retryAfterMs } = JSON.parse(body)
      expect({ error, reason }).toEqual({ error: 'overloaded', reason: expect.stringMatching(/^(limit|queue-full)$/) })
      expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
      expect(Number(headers['retry-after'])).toBe(Math.max(1, Math.ceil(retryAfterMs / 1000)))
      expect(Number.isInteger(retryAfterMs)).toBe(true)
      expect(await get('/', { method: 'HEAD' })).toMatchObject({ status: 503, body: '' })
      release()
      expect((await slow).status).toBe(200)
      expect((await get('/')).status).toBe(200)
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, failed: 0 })
    })

    it('with another status', async () => {
      const { get } = await full(express, { statusCode: 429 })
      expect((await get('/')).status).toBe(429)
    })

    it('by a handler of the user', async () => {
      const sheds: Shed[] = []
      const { get } = await full(express, {
        handler: (req, res, _next, shed) => {
          sheds.push(shed)
          res.status(503).send(`sorry, ${req.path}`)
        },
      })
      expect(await get('/x')).toMatchObject({ status: 503, body: 'sorry, /x' })
      expect(sheds).toEqual([expect.objectContaining({ allow: false, route: 'app' })])
    })

    it('by a handler that lets it in after all', async () => {
      const { get } = await full(express, { handler: (_req, _res, next) => next() })
      expect(await get('/')).toMatchObject({ status: 200, body: 'fine' })
    })

    it.each([
      [
        'throws',
        () => {
          throw new Error('my fault')
        },
      ],
      [
        'rejects',
        async () => {
          throw new Error('my fault')
        },
      ],
    ])('through next(error) when the handler %s', async (_name, handler) => {
      const { atrion, reported } = gated(single)
      const app = express()
      const { handler: hold, arrival } = held()
      app.use(admission({ atrion, handler }), hold)
      const onError: ErrorRequestHandler = (error, _req, res, _next) => void res.status(599).send(error.message)
      app.use(onError)
      const { get, send } = await serve(app)
      send('/')
      await arrival()
      expect(await get('/')).toMatchObject({ status: 599, body: 'my fault' })
      expect(reported).toEqual([])
    })

    it('and tells onShed', async () => {
      const told: [string, Shed][] = []
      const { get } = await full(express, { onShed: (req, shed) => void told.push([req.path, shed]) })
      await get('/x')
      expect(told).toEqual([['/x', expect.objectContaining({ allow: false, retryAfterMs: expect.any(Number) })]])
    })

    it('keeps the headers that were set before, for browsers of other origins', async () => {
      const { atrion } = gated(single)
      const app = express()
      const { handler, arrival } = held()
      app.use((_req, res, next) => {
        res.setHeader('Access-Control-Allow-Origin', '*')
        next()
      })
      app.use(admission({ atrion }), handler)
      const { get, send } = await serve(app)
      send('/')
      await arrival()
      expect((await get('/')).headers['access-control-allow-origin']).toBe('*')
    })

    it('a request with a body without leaving its connection stuck', async () => {
      const { send, get } = await full(express)
      const post = (size: number) => send('/', { method: 'POST' }, Buffer.alloc(size)).answer
      const small = await post(10_000)
      expect(small.status).toBe(503)
      expect(small.headers.connection).toBe('keep-alive')
      const large = await post(200_000)
      expect(large).toMatchObject({ status: 503, headers: { connection: 'close' } })
      expect((await get('/')).status).toBe(503)
    })

    it('and counts nothing at gates further out', async () => {
      const { atrion: outer } = gated()
      const { atrion: inner } = gated(single)
      const app = express()
      const { handler, arrival, release } = held()
      app.use(admission({ atrion: outer }))
      app.get('/', admission({ atrion: inner }), handler)
      const { get, send } = await serve(app)
      const { answer } = send('/')
      await arrival()
      for (let i = 0; i < 5; i++) expect((await get('/')).status).toBe(503)
      release()
      await answer
      await settled(outer, 'app')
      expect(gateOf(outer, 'app')).toMatchObject({ admitted: 6, succeeded: 1, failed: 0 })
    })
  })

  it('only observes in shadow mode', async () => {
    const told: Shed[] = []
    const { get, atrion, release, slow } = await full(express, {
      shadow: true,
      onShed: (_req, shed) => void told.push(shed),
      handler: () => expect.unreachable(),
    })
    expect(await get('/')).toMatchObject({ status: 200, body: 'fine' })
    expect(told).toEqual([expect.objectContaining({ allow: false, route: 'app' })])
    release()
    await slow
    await settled(atrion, 'app')
    const { admitted, succeeded, shed } = gateOf(atrion, 'app')
    expect({ admitted, succeeded }).toEqual({ admitted: 1, succeeded: 2 })
    expect(Object.values(shed).reduce((a, b) => a + b)).toBe(1)
  })

  it('lets what is skipped pass uncounted', async () => {
    const { get, atrion } = await full(express, { skip: (req) => req.path === '/healthz' })
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/')).status).toBe(503)
    expect(gateOf(atrion, 'app').admitted).toBe(1)
  })
})
