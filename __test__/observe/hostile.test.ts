import * as fc from 'fast-check'
import { connect } from 'node:net'
import { observe, type Observation } from 'keelson/observe'
import { GenServer } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import type { System } from 'keelson/system'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { framed, SocketClient } from '../support/observed.ts'
import { tempDirectory } from '../support/temp-directory.ts'

let system: System
let observation: Observation
let path: string

beforeAll(async () => {
  system = createTestSystem()
  const folder = tempDirectory((clean) => afterAll(clean))
  observation = await observe(system, { socket: `${folder}/hostile.sock`, http: true })
  path = observation.address.socket as string
  await GenServer.start(
    { init: () => 0, handleCall: (_: unknown, n: number) => [n, n] as const, handleCast: (_: unknown, n: number) => n },
    { system, name: 'bystander' },
  )
})
afterAll(() => system.close())

async function goodbyeTo(bytes: Buffer): Promise<unknown> {
  const client = await SocketClient.open(path)
  client.socket.write(bytes)
  await client.closed()
  return client.frames.at(-1)
}

/** The host answers as ever. */
async function isUnharmed(): Promise<void> {
  const client = await SocketClient.greet(path)
  client.send({ type: 'tree', id: 7 })
  expect((await client.until(({ id }) => id === 7))['rows'][0][1][1]).toBe('bystander')
  client.socket.destroy()
}

test('pitfall 7: garbage, half a frame, 1 GB length prefix, slow-loris: dropped with a reason, host unharmed', async () => {
  expect(await goodbyeTo(framed('no json'))).toEqual({ type: 'bye', reason: 'garbage' })
  expect(await goodbyeTo(Buffer.from([0x40, 0, 0, 0]))).toEqual({ type: 'bye', reason: 'too-long' })
  expect(await goodbyeTo(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toEqual({ type: 'bye', reason: 'too-long' })
  // Half a frame, and a client that says nothing at all: after five seconds each.
  const [half, silent] = await Promise.all([
    goodbyeTo(framed({ type: 'hello', v: 1 }).subarray(0, 9)),
    goodbyeTo(Buffer.alloc(0)),
  ])
  expect([half, silent]).toEqual([
    { type: 'bye', reason: 'timeout' },
    { type: 'bye', reason: 'timeout' },
  ])
  await isUnharmed()
}, 30_000)

test('pitfall 5: slow reader: bounded memory, dropped count shown, resync by snapshot', async () => {
  const client = await SocketClient.greet(path)
  client.socket.pause()
  const label = 'l'.repeat(60)
  // Each answer is about as long as its request, and none of them is read.
  const before = process.memoryUsage().rss
  const requests = Buffer.concat(Array.from({ length: 500 }, (_, id) => framed({ type: 'tree', id, key: label })))
  for (let round = 0; round < 40; round++) client.socket.write(requests)
  await isUnharmed()
  expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20)
  client.socket.resume()
  await client.until(({ id }) => id === 499)
  client.send({ type: 'watch', tables: [{ table: 'a', kind: 'process' }] })
  await client.until(({ type }) => type === 'page')
  expect((await client.until(({ type }) => type === 'update'))['dropped']).toBeTypeOf('number')
  client.socket.destroy()
})

test('random clients of both servers do no harm', async () => {
  const frame = fc.oneof(
    fc.constantFrom(
      { type: 'hello', v: 1 },
      { type: 'watch', tables: [{ table: 'a', kind: 'process', by: 'mailbox', limit: 500 }] },
      { type: 'detail', id: 1, kind: 'process', key: 'none' },
      { type: 'tree', id: 2 },
      { type: 'journal', id: 3, key: 'none' },
      { type: 'action', id: 4, action: 'kill', key: 'none' },
      { type: 'pause' },
      { type: 'resume' },
    ),
    fc.jsonValue(),
  )
  const bytes = fc.oneof(
    frame.map((value) => framed(value)),
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
    fc
      .constantFrom('GET / HTTP/1.1\r\n', 'Host: localhost\r\n\r\n', 'Content-Length: 9999\r\n')
      .map((text) => Buffer.from(text)),
  )
  const port = Number(new URL(observation.address.http as string).port)
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(bytes, { maxLength: 12 }), async (isHttp, parts) => {
      await new Promise<void>((resolve) => {
        const socket = isHttp ? connect(port, '127.0.0.1') : connect(path)
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.on('data', () => {})
        for (const part of parts) socket.write(part)
        // Leaves half-way.
        socket.end(() => setImmediate(() => socket.destroy()))
      })
    }),
    { numRuns: 300 },
  )
  await isUnharmed()
})
