import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

import { gracefulShutdown, type ShutdownOptions } from 'keelson/express'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'

import { createStage } from '../support/system.ts'

/** A server of WebSockets that sends back what it gets, and its end under control. */
async function serve(more: ShutdownOptions = {}) {
  const stage = createStage()
  onTestFinished(() => stage.system.close())
  const server = http.createServer((_, res) => res.end('plain'))
  const shutdown = gracefulShutdown(server, { system: stage.system, exit: false, signals: ['SIGUSR2'], ...more })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => {
    socket.on('error', () => {})
    socket.on('message', (data) => socket.send(String(data)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = async (path = '/'): Promise<{ client: WebSocket; closed: Promise<number>; heard: string[] }> => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`)
    client.on('error', () => {})
    onTestFinished(() => client.terminate())
    const heard: string[] = []
    client.on('message', (data) => heard.push(String(data)))
    const closed = once(client, 'close').then(([code]) => code as number)
    await once(client, 'open')
    return { client, closed, heard }
  }
  return { ...stage, stage, shutdown, server, sockets, open, port }
}

it('closes idle WebSockets with 1001, and waits for their closing handshake', async () => {
  const { shutdown, open, stage } = await serve()
  const [one, other] = [await open(), await open()]
  const done = shutdown.shutdown()
  await stage.clock.advance(1000)
  expect([await one.closed, await other.closed, await done]).toEqual([1001, 1001, 0])
  expect(shutdown.brokenOff).toEqual([])
})

it('lets a busy one go on until it is idle', async () => {
  const { shutdown, open, stage } = await serve({ webSocketIdleMs: 100, timeout: 60_000 })
  const { client, closed, heard } = await open()
  const done = shutdown.shutdown()
  for (const text of ['a', 'b', 'c']) {
    await stage.clock.advance(75)
    client.send(text)
    await expect.poll(() => heard).toContain(text)
  }
  await stage.clock.advance(75)
  expect(client.readyState).toBe(WebSocket.OPEN)
  await stage.clock.advance(75)
  expect([await closed, await done]).toEqual([1001, 0])
  expect(heard).toEqual(['a', 'b', 'c'])
})

it('closes those that stay busy after half of its time', async () => {
  const { shutdown, open, stage } = await serve({ webSocketIdleMs: 400, timeout: 2000 })
  const { client, closed, heard } = await open()
  const done = shutdown.shutdown()
  for (let sent = 0; sent < 10; sent++) {
    client.send(`${sent}`)
    await expect.poll(() => heard).toContain(`${sent}`)
    await stage.clock.advance(100)
  }
  expect([await closed, await done]).toEqual([1001, 0])
})

it('closes all at once when no idle time is asked for', async () => {
  const { shutdown, open } = await serve({ webSocketIdleMs: 0 })
  const { closed } = await open()
  const done = shutdown.shutdown()
  expect([await closed, await done]).toEqual([1001, 0])
})

it('breaks off after its timeout those whose clients do not answer, and names them', async () => {
  const { shutdown, open, stage, reported } = await serve({ timeout: 3000 })
  const { client } = await open('/feed?token=secret')
  client.pause()
  const done = shutdown.shutdown()
  await stage.clock.advance(3000)
  expect(await done).toBe(1)
  expect(shutdown.brokenOff).toEqual([{ what: 'an upgraded connection', method: 'GET', path: '/feed' }])
  expect(reported.map(([, origin]) => origin)).toContain('graceful shutdown: broken off')
})

it('leaves a server without WebSockets as it was: an upgrade that nobody handles is a plain request', async () => {
  const { server, sockets, port, shutdown } = await serve()
  const ask = async (): Promise<number> => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket' }
    const request = http.get({ port, host: '127.0.0.1', headers })
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.resume()
    return response.statusCode!
  }
  expect(await ask()).toBe(400)
  sockets.close()
  expect(server.listenerCount('upgrade')).toBe(0)
  expect(await ask()).toBe(200)
  shutdown.dispose()
  server.on('upgrade', () => {})
  expect(server.listenerCount('upgrade')).toBe(1)
})

it('refuses an idle time that is none', () => {
  const { system } = createStage()
  const server = http.createServer()
  for (const webSocketIdleMs of [-1, NaN, '5'] as number[]) {
    expect(() => gracefulShutdown(server, { system, webSocketIdleMs })).toThrow(
      expect.objectContaining({ field: 'options.webSocketIdleMs' }),
    )
  }
  expect(server.listenerCount('connection')).toBe(1)
})
