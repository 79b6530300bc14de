import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, gated, gateOf, held, serve, single, versions } from '../support/express.ts'

describe.each(versions)('admission in %s', (_, express: ExpressModule) => {
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

    it('never after the path: a scan makes no gates', async () => {
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
})
