import { once } from 'node:events'
import type http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'

import type { NextFunction, Request, Response } from 'express'
import { type AdmissionConfig, Atrion, createControlledClock } from 'keelson'
import { admission } from 'keelson/express'
import { admission as fastifyAdmission } from 'keelson/fastify'
import { describe, expect, it, onTestFinished } from 'vitest'

import { app as fastifyApp } from '../../support/fastify.ts'
import { type ExpressModule, gateOf, serve, type Served, versions } from '../../support/express.ts'
import { timed } from '../../support/rate-limited.ts'

interface Arrived {
  readonly res: http.ServerResponse
  readonly next: NextFunction
}

/** A handler that does nothing by itself, and who came to it. */
function handed() {
  const arrivals: Arrived[] = []
  const waiting: ((arrived: Arrived) => void)[] = []
  return {
    handler: (_req: Request, res: Response, next: NextFunction) => {
      const arrived = { res, next }
      const taker = waiting.shift()
      if (taker === undefined) arrivals.push(arrived)
      else taker(arrived)
    },
    arrival: async (): Promise<Arrived> =>
      arrivals.shift() ?? (await new Promise<Arrived>((resolve) => waiting.push(resolve))),
  }
}

/** An app on a controlled clock, whose handler leaves everything to the test. */
async function orphaned(express: ExpressModule, config: AdmissionConfig = { limit: 50 }) {
  const all = timed()
  const atrion = new Atrion({ system: all.system, admission: config })
  const { handler, arrival } = handed()
  const app = express()
  app.set('env', 'test')
  app.use(admission({ atrion }))
  app.get('/work', handler)
  const served = await serve(app)
  const left = (): Promise<Arrived> => leave(served, arrival)
  /** Clients leave, and the handler ends all the same: so the next is waited for. */
  const proven = async (): Promise<void> => {
    for (let orphan = 0; orphan < 4; orphan++) (await left()).res.end()
  }
  return { ...all, atrion, arrival, served, left, proven, gate: () => gateOf(atrion, 'app') }
}

/** A request whose client leaves while it is at work. */
async function leave({ send }: Served, arrival: () => Promise<Arrived>): Promise<Arrived> {
  const { answer, leave: go } = send('/work')
  const arrived = await arrival()
  const closed = once(arrived.res, 'close')
  go()
  await closed
  await expect(answer).rejects.toThrow()
  return arrived
}

const nothing = { inFlight: 0, succeeded: 0, failed: 0, timedOut: 0 }

describe.each(versions)('work whose client left, in %s', (_, express: ExpressModule) => {
  it.each([
    ['answers', ({ res }: Arrived) => void (res as Response).send('to nobody')],
    ['ends the response', ({ res }: Arrived) => void res.end()],
    ['fails', ({ next }: Arrived) => next(new Error('called off'))],
  ])('keeps its place until it %s, which counts as nothing', async (_how, settle) => {
    const { left, proven, gate, reported, clock } = await orphaned(express)
    await proven()
    const arrived = await left()
    await clock.advance(9999)
    expect(gate().inFlight).toBe(1)
    settle(arrived)
    // What answers errors in Express first sees the request to its end.
    await expect.poll(() => gate().inFlight).toBe(0)
    expect(gate()).toMatchObject({ ...nothing, admitted: 5 })
    arrived.res.end('again')
    expect(gate()).toMatchObject(nothing)
    expect(reported).toEqual([])
    expect(clock.getPendingTimerCount()).toBeLessThanOrEqual(1)
  })

  it('keeps its place for ten seconds when it says nothing, and then nobody keeps one', async () => {
    const { left, proven, gate, clock } = await orphaned(express)
    await proven()
    const { res } = await left()
    await clock.advance(9999)
    expect(gate().inFlight).toBe(1)
    await clock.advance(1)
    expect(gate()).toMatchObject(nothing)
    res.end('late')
    expect(gate()).toMatchObject(nothing)
    await left()
    expect(gate()).toMatchObject(nothing)
  })

  it('keeps no place before four in a row were heard to end', async () => {
    const { left, gate, clock } = await orphaned(express)
    for (let orphan = 0; orphan < 3; orphan++) {
      const { res } = await left()
      expect(gate()).toMatchObject(nothing)
      res.end()
    }
    await left()
    await clock.advance(10_000)
    for (let orphan = 0; orphan < 4; orphan++) {
      const { res } = await left()
      expect(gate()).toMatchObject(nothing)
      res.end()
    }
    await left()
    expect(gate()).toMatchObject({ ...nothing, inFlight: 1 })
  })

  it('tells the gate how long clients stay', async () => {
    const { served, arrival, proven, gate, clock } = await orphaned(express)
    await proven()
    for (let client = 0; client < 4; client++) {
      const { answer, leave: go } = served.send('/work')
      const { res } = await arrival()
      clock.advanceBy(20)
      const closed = once(res, 'close')
      go()
      await closed
      await expect(answer).rejects.toThrow()
    }
    expect(gate().inFlight).toBe(4)
    // Half of their patience, while nothing is known of the work. The four who left at once say nothing.
    expect(gate().queueDeadlineMs).toBeCloseTo(10, 1)
  })

  it('keeps no place for an answer that has begun, or was given before its client left', async () => {
    const { served, arrival, proven, gate } = await orphaned(express)
    await proven()
    for (const begin of [
      (res: http.ServerResponse) => res.write('data: 1\n\n'),
      // More than the connection holds: it is written, and not sent.
      (res: http.ServerResponse) => res.end(Buffer.alloc(20_000_000)),
    ]) {
      const { leave: go } = served.send('/work')
      const { res } = await arrival()
      begin(res)
      const closed = once(res, 'close')
      go()
      await closed
      expect(gate()).toMatchObject({ inFlight: 0, failed: 0 })
    }
  })

  it('keeps its places at every gate on its way', async () => {
    const { system, reported } = timed()
    const atrion = new Atrion({ system })
    const { handler, arrival } = handed()
    const app = express()
    app.use(admission({ atrion }))
    app.get('/work', admission({ atrion, name: 'inner' }), handler)
    const served = await serve(app)
    for (let orphan = 0; orphan < 4; orphan++) (await leave(served, arrival)).res.end()
    const { res } = await leave(served, arrival)
    expect([gateOf(atrion, 'app').inFlight, gateOf(atrion, 'inner').inFlight]).toEqual([1, 1])
    res.end()
    expect([gateOf(atrion, 'app'), gateOf(atrion, 'inner')]).toMatchObject([nothing, nothing])
    expect(reported).toEqual([])
  })

  it('keeps no place when nobody would see its end', async () => {
    const { system, reported } = timed()
    const clock = createControlledClock()
    const atrion = new Atrion({ system, clock })
    const { handler, arrival } = handed()
    const app = express()
    app.use(admission({ atrion }))
    app.get('/work', handler)
    const { send } = await serve(app)
    const { leave: go } = send('/work')
    const { res } = await arrival()
    clock.close()
    const closed = once(res, 'close')
    go()
    await closed
    expect(gateOf(atrion, 'app')).toMatchObject(nothing)
    expect(reported).toMatchObject([{ origin: 'admission: the report of a request' }])
  })
})

