import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { isObserveAddressError, observe, type Observation } from 'keelson/observe'
import { GenServer, Supervisor } from 'keelson/otp'
import { createTestSystem } from 'keelson/testing'
import { afterEach, describe, expect, test } from 'vitest'

import { ask, bearer, type Loose, SocketClient } from '../support/observed.ts'
import { runToEnd } from '../support/own-process.ts'
import { tempDirectory } from '../support/temp-directory.ts'

const counter = {
  init: () => 0,
  handleCall: (_: unknown, n: number) => [n, n] as const,
  handleCast: (_: unknown, n: number) => n + 1,
}

const open: Observation[] = []
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

async function observed(...args: Parameters<typeof observe>): Promise<Observation> {
  const observation = await observe(...args)
  open.push(observation)
  return observation
}

const socketPath = (): string => join(tempDirectory(), 'observe.sock')

const watch = (kind: string, more: object = {}): object => ({
  type: 'watch',
  tables: [{ table: 'a', kind, limit: 50, ...more }],
})

describe('the socket', () => {
  test('introduces the process and shows processes by name, live', async () => {
    const system = createTestSystem()
    const ref = await GenServer.start(counter, { system, name: 'first' })
    const { address } = await observed(system, { socket: socketPath() })
    const client = await SocketClient.open(address.socket as string)
    client.send({ type: 'hello', v: 1 })
    const hello = await client.until(({ type }) => type === 'hello')
    expect(hello).toMatchObject({ v: 1, pid: process.pid, node: process.versions.node, actions: false, refreshMs: 250 })
    client.send(watch('process', { by: 'name' }))
    const page = await client.until(({ type }) => type === 'page')
    expect(page['rows'].map(([, cells]: [string, unknown[]]) => [cells[1], cells[2]])).toEqual([['first', 'GenServer']])
    for (let sent = 0; sent < 100; sent++) GenServer.cast(ref, sent)
    const messages = (frame: Loose): unknown => frame.tables?.[0]?.changed?.[0]?.[1][5]
    await client.until((frame) => messages(frame) === 100)
    await GenServer.start(counter, { system, name: 'second' })
    const update = await client.until((frame) => frame['tables']?.[0]?.order?.length === 2)
    expect(update['tables'][0].changed[0][1][1]).toBe('second')
    await GenServer.stop(ref)
    await client.until((frame) => frame['tables']?.[0]?.order?.length === 1)
    await system.close()
  })

  test('shows the tree of supervisors, and counts restarts and crashes', async () => {
    const system = createTestSystem()
    const failing = {
      ...counter,
      handleCast: (): number => {
        throw new Error('on purpose')
      },
    }
    const supervisor = await Supervisor.start({
      system,
      name: 'root',
      children: [{ id: 'child', start: () => GenServer.start(failing, { system, name: 'child' }) }],
    })
    const { address } = await observed(system, { socket: socketPath() })
    const client = await SocketClient.greet(address.socket as string)
    client.send({ type: 'tree', id: 1 })
    const roots = await client.until(({ type }) => type === 'tree')
    expect(roots['rows']).toMatchObject([[expect.any(String), { 1: 'root', 2: 'Supervisor' }, 1]])
    client.send(watch('process', { filter: 'child' }))
    await client.until(({ type }) => type === 'page')
    GenServer.cast(Supervisor.getChildren(supervisor)[0]!.ref as never, 'x')
    await client.until((frame) => frame['totals']?.restarts === 1 && frame['totals']?.crashes === 1)
    client.send({ type: 'tree', id: 2, key: roots['rows'][0][0] })
    const children = await client.until(({ type }) => type === 'tree')
    const [key, cells] = children['rows'][0]
    expect(cells).toMatchObject({ 1: 'child', 6: 1, 7: 1 })
    expect(children['path']).toEqual([roots['rows'][0][0]])
    client.send({ type: 'detail', id: 3, kind: 'process', key })
    const detail = await client.until(({ type }) => type === 'detail')
    expect(detail).toMatchObject({ found: true, childId: 'child', crashes: [{ error: 'on purpose' }] })
    expect(detail).toMatchObject({ links: [], monitors: [] })
    expect(detail).not.toHaveProperty('state')
    await system.close()
  })

  test('pitfall 8: socket 0600, removed on close, stale socket of a dead pid replaced, of a living one refused', async () => {
    const system = createTestSystem()
    const socket = socketPath()
    const first = await observed(system, { socket })
    expect(statSync(socket).mode & 0o777).toBe(0o600)
    const second = await observe(system, { socket }).catch((error: unknown) => error)
    expect(second).toMatchObject({ code: 'KEELSON_OBSERVE_ADDRESS', field: 'options.socket', reason: 'living' })
    expect(isObserveAddressError(second)).toBe(true)
    await first.close()
    expect(existsSync(socket)).toBe(false)

    // A process that was killed leaves its socket.
    runToEnd(`
      const { observe } = require('keelson/observe')
      observe({ socket: ${JSON.stringify(socket)} }).then(() => process.kill(process.pid, 'SIGKILL'))`)
    expect(existsSync(socket)).toBe(true)
    const third = await observed(system, { socket })
    expect(third.address).toEqual({ socket })
    await third.close()

    writeFileSync(socket, 'precious')
    await expect(observe(system, { socket })).rejects.toMatchObject({ reason: 'no-socket' })
    expect(statSync(socket).size).toBe(8)
    await system.close()
  })

  test('refuses a folder of the usual socket that others may write to', async () => {
    const system = createTestSystem()
    const runtime = tempDirectory()
    const before = process.env['XDG_RUNTIME_DIR']
    process.env['XDG_RUNTIME_DIR'] = runtime
    try {
      const own = await observed(system)
      expect(own.address.socket).toBe(join(runtime, 'keelson', `${process.pid}.sock`))
      expect(statSync(join(runtime, 'keelson')).mode & 0o777).toBe(0o700)
      await own.close()
      process.env['XDG_RUNTIME_DIR'] = join(runtime, 'open')
      mkdirSync(join(runtime, 'open', 'keelson'), { recursive: true, mode: 0o777 })
      const { chmodSync } = await import('node:fs')
      chmodSync(join(runtime, 'open', 'keelson'), 0o777)
      await expect(observe(system)).rejects.toMatchObject({ reason: 'not-private' })
    } finally {
      if (before === undefined) delete process.env['XDG_RUNTIME_DIR']
      else process.env['XDG_RUNTIME_DIR'] = before
    }
    await system.close()
  })
})

