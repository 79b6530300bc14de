import { once } from 'node:events'
import http from 'node:http'

import { createSystem, getDefaultSystem } from 'keelson'
import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, gated, gateOf, held, serve, settled, single, versions } from '../support/express.ts'

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
