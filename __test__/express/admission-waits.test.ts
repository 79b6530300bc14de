import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'

import { admission } from 'keelson/express'
import { describe, expect, it } from 'vitest'

import { type ExpressModule, full, gated, gateOf, held, serve, settled, single, versions } from '../support/express.ts'

describe.each(versions)('admission in %s', (_, express: ExpressModule) => {
  describe('lets wait', () => {
    const queue = { ...single, maxQueue: 1, queueDeadlineMs: 5000 }

    it('until there is a place', async () => {
      const { get, send, release, slow, atrion } = await full(express, {}, queue)
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
      const { get, atrion } = await full(express, { maxWaitMs: 30 }, queue)
      expect(await get('/')).toMatchObject({ status: 503, body: expect.stringContaining('"queue-deadline"') })
      expect(gateOf(atrion, 'app')).toMatchObject({ queued: 0, inFlight: 1 })
    })

    it('the more important first', async () => {
      const order: string[] = []
      const { send, release, atrion, slow } = await full(
        express,
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
      const { send, release, slow, atrion, get } = await full(express, {}, queue)
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
})

it('without Express, what next() throws after a wait is uncaught, as it would be without us', async () => {
  const { atrion } = gated({ ...single, maxQueue: 1, queueDeadlineMs: 5000 })
  const gate = admission({ atrion }) as unknown as (req: unknown, res: unknown, next: () => void) => void
  const { handler, arrival, release } = held()
  const { send } = await serve((req, res) =>
    gate(req, res, () => {
      if (req.url === '/throws') throw new Error('the app failed')
      handler(req, res)
    }),
  )
  const slow = send('/').answer
  await arrival()
  send('/throws')
  await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  try {
    const uncaught = once(process, 'uncaughtException')
    release()
    expect(await uncaught).toEqual([new Error('the app failed'), 'uncaughtException'])
  } finally {
    for (const listener of others) process.on('uncaughtException', listener)
  }
  await slow
  await settled(atrion, 'app')
  expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, succeeded: 1, failed: 1 })
})