describe('life', () => {
  test('pitfall 23: start() twice, stop() twice, system closed first', async () => {
    const system = createTestSystem()
    const [one, other] = [await observed(system, { http: true }), await observed(system, { http: true })]
    expect(one.address.http).not.toBe(other.address.http)
    await one.close()
    await one.close()
    expect((await ask(`${other.address.http}hello`, bearer(other.token))).status).toBe(200)
    await system.close()
    await expect(ask(`${other.address.http}hello`, bearer(other.token))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await other.close()
    await expect(observe(system)).rejects.toMatchObject({ code: 'KEELSON_CLOSED' })
  })

  test('holds no event loop open, and leaves no socket behind', () => {
    const socket = socketPath()
    const { status, stderr, held, stdout } = runToEnd(`
      const { observe } = require('keelson/observe')
      observe({ socket: ${JSON.stringify(socket)}, http: true }).then(({ address }) => {
        console.log(address.socket)
        over()
      })`)
    expect({ status, stderr, held, stdout }).toEqual({ status: 0, stderr: '', held: [], stdout: `${socket}\n` })
    expect(existsSync(socket)).toBe(false)
  })

  test('KEELSON_OBSERVE opens a server for the first system, and a wrong one is a warning', async () => {
    const socket = socketPath()
    const program = `
      process.env.KEELSON_OBSERVE = process.argv[1] ?? ${JSON.stringify(`unix:${socket}`)}
      const { createSystem } = require('keelson/system')
      const { existsSync } = require('node:fs')
      createSystem()
      createSystem()
      console.log(existsSync(${JSON.stringify(socket)}))
      over()`
    const { status, stderr, held, stdout } = runToEnd(program)
    expect({ status, stderr, held, stdout }).toEqual({ status: 0, stderr: '', held: [], stdout: 'true\n' })
    const wrong = runToEnd(program.replace('process.argv[1]', "'ftp:x'"))
    expect(wrong.status).toBe(0)
    expect(wrong.stderr).toContain('unix, unix:PATH, http or http:127.0.0.1:PORT')
  })

  test('a taken port is refused by name', async () => {
    const system = createTestSystem()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await expect(observe(system, { http: { port } })).rejects.toMatchObject({ field: 'options.http', reason: 'in-use' })
    other.close()
    await system.close()
  })

  test.each([
    [{ http: '0.0.0.0:0' }, 'options.http.host'],
    [{ http: { host: '::' } }, 'options.http.host'],
    [{ http: 'nonsense:port' }, 'options.http'],
    [{ http: false, socket: false }, 'options.http'],
    [{ token: 'short' }, 'options.token'],
    [{ refreshMs: 1 }, 'options.refreshMs'],
    [{ stallMs: 0 }, 'options.stallMs'],
    [{ state: { redact: 1 } }, 'options.state.redact'],
    [{ sockets: true }, 'options.sockets'],
    [{ allowedHosts: 'x' }, 'options.allowedHosts'],
  ])('refuses %j', async (options, field) => {
    await expect(observe(options as never)).rejects.toMatchObject({ code: 'KEELSON_INVALID_ARGUMENT', field })
  })
})