it('work whose client left keeps its place in Fastify until it replies', async () => {
  const { system } = timed()
  const atrion = new Atrion({ system })
  const fastify = fastifyApp()
  await fastify.register(fastifyAdmission, { atrion })
  const work: ((settle: () => Promise<string>) => void)[] = []
  const closes: Promise<unknown>[] = []
  fastify.get('/', async (_request, reply) => {
    closes.push(once(reply.raw, 'close'))
    const settle = await new Promise<() => Promise<string>>((resolve) => work.push(resolve))
    return settle()
  })
  await fastify.listen({ port: 0, host: '127.0.0.1' })
  const { port } = fastify.server.address() as AddressInfo
  const settles = [async () => 'to nobody', () => Promise.reject(new Error('called off'))]
  for (const [request, settle] of [...settles, ...settles, ...settles].entries()) {
    const client = new AbortController()
    const answer = fetch(`http://127.0.0.1:${port}/`, { signal: client.signal })
    await expect.poll(() => closes.length).toBe(1)
    client.abort()
    await expect(answer).rejects.toThrow()
    await closes.pop()
    expect(gateOf(atrion, 'app').inFlight).toBe(request < 4 ? 0 : 1)
    work.pop()?.(settle)
    // It replies some microtasks later.
    await new Promise((resolve) => setImmediate(resolve))
    expect(gateOf(atrion, 'app')).toMatchObject(nothing)
  }
})

it('work whose client left keeps its place over HTTP/2, and is no success', async () => {
  const { system } = timed()
  const atrion = new Atrion({ system })
  const gate = admission({ atrion }) as unknown as (req: unknown, res: unknown, next: () => void) => void
  const responses: http2.Http2ServerResponse[] = []
  const server = http2.createServer((req, res) => gate(req, res, () => void responses.push(res)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  for (let request = 0; request < 5; request++) {
    const stream = client.request({ ':path': '/' })
    stream.on('error', () => {})
    await expect.poll(() => responses.length).toBe(1)
    const closed = once(responses[0] as http2.Http2ServerResponse, 'close')
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await closed
    expect(gateOf(atrion, 'app').inFlight).toBe(request < 4 ? 0 : 1)
    responses.pop()?.end('to nobody')
    expect(gateOf(atrion, 'app')).toMatchObject(nothing)
  }
  const stream = client.request({ ':path': '/' }).resume()
  await expect.poll(() => responses.length).toBe(1)
  responses.pop()?.end('fine')
  await once(stream, 'close')
  expect(gateOf(atrion, 'app')).toMatchObject({ ...nothing, succeeded: 1 })
})
