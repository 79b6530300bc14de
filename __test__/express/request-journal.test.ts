import { once } from 'node:events'
import type http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'

import express5 from 'express'
import { createSystem, isInvalidArgumentError, isJournalOverflowError, Journal } from 'keelson'
import { type RequestEntry, requestJournal, type RequestJournalOptions } from 'keelson/express'
import { describe, expect, it, onTestFinished } from 'vitest'

import { type ExpressModule, held, serve, versions } from '../support/express.ts'
import { timed } from '../support/rate-limited.ts'

describe.each(versions)('requestJournal in %s', (_, express: ExpressModule) => {
  async function journaled(options: RequestJournalOptions = {}, journal?: Journal<RequestEntry>) {
    const all = timed()
    const { system, clock } = all
    const log = journal ?? new Journal<RequestEntry>({ system })
    const app = express()
    const hold = held()
    app.use(requestJournal(log, { system, ...options }))
    app.use(
      '/api',
      express.Router().get('/slow', (_req, res) => {
        clock.advanceBy(25)
        res.status(201).send('done')
      }),
    )
    app.use('/held', hold.handler)
    const entries = () => [...log.entries()].map(({ data }) => data)
    return { ...all, ...hold, ...(await serve(app)), log, entries }
  }

  it('appends one entry a request: what was asked, what it became, and how long it took', async () => {
    const { get, entries, log } = await journaled()
    await get('/api/slow?token=secret', { headers: { authorization: 'Bearer secret' } })
    await get('/nowhere', { method: 'DELETE' })
    await expect
      .poll(() => entries())
      .toEqual([
        { id: expect.any(String), method: 'GET', path: '/api/slow', status: 201, durationMs: 25, aborted: false },
        { id: expect.any(String), method: 'DELETE', path: '/nowhere', status: 404, durationMs: 0, aborted: false },
      ])
    expect(log.getSnapshot().entries[0]!.timestamp.wallMs).toBe(1_000_025)
  })

  it('tells headers, addresses, queries and data only when asked, and never secrets', async () => {
    const { get, entries } = await journaled({
      headers: true,
      redact: ['X-Session'],
      ip: true,
      query: true,
      data: (req) => ({ user: req.get('x-user') }),
    })
    const secrets = { authorization: 'Bearer s', cookie: 'a=s', 'x-api-key': 's', 'x-session': 's' }
    await get('/api/slow?page=2', { headers: { ...secrets, 'x-user': 'ada', 'x-long': 'y'.repeat(5000) } })
    await expect.poll(() => entries().length).toBe(1)
    const [entry] = entries() as [RequestEntry]
    expect(entry).toMatchObject({ path: '/api/slow?page=2', ip: '127.0.0.1', data: { user: 'ada' } })
    for (const name of Object.keys(secrets)) expect(entry.headers?.[name]).toBe('[redacted]')
    expect(entry.headers?.['x-user']).toBe('ada')
    expect(entry.headers?.['x-long']).toHaveLength(1024)
    const some = await journaled({ headers: ['User-Agent', 'cookie', 'x-none'] })
    await some.get('/', { headers: { 'user-agent': 'test', cookie: 's' } })
    await expect.poll(() => some.entries()[0]?.headers).toEqual({ 'user-agent': 'test', cookie: '[redacted]' })
  })

  it('tells once of a client that went away, and nothing of what is skipped', async () => {
    const { send, arrival, entries, get, pending } = await journaled({ skip: (req) => req.path === '/api/slow' })
    expect(pending).toBe(0)
    const { leave } = send('/held')
    await arrival()
    leave()
    await expect.poll(() => entries()).toMatchObject([{ path: '/held', aborted: true }])
    await get('/api/slow')
    await get('/last')
    await expect.poll(() => entries().length).toBe(2)
    expect(entries()[1]?.path).toBe('/last')
  })

  it('breaks no request when the journal or a function fails', async () => {
    const system = createSystem()
    const journal = new Journal<RequestEntry>({ maxEntries: 1, overflow: 'bounded:error', system })
    const { get, reported } = await journaled({}, journal)
    for (let i = 0; i < 2; i++) expect((await get('/api/slow')).status).toBe(201)
    await expect.poll(() => reported.length).toBe(1)
    expect(reported[0]!.origin).toBe('requestJournal')
    expect(isJournalOverflowError(reported[0]!.error)).toBe(true)
    await system.close()

    const fault = new Error('my fault')
    const fails = () => {
      throw fault
    }
    const failing = await journaled({ skip: fails, data: fails })
    expect((await failing.get('/api/slow')).status).toBe(201)
    await expect.poll(() => failing.entries()).toMatchObject([{ status: 201 }])
    expect(failing.reported).toEqual([
      { error: fault, origin: 'requestJournal: skip' },
      { error: fault, origin: 'requestJournal: data' },
    ])

    const rejecting = timed()
    const app = express()
    const { system: own } = rejecting
    app.use(requestJournal({ append: () => Promise.reject(fault) }, { system: own }), (_req, res) => void res.end())
    const served = await serve(app)
    expect((await served.get('/')).status).toBe(200)
    await expect.poll(() => rejecting.reported).toEqual([{ error: fault, origin: 'requestJournal' }])
  })
})

