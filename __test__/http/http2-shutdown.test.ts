import { once } from 'node:events'
import http2 from 'node:http2'
import https from 'node:https'
import { connect, type AddressInfo } from 'node:net'

import Fastify from 'fastify'
import { gracefulShutdown, type ShutdownOptions } from 'keelson/express'
import { gracefulShutdown as ofFastify } from 'keelson/fastify'
import { describe, expect, it, onTestFinished } from 'vitest'

import { acceptsConnections } from '../support/accepts-connections.ts'
import { createStage } from '../support/system.ts'

/** TLS with a key that both sides know, which needs no certificate. */
const psk = Buffer.from('a key that both sides know')
const onBoth = { ciphers: 'PSK', maxVersion: 'TLSv1.2' as const }
const ofServer = { ...onBoth, pskCallback: () => psk }
const ofClient = {
  ...onBoth,
  pskCallback: () => ({ psk, identity: 'client' }),
  checkServerIdentity: () => undefined,
}

/** Options of an end that leaves the process alone. */
function options(more: ShutdownOptions = {}) {
  const stage = createStage()
  onTestFinished(() => stage.system.close())
  return { stage, options: { system: stage.system, exit: false, signals: ['SIGUSR2' as const], ...more } }
}

/** A server whose requests for `/held` are answered when `release` is called. */
async function serve(server: http2.Http2Server | http2.Http2SecureServer) {
  const held: http2.Http2ServerResponse[] = []
  const answers = (req: http2.Http2ServerRequest, res: http2.Http2ServerResponse): void => {
    if (req.url === '/begun') res.write('begun ')
    if (req.url === '/held' || req.url === '/begun') held.push(res)
    else res.end('answered')
  }
  server.on('request', answers)
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { port, held, release: () => held.splice(0).forEach((res) => res.end('at last')) }
}

function clientOf(url: string, more?: http2.SecureClientSessionOptions): http2.ClientHttp2Session {
  const client = http2.connect(url, more)
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  return client
}

async function ask(client: http2.ClientHttp2Session, path: string): Promise<string> {
  const stream = client.request({ ':path': path })
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(stream, 'close')
  return text
}

describe('gracefulShutdown over HTTP/2', () => {
  it('answers open streams, opens no more, and closes idle sessions at once', async () => {
    const server = http2.createServer()
    const { options: opts } = options()
    const shutdown = gracefulShutdown(server, opts)
    const { port, held, release } = await serve(server)
    const [busy, idle] = [clientOf(`http://127.0.0.1:${port}`), clientOf(`http://127.0.0.1:${port}`)]
    expect(await ask(idle, '/')).toBe('answered')
    const answer = ask(busy, '/held')
    await expect.poll(() => held.length).toBe(1)
    const refused = once(busy, 'goaway')
    const closed = once(idle, 'close')
    const done = shutdown.shutdown()
    await closed
    await refused
    await expect.poll(() => acceptsConnections(port)).toBe(false)
    release()
    expect([await answer, await done]).toEqual(['at last', 0])
    expect(shutdown.brokenOff).toEqual([])
    await expect.poll(() => busy.closed).toBe(true)
  })

  it('breaks off streams that take longer than its timeout, and names them', async () => {
    const server = http2.createServer()
    const { stage, options: opts } = options({ timeout: 500 })
    const shutdown = gracefulShutdown(server, opts)
    const { port, held } = await serve(server)
    const client = clientOf(`http://127.0.0.1:${port}`)
    const answers = [ask(client, '/held?secret=1'), ask(client, '/begun')].map((answer) => answer.catch(() => 'broken'))
    await expect.poll(() => held.length).toBe(1)
    await expect.poll(() => held.length + answers.length).toBeGreaterThan(2)
    const done = shutdown.shutdown()
    await stage.clock.advance(500)
    expect(await done).toBe(1)
    expect(shutdown.brokenOff).toContainEqual({ what: 'an answer that had begun', method: 'GET', path: '/begun' })
    await Promise.all(answers)
  })

  it('drains a secure server that speaks HTTP/1 as well', async () => {
    const server = http2.createSecureServer({ ...ofServer, allowHTTP1: true })
    const { options: opts } = options()
    const shutdown = gracefulShutdown(server, opts)
    const { port, held, release } = await serve(server)
    const session = clientOf(`https://127.0.0.1:${port}`, ofClient as never)
    const agent = new https.Agent({ keepAlive: true, ...(ofClient as object) })
    onTestFinished(() => agent.destroy())
    const overOne = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const request = https.get({ port, host: '127.0.0.1', path, agent }, (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('end', () => resolve(`${text}, ${response.headers.connection}`))
        })
        request.on('error', reject)
      })
    const handshake = connect(port, '127.0.0.1')
    handshake.on('error', () => {})
    await once(handshake, 'connect')
    expect(await overOne('/')).toBe('answered, keep-alive')
    const answers = [ask(session, '/held'), overOne('/held')]
    await expect.poll(() => held.length).toBe(2)
    const done = shutdown.shutdown()
    release()
    expect(await Promise.all(answers)).toEqual(['at last', 'at last, close'])
    expect(await done).toBe(0)
  })

  it('drains a Fastify app over HTTP/2', async () => {
    const app = Fastify({ http2: true })
    let release = (): void => {}
    app.get('/held', () => new Promise((resolve) => (release = () => resolve('at last'))))
    const { options: opts } = options()
    const shutdown = ofFastify(app as never, opts)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const client = clientOf(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
    const answer = ask(client, '/held')
    await expect.poll(() => String(release)).toContain('resolve')
    const done = shutdown.shutdown()
    release()
    expect([await answer, await done]).toEqual(['at last', 0])
  })

  it('leaves a server alone after dispose', async () => {
    const server = http2.createServer()
    const before = server.eventNames().length
    const { options: opts } = options()
    gracefulShutdown(server, opts).dispose()
    expect(server.eventNames()).toHaveLength(before)
  })
})
