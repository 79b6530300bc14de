import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'

import type { ErrorRequestHandler } from 'express'
import type { Shed } from 'keelson'
import { admission } from 'keelson/express'
import { describe, expect, it, onTestFinished } from 'vitest'

import { type ExpressModule, full, gated, gateOf, held, serve, settled, single, versions } from '../support/express.ts'
import { limited } from '../support/rate-limited.ts'

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

    it('an upload so that its client sees the answer, however it sends', async () => {
      const { port } = await full(express)
      const size = 20_000_000
      const sent = async function* () {
        for (let part = 0; part < size / 100_000; part++) yield Buffer.alloc(100_000)
      }
      const url = `http://127.0.0.1:${port}/`
      for (let upload = 0; upload < 4; upload++) {
        expect((await fetch(url, { method: 'POST', body: Buffer.alloc(size) })).status).toBe(503)
        const streamed = { method: 'POST', body: Readable.toWeb(Readable.from(sent())), duplex: 'half' } as RequestInit
        expect((await fetch(url, streamed)).status).toBe(503)
        const status = await new Promise((resolve, reject) => {
          const headers = { 'content-length': size }
          const request = http.request(url, { method: 'POST', agent: false, headers }, (response) => {
            resolve(response.statusCode)
            response.resume()
          })
          // Some clients go on sending after the answer, and are told that nobody reads it.
          request.on('error', reject)
          request.end(Buffer.alloc(size))
        })
        expect(status).toBe(503)
      }
    })

    it('an upload that never ends with the end of its connection', async () => {
      const { port, clock, get, server } = await limited(express, { limit: 1 })
      await get('/')
      const before = clock.getPendingTimerCount()
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      onTestFinished(() => void socket.destroy())
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx')
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 429 /)
      socket.on('error', () => {})
      await expect.poll(() => clock.getPendingTimerCount()).toBe(before + 1)
      const connections = () => new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
      const others = Number(await connections()) - 1
      await clock.advance(6000)
      await expect.poll(connections).toBe(others)
      await expect.poll(() => clock.getPendingTimerCount()).toBe(before)
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
