import { isInvalidArgumentError, Journal } from 'keelson'
import { type RequestEntry, requestJournal, type RequestJournalOptions } from 'keelson/fastify'
import { describe, expect, it } from 'vitest'

import { timed } from '../support/rate-limited.ts'
import { app } from '../support/fastify.ts'

async function journaled(options: Partial<RequestJournalOptions> = {}, server?: object) {
  const all = timed()
  const journal = new Journal<RequestEntry>({ system: all.system })
  const fastify = app(server)
  await fastify.register(requestJournal, { journal, system: all.system, ...options })
  fastify.get('/slow', async (_, reply) => {
    all.clock.advanceBy(25)
    return reply.code(201).send('done')
  })
  fastify.get('/fails', async () => {
    throw new Error('my fault')
  })
  const entries = () => [...journal.entries()].map(({ data }) => data)
  return { ...all, fastify, entries }
}

describe('requestJournal in Fastify', () => {
  it('appends one entry a request, those that fail and those that no route answers included', async () => {
    const { fastify, entries } = await journaled()
    for (const url of ['/slow?token=secret', '/fails', '/nowhere']) await fastify.inject(url)
    await expect.poll(entries).toEqual([
      { id: 'req-1', method: 'GET', path: '/slow', status: 201, durationMs: 25, aborted: false },
      { id: 'req-2', method: 'GET', path: '/fails', status: 500, durationMs: 0, aborted: false },
      { id: 'req-3', method: 'GET', path: '/nowhere', status: 404, durationMs: 0, aborted: false },
    ])
  })

  it('lists the requests that are in flight', async () => {
    const { fastify } = await journaled()
    let listed: unknown
    fastify.get('/look', async () => {
      listed = fastify.requestsInFlight()
      return 'done'
    })
    await fastify.inject('/look')
    expect(listed).toEqual([{ id: 'req-1', method: 'GET', path: '/look', forMs: 0 }])
    expect(fastify.requestsInFlight()).toEqual([])
  })

  it('tells what it is asked for, with the addresses that Fastify believes, and no secrets', async () => {
    const { fastify, entries } = await journaled(
      { headers: ['x-user', 'authorization'], ip: true, data: (request) => ({ id: request.id }) },
      { trustProxy: '127.0.0.1' },
    )
    const headers = { 'x-user': 'ada', authorization: 'Bearer s', 'x-forwarded-for': '203.0.113.7' }
    await fastify.inject({ url: '/slow', headers })
    await expect
      .poll(entries)
      .toMatchObject([
        { ip: '203.0.113.7', headers: { 'x-user': 'ada', authorization: '[redacted]' }, data: { id: 'req-1' } },
      ])
  })

  it('breaks no request when the journal fails, and refuses one that is none', async () => {
    const fault = new Error('my fault')
    const { fastify, reported } = await journaled({ journal: { append: () => Promise.reject(fault) } })
    expect((await fastify.inject('/slow')).statusCode).toBe(201)
    await expect.poll(() => reported).toEqual([{ error: fault, origin: 'requestJournal' }])

    const other = app()
    other.register(requestJournal, { journal: {} } as never)
    const refused: unknown = await Promise.resolve(other.ready()).catch((error: unknown) => error)
    expect(isInvalidArgumentError(refused) && refused.field).toBe('journal')
  })
})
