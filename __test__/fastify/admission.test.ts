import type { Atrion } from 'keelson'
import { Journal } from 'keelson'
import {
  admission,
  admissionHook,
  type AdmissionOptions,
  type RequestEntry,
  requestJournal,
  type RequestJournalOptions,
} from 'keelson/fastify'
import { describe, expect, it } from 'vitest'

import { gated, gateOf, settled, single } from '../support/express.ts'
import { timed } from '../support/rate-limited.ts'
import { app } from '../support/fastify.ts'

/** An app whose only place is taken. */
async function full(options: AdmissionOptions = {}, config = single) {
  const all = gated(config)
  const fastify = app()
  await fastify.register(admission, { atrion: all.atrion, ...options })
  let arrive: () => void
  const arrived = new Promise<void>((resolve) => (arrive = resolve))
  let release: () => void = () => {}
  fastify.get('/slow', async () => {
    arrive()
    await new Promise<void>((resolve) => (release = resolve))
    return 'done'
  })
  fastify.get('/', () => 'fine')
  fastify.get('/fails', () => {
    throw new Error('the work fails')
  })
  const slow = fastify.inject('/slow')
  // An injected request begins when it is waited for.
  void slow.then(() => {})
  await arrived
  return { ...all, fastify, slow, release: () => release() }
}

describe('admission in Fastify', () => {
  it('admits, measures and reports', async () => {
    const { atrion } = gated()
    const fastify = app()
    await fastify.register(admission, { atrion })
    fastify.get('/', () => 'fine')
    fastify.get('/fails', () => {
      throw new Error('the work fails')
    })
    expect((await fastify.inject('/')).body).toBe('fine')
    expect((await fastify.inject('/fails')).statusCode).toBe(500)
    await settled(atrion, 'app')
    expect(gateOf(atrion, 'app')).toMatchObject({ admitted: 2, succeeded: 1, failed: 1 })
  })

  it('refuses at once what it cannot do in time', async () => {
    const { fastify, slow, release, atrion } = await full()
    const refused = await fastify.inject('/')
    expect(refused.statusCode).toBe(503)
    expect(refused.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json; charset=utf-8',
    })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(refused.json()).toMatchObject({ error: 'overloaded', reason: 'limit' })
    release()
    expect((await slow).body).toBe('done')
    await settled(atrion, 'app')
    expect((await fastify.inject('/')).body).toBe('fine')
  })

  it('lets a request wait for its place', async () => {
    const { fastify, slow, release, atrion } = await full({}, { ...single, maxQueue: 5, queueDeadlineMs: 10_000 })
    const waiting = fastify.inject('/').then(({ body }) => body)
    await expect.poll(() => gateOf(atrion, 'app').queued).toBe(1)
    release()
    expect([(await slow).body, await waiting]).toEqual(['done', 'fine'])
  })

  it('names gates after prefixes and patterns, and keys', async () => {
    const { atrion } = gated()
    const fastify = app()
    fastify.get('/users/:id', { onRequest: admissionHook({ atrion }) }, () => 'user')
    await fastify.register(
      async (api) => {
        await api.register(admission, { atrion, key: (request) => request.headers['x-tenant'] as string | undefined })
        api.get('/x', () => 'x')
      },
      { prefix: '/api' },
    )
    for (const url of ['/users/1', '/users/2', '/api/x']) await fastify.inject(url)
    await fastify.inject({ url: '/api/x', headers: { 'x-tenant': 'a' } })
    expect(atrion.getRoutes()).toEqual(['/users/:id', '/api', '/api:a'])
  })

  it('leaves the answer to a handler, tells of refusals, and only observes in shadow mode', async () => {
    const told: string[] = []
    const { fastify, release } = await full({
      onShed: (request, shed) => void told.push(`${request.url} ${shed.reason}`),
      handler: (_request, reply, shed) => reply.code(429).send({ reason: shed.reason }),
    })
    const refused = await fastify.inject('/')
    expect([refused.statusCode, refused.json()]).toEqual([429, { reason: 'limit' }])
    expect(told).toEqual(['/ limit'])
    release()
    const shadow = await full({ shadow: true, onShed: (request) => void told.push(request.url) })
    expect((await shadow.fastify.inject('/')).statusCode).toBe(200)
    expect(told.at(-1)).toBe('/')
    shadow.release()
  })

  it('lets everybody pass once its Atrion is closed', async () => {
    const { fastify, atrion, reported, release } = await full()
    atrion.close()
    for (let i = 0; i < 3; i++) expect((await fastify.inject('/')).statusCode).toBe(200)
    expect(reported).toHaveLength(1)
    release()
  })

  it('refuses options when it is registered', async () => {
    const fastify = app()
    fastify.register(admission, { limits: 5 } as AdmissionOptions)
    await expect(async () => fastify.ready()).rejects.toMatchObject({ field: 'options.limits' })
    expect(() => admissionHook({ atrion: {} as Atrion })).toThrow('options.atrion')
  })
})

describe('requestJournal in Fastify', () => {
  it('appends one entry a request', async () => {
    const { system, clock } = timed()
    const journal = new Journal<RequestEntry>({ system })
    const fastify = app()
    await fastify.register(requestJournal, {
      journal,
      system,
      headers: true,
      data: (request) => request.routeOptions.url,
    })
    fastify.get('/users/:id', () => {
      clock.advanceBy(7)
      return { ok: true }
    })
    await fastify.inject({ url: '/users/5?token=s', headers: { authorization: 'secret', 'user-agent': 'test' } })
    await fastify.inject('/nowhere')
    const entries = () => [...journal.entries()].map(({ data }) => data)
    await expect.poll(() => entries().length).toBe(2)
    expect(entries()[0]).toMatchObject({ method: 'GET', path: '/users/5', status: 200, durationMs: 7, aborted: false })
    expect(entries()[0]).toMatchObject({
      data: '/users/:id',
      headers: { authorization: '[redacted]', 'user-agent': 'test' },
    })
    expect(entries()[1]).toMatchObject({ path: '/nowhere', status: 404 })
  })

  it('refuses what is no journal', async () => {
    const fastify = app()
    fastify.register(requestJournal, {} as RequestJournalOptions)
    await expect(async () => fastify.ready()).rejects.toMatchObject({ field: 'journal' })
  })
})
