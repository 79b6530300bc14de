import { createServer, type Server } from 'node:http'

import { withSystem } from 'keelson/testing'

import { ask, settle } from './in-memory-http.mjs'

const echo = (): Server =>
  createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method, url, headers, socket } = request
    response.setHeader('x-seen', String(headers['x-sent']))
    response.statusCode = 201
    response.end(JSON.stringify({ method, url, body, address: socket.remoteAddress }))
  })

test('a request and its answer arrive whole, without a port', async () => {
  const options = { method: 'PUT', headers: { 'x-sent': '1' }, body: { text: 'ä' }, address: '192.0.2.9' }
  const { status, headers, body } = await ask(echo(), '/path?query', options)
  expect([status, headers['x-seen']]).toEqual([201, '1'])
  expect(JSON.parse(body)).toEqual({ method: 'PUT', url: '/path?query', body: '{"text":"ä"}', address: '192.0.2.9' })
})

test('the server notices a client that goes away, and the client a server that does', async () => {
  const closed: string[] = []
  const server = createServer((request, response) => {
    if (request.url === '/breaks') request.socket.destroy()
    else response.on('close', () => closed.push(request.url ?? ''))
  })
  const leaving = new AbortController()
  const left = ask(server, '/hangs', { signal: leaving.signal }).catch((error: Error) => error.name)
  await expect(ask(server, '/breaks')).rejects.toMatchObject({ code: 'ECONNRESET' })
  leaving.abort()
  expect(await left).toBe('AbortError')
  while (closed.length === 0) await new Promise(setImmediate)
  expect(closed).toEqual(['/hangs'])
})

test(
  'settle moves the clock to the answer and no further',
  withSystem(async ({ clock }) => {
    const server = createServer((_request, response) => {
      clock.schedule(250, () => response.end('late'))
      clock.schedule(251, () => {})
    })
    expect((await settle(clock, ask(server, '/'))).body).toBe('late')
    expect(clock.monoMs()).toBe(250)
    await expect(settle(clock, Promise.reject(new Error('refused')))).rejects.toThrow('refused')
  }),
)
