import { spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'

import { ask, bearer, type Frame, type Loose, SocketClient } from '../support/observed.ts'
import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const children: ReturnType<typeof spawn>[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Starts a program, and returns its lines of output, which are JSON, one at a time. */
function start(program: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['-e', program], { cwd: root, env: { ...process.env, ...env } })
  children.push(child)
  let text = ''
  let errors = ''
  const waiters: (() => void)[] = []
  child.stdout.on('data', (chunk) => {
    text += String(chunk)
    for (const wake of waiters.splice(0)) wake()
  })
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  child.on('exit', () => {
    for (const wake of waiters.splice(0)) wake()
  })
  const line = async (): Promise<Loose> => {
    while (!text.includes('\n')) {
      if (child.exitCode !== null) throw new Error(`ended: ${errors}`)
      await new Promise<void>((resolve) => waiters.push(resolve))
    }
    const end = text.indexOf('\n')
    const found = JSON.parse(text.slice(0, end))
    text = text.slice(end + 1)
    return found
  }
  return { child, line, errors: () => errors }
}

test('pitfall 16: draws and scrapes while JS is blocked 5 s and names the process and message', async () => {
  const socket = `${tempDirectory()}/blocked.sock`
  const { child, line } = start(`
    const { observe } = require('keelson/observe')
    const { GenServer } = require('keelson/otp')
    const { Atrion } = require('keelson/atrion')
    const { readSync } = require('node:fs')
    const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
    ;(async () => {
      const { address, token } = await observe({ socket: ${JSON.stringify(socket)}, http: true })
      new Atrion().tryAdmit('checkout').done()
      const ref = await GenServer.start({
        init: () => 0,
        handleCall: (_, n) => [n, n],
        // Blocks until its parent writes, without a turn of the event loop.
        handleCast: (_, n) => { say('blocked'); readSync(0, Buffer.alloc(1)); return n },
      }, { name: 'blocker' })
      say({ address, token })
      await GenServer.call(ref, 'wait')
      await new Promise((resolve) => setTimeout(resolve, 200))
      GenServer.cast(ref, { type: 'block' })
      setTimeout(() => say('free'), 0)
      setInterval(() => {}, 1000)
    })()`)
  const { address, token } = await line()
  const client = await SocketClient.greet(socket)
  client.send({ type: 'watch', tables: [{ table: 'a', kind: 'process', limit: 5 }] })
  await client.until(({ type }) => type === 'page')
  expect(await line()).toBe('blocked')
  const isLong = (frame: Frame): boolean => frame['loops']?.[0]?.stalled?.forMs >= 5000
  const stalled = (await client.until(isLong))['loops'][0]
  expect(stalled.stalled).toMatchObject({ name: 'blocker', message: 'block', handler: 'handleCast' })
  expect(stalled.blocked).toBeGreaterThanOrEqual(5000)
  // A new client is served too: pages, the process and its route.
  const other = await SocketClient.greet(socket)
  other.send({ type: 'watch', tables: [{ table: 'a', kind: 'process' }] })
  const page = await other.until(({ type }) => type === 'page')
  expect(page['rows'][0][1][1]).toBe('blocker')
  expect(page['rows'][0][0]).toBe(stalled.stalled.key)
  const metrics = await ask(`${address.http}metrics`, bearer(token))
  expect(metrics.status).toBe(200)
  expect(metrics.body).toMatch(/^keelson_processes\{kind="GenServer"\} 1$/m)
  expect(metrics.body).toMatch(/^keelson_admission_admitted_total\{route="checkout"\} 1$/m)
  const blocked = /^keelson_event_loop_blocked_seconds_total\{thread="main"\} (\S+)$/m.exec(metrics.body)
  expect(Number(blocked?.[1])).toBeGreaterThanOrEqual(5)
  // What only JavaScript knows is left out, and said to be.
  other.send({ type: 'detail', id: 1, kind: 'process', key: page['rows'][0][0] })
  const detail = await other.until(({ type }) => type === 'detail')
  expect(detail).toMatchObject({ found: true, unanswered: expect.stringContaining('blocked') })
  child.stdin.write('.')
  expect(await line()).toBe('free')
  const event = await client.until((frame) => frame['events']?.some((each: Frame) => each['event'] === 'stall'))
  expect(event['loops'][0].stalled).toBeNull()
}, 60_000)

test('pitfall 18: counters of a terminated worker stay in the sum, monotonic', async () => {
  const token = 'a-token-of-the-test-0123'
  const { line, errors } = start(
    `
    const { Worker, isMainThread, parentPort } = require('node:worker_threads')
    const { createSystem } = require('keelson/system')
    const { GenServer } = require('keelson/otp')
    const { Atrion } = require('keelson/atrion')
    const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n')
    const work = async () => {
      const system = createSystem()
      const ref = await GenServer.start({ init: () => 0, handleCall: (_, n) => [n, n], handleCast: (_, n) => n + 1 }, { system })
      for (let sent = 0; sent < 100; sent++) GenServer.cast(ref, sent)
      await GenServer.call(ref, 'all')
      const gate = new Atrion({ system })
      for (let sent = 0; sent < 7; sent++) gate.tryAdmit('work').done()
      return system
    }
    if (isMainThread) {
      process.argv.push('')
      work().then(() => {
        const worker = new Worker('(' + (${'`'}async () => {}${'`'}) + ')()', { eval: true })
        worker.terminate()
        const source = 'const work = ' + work + '; const { createSystem } = require("keelson/system"); const { GenServer } = require("keelson/otp");' +
          'const { Atrion } = require("keelson/atrion"); work().then(() => require("node:worker_threads").parentPort.postMessage(0)); setInterval(() => {}, 1000)'
        const second = new Worker(source, { eval: true })
        second.on('message', () => { say('worked'); process.stdin.once('data', async () => { await second.terminate(); say('terminated') }) })
      })
    }`,
    { KEELSON_OBSERVE: 'http:127.0.0.1:0', KEELSON_OBSERVE_TOKEN: token },
  )
  expect(await line()).toBe('worked')
  const url = /observe at (\S+)/.exec(errors())?.[1] as string
  expect(url).not.toContain(token)
  const read = async (): Promise<(string | undefined)[]> => {
    const { body } = await ask(`${url}metrics`, bearer(token))
    const number = (series: string): string | undefined =>
      body
        .split('\n')
        .find((each) => each.startsWith(`${series} `))
        ?.split(' ')[1]
    return [
      number('keelson_messages_total'),
      number('keelson_admission_requests_total{route="work",outcome="succeeded"}'),
      number('keelson_processes{kind="GenServer"}'),
    ]
  }
  expect(await read()).toEqual(['202', '14', '2'])
  children.at(-1)?.stdin?.write('.')
  expect(await line()).toBe('terminated')
  expect(await read()).toEqual(['202', '14', '1'])
}, 60_000)
