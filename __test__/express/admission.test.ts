import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import http from 'node:http'

import type { ErrorRequestHandler } from 'express'
import { type Atrion, createSystem, getDefaultSystem, isClosedError, isInvalidArgumentError, type Shed } from 'keelson'
import { admission, type AdmissionOptions } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, gated, held, serve, single, versions } from './harness.ts'

const gateOf = (atrion: Atrion, name: string) => atrion.getState(name)!.gate!
const settled = (atrion: Atrion, name: string) => expect.poll(() => gateOf(atrion, name).inFlight).toBe(0)

describe.each(versions)('admission in %s', (_, express: ExpressModule) => {
  describe('admits and reports', () => {
    it('protects an app with one line, as one gate', async () => {
      const { atrion } = gated()
      const app = express()
      app.use(admission({ atrion }))
      app.get('/users/:id', (_req, res) => void res.send('user'))
      app.get('/other', (_req, res) => void res.send('other'))
      const { get } = await serve(app)
      expect(await get('/users/7')).toMatchObject({ status: 200, body: 'user' })
      expect(await get('/other')).toMatchObject({ status: 200, body: 'other' })
      expect(await get('/nothing')).toMatchObject({ status: 404 })
      expect(atrion.getRoutes()).toEqual(['app'])
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 3, succeeded: 3, failed: 0, inFlight: 0 })
    })

    it('counts a status of 500 and above as a failure, by whatever way it came', async () => {
      const { atrion, reported } = gated()
      const app = express()
      app.set('env', 'test')
      app.use(admission({ atrion }))
      app.get('/throws', () => {
        throw new Error('the app failed')
      })
      app.get('/passes', (_req, _res, next) => next(new Error('the app failed')))
      app.get('/answers', (_req, res) => void res.status(502).end())
      app.get('/refuses', (_req, res) => void res.status(404).end())
      const { get } = await serve(app)
      const statuses = []
      for (const path of ['/throws', '/passes', '/answers', '/refuses']) statuses.push((await get(path)).status)
      expect(statuses).toEqual([500, 500, 502, 404])
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 4, succeeded: 1, failed: 3 })
      expect(reported).toEqual([])
    })

    it('asks isFailure when it is given', async () => {
      const { atrion } = gated()
      const app = express()
      app.use(admission({ atrion, isFailure: (req, res) => req.path === '/a' && res.statusCode === 404 }))
      const { get } = await serve(app)
      await get('/a')
      await get('/b')
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ succeeded: 1, failed: 1 })
    })

    it('reports an aborted request once, as neither success nor failure', async () => {
      const { atrion } = gated()
      const app = express()
      const { handler, arrival, release } = held()
      app.use(admission({ atrion }), handler)
      const { send } = await serve(app)
      const { answer, leave } = send('/')
      await arrival()
      expect(gateOf(atrion, 'app').inFlight).toBe(1)
      leave()
      await expect(answer).rejects.toThrow()
      await settled(atrion, 'app')
      release() // The handler answers nobody.
      await new Promise((resolve) => setTimeout(resolve, 20))
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 1, succeeded: 0, failed: 0, inFlight: 0 })
    })

    it('holds the place of a stream until it ends or its client leaves', async () => {
      const { atrion } = gated()
      const app = express()
      app.use(admission({ atrion }))
      app.get('/events', (_req, res) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' })
        res.write('data: 1\n\n')
        if (_req.query['end'] !== undefined) setTimeout(() => res.end('data: 2\n\n'), 10)
      })
      const { port, get } = await serve(app)
      await get('/events?end')
      await settled(atrion, 'app')
      const request = http.get({ port, path: '/events', agent: false })
      request.on('error', () => {})
      const [response] = await once(request, 'response')
      await once(response, 'data')
      expect(gateOf(atrion, 'app').inFlight).toBe(1)
      request.destroy()
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, succeeded: 1, failed: 0 })
    })

    it('lets requests pass that were answered, and leaves those alone whose client has gone', async () => {
      const { atrion } = gated()
      const app = express()
      let inside = 0
      app.use('/answered', (_req, res, next) => {
        res.on('close', next)
        res.end('early')
      })
      app.use('/gone', (req, res, next) => {
        res.on('close', next)
        req.socket.destroy()
      })
      app.use(admission({ atrion }), (_req, res) => {
        inside += 1
        res.end()
      })
      const { get } = await serve(app)
      expect(await get('/answered')).toMatchObject({ status: 200, body: 'early' })
      await expect(get('/gone')).rejects.toThrow()
      expect(inside).toBe(1)
      expect(atrion.getRoutes()).toEqual([])
    })

    it('frees the place of a request that takes longer than timeoutMs', async () => {
      const { atrion } = gated(single)
      const app = express()
      const { handler, arrival, release } = held()
      app.use(admission({ atrion, timeoutMs: 30 }), handler)
      const { send } = await serve(app)
      const { answer } = send('/')
      await arrival()
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ failed: 1, timedOut: 1 })
      release()
      expect(await answer).toMatchObject({ status: 200 })
      expect(gateOf(atrion, 'app')).toMatchObject({ failed: 1, succeeded: 0 })
    })
  })

  describe('names its gates', () => {
    it('after the pattern of a route, and knows equal patterns as one gate', async () => {
      const { atrion } = gated()
      const app = express()
      const api = express.Router()
      const gate = admission({ atrion })
      api.get('/users/:id', gate, (_req, res) => void res.send('read'))
      api.post('/users/:id', admission({ atrion }), (_req, res) => void res.send('written'))
      api.get(/^\/files\/(.+)$/, gate, (_req, res) => void res.send('file'))
      api.get(['/a', '/b'], gate, (_req, res) => void res.send('both'))
      app.use('/api', api)
      app.get('/', gate, (_req, res) => void res.send('root'))
      const { get } = await serve(app)
      for (let id = 0; id < 20; id++) expect((await get(`/api/users/${id}`)).body).toBe('read')
      expect((await get('/api/users/1', { method: 'POST' })).body).toBe('written')
      await get('/api/files/x/y')
      await get('/api/a')
      await get('/api/b')
      await get('/')
      expect(atrion.getRoutes()).toEqual(['/api/users/:id', '/api/^\\/files\\/(.+)$/', '/api/a,/b', '/'])
      expect(gateOf(atrion, '/api/users/:id').admitted).toBe(21)
    })

    it('after the mount of a router, without the values of parameters', async () => {
      const { atrion } = gated()
      const app = express()
      const router = express.Router()
      router.get('/x', (_req, res) => void res.send('x'))
      app.use('/tenants/:tenant/v1', admission({ atrion }), router)
      app.use('/plain', admission({ atrion }), router)
      const { get } = await serve(app)
      for (const tenant of ['a', 'b', 'c%20d', 'v1']) await get(`/tenants/${tenant}/v1/x`)
      await get('/plain/x')
      expect(atrion.getRoutes()).toEqual(['/tenants/:tenant/v1', '/plain'])
    })

    it('after its mount also when a route passed the request on to it', async () => {
      const { atrion } = gated()
      const app = express()
      app.get('/users/:id', (_req, _res, next) => next())
      app.use(admission({ atrion }))
      app.use((_req, res) => void res.send('ok'))
      const { get } = await serve(app)
      await get('/')
      for (let id = 0; id < 5; id++) await get(`/users/${id}`)
      expect(atrion.getRoutes()).toEqual(['app'])
    })

    it('after the pattern when tracing has wrapped it', async () => {
      const { atrion } = gated()
      const app = express()
      const gate = admission({ atrion })
      app.get(
        '/users/:id',
        (req, res, next) => gate(req, res, next),
        (_req, res) => void res.send('ok'),
      )
      const { get } = await serve(app)
      for (let id = 0; id < 5; id++) await get(`/users/${id}`)
      expect(atrion.getRoutes()).toEqual(['/users/:id'])
    })

    it('as it is told to', async () => {
      const { atrion } = gated()
      const app = express()
      const gate = admission({ atrion, name: 'search' })
      app.get('/search/:term', gate, (_req, res) => void res.send('ok'))
      app.use('/lookup', gate, (_req, res) => void res.send('ok'))
      const { get } = await serve(app)
      await get('/search/a')
      await get('/lookup/b')
      expect(atrion.getRoutes()).toEqual(['search'])
    })

    it('never after the path: a scan makes no gates', { timeout: 60_000 }, async () => {
      const { atrion } = gated()
      const app = express()
      const gate = admission({ atrion })
      app.use(admission({ atrion }))
      app.use('/tenants/:tenant', gate)
      app.get('/users/:id', gate, (_req, res) => void res.end())
      const { get } = await serve(app)
      const scan = async (from: number) => {
        for (let i = from; i < 5000; i += 20)
          await get(`${['/', '/tenants/', '/users/'][i % 3]}${i}-${'x'.repeat(i % 50)}`)
      }
      await Promise.all(Array.from({ length: 20 }, (__, from) => scan(from)))
      expect(atrion.getRoutes().toSorted()).toEqual(['/tenants/:tenant', '/users/:id', 'app'])
      expect(gateOf(atrion, 'app').admitted).toBe(5000)
    })

    it('one for each key, of which the coldest is forgotten', async () => {
      const { atrion } = gated(undefined, 50)
      const app = express()
      app.use(admission({ atrion, key: (req) => req.get('x-tenant') }), (_req, res) => void res.end())
      const { get } = await serve(app)
      for (let i = 0; i < 200; i++) await get('/', { headers: { 'x-tenant': `t${i}` } })
      expect(atrion.getRoutes()).toHaveLength(50)
      expect(atrion.getRoutes()).toContain('app:t199')
      expect(atrion.getRoutes()).not.toContain('app:t0')
      await get('/')
      expect(atrion.getRoutes()).toContain('app')
    })

    it('after the digest of a long key', async () => {
      const { createHash } = await import('node:crypto')
      const { atrion } = gated()
      const app = express()
      app.use(admission({ atrion, key: (req) => req.get('authorization') }), (_req, res) => void res.end())
      const { get } = await serve(app)
      const tokens = [128, 129, 183, 184, 192, 1000].map((length) => 'tö'.repeat(length).slice(0, length))
      for (const token of tokens) await get('/', { headers: { authorization: token } })
      const names = tokens.map((token) =>
        // What came over the wire was read as Latin-1.
        token.length > 128 ? createHash('sha256').update(token).digest('hex') : token,
      )
      expect(atrion.getRoutes()).toEqual(names.map((name) => `app:${name}`))
    })

    it('holds one tenant back without the others', async () => {
      const { atrion } = gated(single)
      const app = express()
      const { handler, arrival, release } = held()
      app.use(admission({ atrion, key: (req) => req.get('x-tenant') }))
      app.get('/slow', handler)
      app.get('/', (_req, res) => void res.end())
      const { get } = await serve(app)
      const slow = get('/slow', { headers: { 'x-tenant': 'a' } })
      await arrival()
      expect((await get('/', { headers: { 'x-tenant': 'a' } })).status).toBe(503)
      expect((await get('/', { headers: { 'x-tenant': 'b' } })).status).toBe(200)
      release()
      expect((await slow).status).toBe(200)
    })
  })

  /** An app whose only place is taken. */
  async function full(options: AdmissionOptions = {}, config = single) {
    const all = gated(config)
    const app = express()
    const hold = held()
    app.use(admission({ atrion: all.atrion, ...options }))
    app.all('/slow', hold.handler)
    app.use((_req, res) => void res.send('fine'))
    const served = await serve(app)
    const slow = served.get('/slow')
    await hold.arrival()
    return { ...all, ...served, ...hold, slow }
  }

  describe('refuses', () => {
    it('with 503, a time to come back and a reason', async () => {
      const { get, release, slow, atrion } = await full()
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
      const { get } = await full({ statusCode: 429 })
      expect((await get('/')).status).toBe(429)
    })

    it('by a handler of the user', async () => {
      const sheds: Shed[] = []
      const { get } = await full({
        handler: (req, res, _next, shed) => {
          sheds.push(shed)
          res.status(503).send(`sorry, ${req.path}`)
        },
      })
      expect(await get('/x')).toMatchObject({ status: 503, body: 'sorry, /x' })
      expect(sheds).toEqual([expect.objectContaining({ allow: false, route: 'app' })])
    })

    it('by a handler that lets it in after all', async () => {
      const { get } = await full({ handler: (_req, _res, next) => next() })
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
      const { get } = await full({ onShed: (req, shed) => void told.push([req.path, shed]) })
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
      const { send, get } = await full()
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

  it('takes one place for a request that meets the same gate twice', async () => {
    const { atrion } = gated(single)
    const app = express()
    const gate = admission({ atrion })
    app.use(gate, gate)
    app.use(admission({ atrion }), (_req, res) => void res.send('fine'))
    const { get } = await serve(app)
    expect(await get('/')).toMatchObject({ status: 200 })
    expect(gateOf(atrion, 'app').admitted).toBe(1)
  })

  describe('lets wait', () => {
    const queue = { ...single, maxQueue: 1, queueDeadlineMs: 5000 }

    it('until there is a place', async () => {
      const { get, send, release, slow, atrion } = await full({}, queue)
      const waiting = send('/').answer
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
      release()
      expect(await slow).toMatchObject({ status: 200 })
      expect(await waiting).toMatchObject({ status: 200, body: 'fine' })
      expect((await get('/')).status).toBe(200)
      await settled(atrion, 'app')
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 3, succeeded: 3 })
    })

    it('no longer than maxWaitMs', async () => {
      const { get, atrion } = await full({ maxWaitMs: 30 }, queue)
      expect(await get('/')).toMatchObject({ status: 503, body: expect.stringContaining('"queue-deadline"') })
      expect(gateOf(atrion, 'app')).toMatchObject({ queued: 0, inFlight: 1 })
    })

    it('the more important first', async () => {
      const order: string[] = []
      const { send, release, atrion, slow } = await full(
        {
          priority: (req) => {
            order.push(`asked ${req.path}`)
            return req.path === '/important' ? 'critical' : 'background'
          },
        },
        { ...queue, maxQueue: 2 },
      )
      const answers = ['/first', '/second'].map((path) => send(path).answer)
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(2)
      const important = send('/important').answer
      // It displaced one of the two.
      const { status, body } = await Promise.race(answers)
      expect({ status, body }).toEqual({ status: 503, body: expect.stringContaining('"displaced"') })
      release()
      expect((await slow).status).toBe(200)
      expect((await important).status).toBe(200)
      expect((await Promise.all(answers)).map((answer) => answer.status).toSorted()).toEqual([200, 503])
      expect(order).toContain('asked /important')
    })

    it('nobody who has left', async () => {
      const { send, release, slow, atrion, get } = await full({}, queue)
      const { answer, leave } = send('/slow')
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
      leave()
      await expect(answer).rejects.toThrow()
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(0)
      release()
      await slow
      await settled(atrion, 'app')
      // The app never saw it.
      expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 1, succeeded: 1 })
      expect((await get('/')).status).toBe(200)
    })

    it('and goes on in the context of the request', async () => {
      const { atrion } = gated(queue)
      const storage = new AsyncLocalStorage<string>()
      const app = express()
      const { handler, arrival, release } = held()
      app.use((req, _res, next) => storage.run(req.path, next))
      app.use(admission({ atrion }))
      app.get('/slow', handler)
      app.use((_req, res) => void res.send(storage.getStore()))
      const { get, send } = await serve(app)
      const slow = send('/slow').answer
      await arrival()
      const waiting = get('/waiting')
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
      storage.run('another', release)
      expect((await waiting).body).toBe('/waiting')
      await slow
    })
  })

  it('only observes in shadow mode', async () => {
    const told: Shed[] = []
    const { get, atrion, release, slow } = await full({
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
    const { get, atrion } = await full({ skip: (req) => req.path === '/healthz' })
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/')).status).toBe(503)
    expect(gateOf(atrion, 'app').admitted).toBe(1)
  })

  describe('never breaks a request', () => {
    it.each(['skip', 'key', 'priority', 'isFailure'] as const)(
      'when %s fails: it counts as not given',
      async (name) => {
        const { atrion, reported } = gated()
        const app = express()
        const fault = new Error('my fault')
        const faults = [
          () => {
            throw fault
          },
          () => 'urgent',
          async () => {
            throw fault
          },
        ]
        let call = 0
        const question = () => faults[call++]!()
        app.use(admission({ atrion, [name]: question }), (_req, res) => void res.send('fine'))
        const { get } = await serve(app)
        for (let i = 0; i < 3; i++) expect(await get('/')).toMatchObject({ status: 200, body: 'fine' })
        await expect.poll(() => call).toBe(3)
        const errors = reported.map(({ error }) => error)
        expect(reported.every(({ origin }) => origin === `admission: ${name}`)).toBe(true)
        expect(errors[0]).toBe(fault)
        expect(isInvalidArgumentError(errors.at(-1))).toBe(true)
        expect(errors).toHaveLength(name === 'priority' ? 3 : 2)
      },
    )

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
    ])('when onShed %s', async (_name, onShed) => {
      const { get, reported } = await full({ onShed })
      expect((await get('/')).status).toBe(503)
      expect(reported).toEqual([{ error: new Error('my fault'), origin: 'admission: onShed' }])
    })

    it('when the Atrion is closed: all pass, and it is said once', async () => {
      const { get, atrion, reported, send, release, slow } = await full({}, { ...single, maxQueue: 1 })
      const waiting = send('/').answer
      await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
      atrion.close()
      expect(await waiting).toMatchObject({ status: 200, body: 'fine' })
      expect((await get('/')).status).toBe(200)
      expect((await get('/')).status).toBe(200)
      release()
      expect((await slow).status).toBe(200)
      expect(reported).toHaveLength(1)
      expect(isClosedError(reported[0]!.error)).toBe(true)
    })
  })

  it('shares one Atrion a system, and makes another after the default system was closed', async () => {
    const app = express()
    const gate = admission()
    app.use(gate, admission(), (_req, res) => void res.send('fine'))
    const { get } = await serve(app)
    expect((await get('/')).status).toBe(200)
    await getDefaultSystem().close()
    expect((await get('/')).status).toBe(200)
    const system = createSystem()
    const other = express()
    other.use(admission({ system }), (_req, res) => void res.send('fine'))
    const served = await serve(other)
    expect((await served.get('/')).status).toBe(200)
    await system.close()
    await getDefaultSystem().close()
  })
})

describe('admission without Express', () => {
  it('reports a failure when next() throws, and lets the throw go its way', async () => {
    const { atrion, reported } = gated()
    const gate = admission({ atrion }) as unknown as (req: unknown, res: unknown, next: () => void) => void
    let caught: unknown
    const { get } = await serve((req, res) => {
      try {
        gate(req, res, () => {
          throw new Error('the app failed')
        })
      } catch (error) {
        caught = error
        res.statusCode = 200
        res.end('mended')
      }
    })
    expect(await get('/')).toMatchObject({ status: 200, body: 'mended' })
    expect(caught).toEqual(new Error('the app failed'))
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 1, failed: 1, succeeded: 0, inFlight: 0 })
    expect(reported).toEqual([])
  })
})