it('refuses what is no journal and no option', () => {
  const journal = new Journal<RequestEntry>()
  const bad: [unknown, object][] = [
    [undefined, {}],
    [{}, {}],
    [journal, { headers: 'all' }],
    [journal, { headers: [5] }],
    [journal, { redact: 'cookie' }],
    [journal, { query: 'yes' }],
    [journal, { skip: true }],
    [journal, { id: 'x' }],
    [journal, { header: [] }],
  ]
  for (const [log, options] of bad) {
    let error: unknown
    try {
      requestJournal(log as never, options)
    } catch (thrown) {
      error = thrown
    }
    expect(isInvalidArgumentError(error)).toBe(true)
  }
})

it('gives each request an id, which the app finds at it, and takes the one that is there', async () => {
  const { system } = timed()
  const log = new Journal<RequestEntry>({ system })
  const app = express5()
  app.use((req, _res, next) => {
    const given = req.get('x-given')
    if (given !== undefined) Object.assign(req, { id: given })
    next()
  })
  app.use(requestJournal(log, { system }), (req, res) => void res.send((req as unknown as { id: string }).id))
  const { get } = await serve(app)
  const seen = [await get('/'), await get('/'), await get('/', { headers: { 'x-given': 'abc' } })].map(
    ({ body }) => body,
  )
  await expect.poll(() => log.size()).toBe(3)
  expect([...log.entries()].map(({ data }) => data.id)).toEqual(seen)
  expect(new Set(seen).size).toBe(3)
  expect(seen[2]).toBe('abc')

  const own = new Journal<RequestEntry>({ system })
  const reported = timed()
  const id = (req: { headers: http.IncomingHttpHeaders }) => req.headers['x-request-id'] as string
  const other = express5().use(requestJournal(own, { system: reported.system, id }), (_req, res) => void res.end())
  const served = await serve(other)
  await served.get('/', { headers: { 'x-request-id': 'from outside' } })
  await served.get('/')
  await expect.poll(() => own.size()).toBe(2)
  const [first, second] = [...own.entries()].map(({ data }) => data.id)
  expect(first).toBe('from outside')
  expect(second).toMatch(/-1$/)
  expect(reported.reported.map(({ origin }) => origin)).toEqual(['requestJournal: id'])
})

it('lists the requests that are in flight, the oldest first', async () => {
  const { system, clock } = timed()
  const journal = requestJournal(new Journal<RequestEntry>({ system }), { system })
  const hold = held()
  const { send } = await serve(express5().use(journal).use(hold.handler))
  const first = send('/first?secret=1')
  await hold.arrival()
  clock.advanceBy(40)
  const second = send('/second', { method: 'DELETE' })
  await hold.arrival()
  expect(journal.inFlight()).toEqual([
    { id: expect.any(String), method: 'GET', path: '/first', forMs: 40 },
    { id: expect.any(String), method: 'DELETE', path: '/second', forMs: 0 },
  ])
  first.leave()
  await expect(first.answer).rejects.toThrow()
  await expect.poll(() => journal.inFlight().map(({ path }) => path)).toEqual(['/second'])
  hold.release()
  await second.answer
  await expect.poll(() => journal.inFlight()).toEqual([])
})

it('tells over HTTP/2 which requests their clients reset', async () => {
  const { system } = timed()
  const log = new Journal<RequestEntry>({ system })
  const journal = requestJournal(log, { system }) as unknown as (req: unknown, res: unknown, next: () => void) => void
  const responses: http2.Http2ServerResponse[] = []
  const server = http2.createServer((req, res) => journal(req, res, () => void responses.push(res)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  onTestFinished(() => {
    client.destroy()
    server.close()
  })
  const reset = client.request({ ':path': '/reset' }).on('error', () => {})
  await expect.poll(() => responses.length).toBe(1)
  reset.close(http2.constants.NGHTTP2_CANCEL)
  await expect.poll(() => log.size()).toBe(1)
  const answered = client.request({ ':path': '/answered' }).resume()
  await expect.poll(() => responses.length).toBe(2)
  responses[1]?.end('fine')
  await once(answered, 'close')
  expect([...log.entries()].map(({ data }) => [data.path, data.aborted])).toEqual([
    ['/reset', true],
    ['/answered', false],
  ])
})
