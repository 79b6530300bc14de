import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'

import { isInvalidArgumentError, isTimeoutError } from 'keelson'
import { gracefulShutdown, type ShutdownOptions } from 'keelson/express'
import { describe, expect, it, onTestFinished } from 'vitest'

import { acceptsConnections } from '../support/accepts-connections.ts'
import { createStage } from '../support/system.ts'

interface Program {
  readonly child: ChildProcess
  readonly port: number
  /** The lines that it has printed. */
  readonly lines: string[]
  /** Waits for a line. */
  line(text: string): Promise<void>
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

async function run(options: object): Promise<Program> {
  const file = join(import.meta.dirname, 'programs', 'shutdown.mjs')
  const child = spawn(process.execPath, [file, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    lines.push(...text.split('\n').slice(lines.length, -1))
  })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const line = async (wanted: string) => {
    await expect.poll(() => lines.some((one) => one.startsWith(wanted))).toBe(true)
  }
  await line('port ')
  return { child, port: Number(lines.find((one) => one.startsWith('port '))!.slice(5)), lines, line, ended }
}

interface Reply {
  readonly status: number
  readonly connection: string | undefined
  readonly body: string
}

function ask(port: number, path: string, agent: http.Agent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, agent }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode!, connection: response.headers.connection, body }))
    })
    request.on('error', reject)
  })
}

function keptAlive(): http.Agent {
  const agent = new http.Agent({ keepAlive: true, keepAliveMsecs: 60_000 })
  onTestFinished(() => agent.destroy())
  return agent
}

const frameworks = [
  ['Express 5', { framework: 'express' }],
  ['Express 4', { framework: 'express', version: 4 }],
  ['Fastify', { framework: 'fastify' }],
] as const

describe.each(frameworks)('gracefulShutdown of %s', (name, framework) => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'on %s: answers what is in flight, cleans up, and exits with 0',
    async (signal) => {
      const { child, port, lines, line, ended } = await run(framework)
      const agent = keptAlive()
      expect((await ask(port, '/ready', agent)).status).toBe(200)
      const slow = ask(port, '/slow', agent)
      await line('arrived')
      child.kill(signal)
      // Nobody new gets in, while the work goes on.
      await expect.poll(() => acceptsConnections(port)).toBe(false)
      expect(lines).not.toContain('cleanup')
      child.send('answer')
      expect(await slow).toEqual({ status: 200, connection: 'close', body: 'done' })
      expect(await ended).toBe(0)
      const told = lines.filter((text) => !text.startsWith('port') && text !== 'arrived' && text !== 'onClose')
      expect(told).toEqual(['cleanup', 'system closed'])
      expect(lines.includes('onClose')).toBe(name === 'Fastify')
    },
  )

  it('does not wait for connections that are only kept alive', async () => {
    const { child, port, ended } = await run({ ...framework, settings: { timeout: 60_000 } })
    const agents = [keptAlive(), keptAlive()]
    for (const agent of agents) await ask(port, '/ready', agent)
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })

  it('exits with 1 when work in flight takes longer than its timeout', async () => {
    const { child, port, lines, line, ended } = await run({ ...framework, settings: { timeout: 50 } })
    const slow = ask(port, '/slow', keptAlive()).catch((error: NodeJS.ErrnoException) => error.code)
    await line('arrived')
    child.kill('SIGTERM')
    expect(await ended).toBe(1)
    expect(await slow).toBe('ECONNRESET')
    expect(lines).toContain(
      'reported graceful shutdown: waiting for work in flight: waiting for work in flight timed out after 50 ms',
    )
    expect(lines.slice(-2)).toEqual(['cleanup', 'system closed'])
  })

  it('ends at once at a second signal', async () => {
    const { child, port, lines, line, ended } = await run({ ...framework, settings: { timeout: 60_000 } })
    ask(port, '/slow', keptAlive()).catch(() => {})
    await line('arrived')
    child.kill('SIGTERM')
    await expect.poll(() => acceptsConnections(port)).toBe(false)
    child.kill('SIGINT')
    expect(await ended).toBe(128 + 2)
    expect(lines).not.toContain('system closed')
  })

  it('is not ready from the signal on, while a delay lets balancers notice', async () => {
    const { child, port, ended } = await run({ ...framework, settings: { delay: 400 } })
    const agent = keptAlive()
    child.kill('SIGTERM')
    await expect.poll(async () => (await ask(port, '/ready', agent)).status).toBe(503)
    expect(await ended).toBe(0)
  })
})

it('registers as a plugin of Fastify', async () => {
  const { child, port, lines, ended } = await run({ framework: 'fastify', plugin: true })
  expect((await ask(port, '/ready', keptAlive())).status).toBe(200)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(lines.slice(-3)).toEqual(['onClose', 'cleanup', 'system closed'])
})

it('exits with 1 when the system takes too long to close', async () => {
  const { child, lines, ended } = await run({ framework: 'express', hangs: true, settings: { closeTimeout: 50 } })
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(lines.at(-1)).toContain('closing the system timed out after 50 ms')
})

describe('the handle of a shutdown', () => {
  function shuttable(options: ShutdownOptions = {}) {
    const { clock, system, reported } = createStage()
    const server = http.createServer((_, res) => void res.end())
    onTestFinished(() => void server.close())
    const shutdown = gracefulShutdown(server, { system, exit: false, ...options })
    onTestFinished(() => shutdown.dispose())
    return { clock, system, server, shutdown, reported }
  }

  it('begins it by hand, once, and ends with the system', async () => {
    const { shutdown, system } = shuttable()
    expect(shutdown.ready).toBe(true)
    const first = shutdown.shutdown()
    expect(shutdown.ready).toBe(false)
    expect(shutdown.shutdown()).toBe(first)
    expect(await first).toBe(0)
    expect(system.closed).toBe(true)
  })

  it('listens to signals until it is disposed', async () => {
    const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]
    const counts = () => [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]
    const { shutdown, server } = shuttable()
    expect(counts()).toEqual(before.map((count) => count + 1))
    shutdown.dispose()
    shutdown.dispose()
    expect(counts()).toEqual(before)
    expect(server.listenerCount('request')).toBe(1)
    const other = shuttable({ signals: ['SIGUSR2'] })
    expect(counts()).toEqual(before)
    await other.shutdown.shutdown()
    expect(process.listenerCount('SIGUSR2')).toBe(0)
    expect(other.server.listenerCount('request')).toBe(1)
  })

  it('goes on when a cleanup fails or takes too long, by the clock of the system', async () => {
    const fault = new Error('my fault')
    const failing = shuttable({ cleanup: () => Promise.reject(fault) })
    expect(await failing.shutdown.shutdown()).toBe(1)
    expect(failing.reported).toEqual([[fault, 'graceful shutdown: cleanup']])
    const hanging = shuttable({ cleanup: () => new Promise(() => {}), closeTimeout: 1000 })
    const done = hanging.shutdown.shutdown()
    await expect.poll(() => hanging.clock.getPendingTimerCount()).toBe(1)
    await hanging.clock.advance(1000)
    expect(await done).toBe(1)
    expect(isTimeoutError(hanging.reported[0]![0])).toBe(true)
    expect(hanging.system.closed).toBe(true)
  })

  it('refuses what it cannot use, and then listens to nothing', () => {
    const before = process.listenerCount('SIGTERM')
    const server = http.createServer()
    const bad: object[] = [
      { timeout: -1 },
      { timeout: NaN },
      { closeTimeout: '5' },
      { delay: -1 },
      { signals: [] },
      { signals: ['SIGKILL'] },
      { signals: ['SIGNONSENSE'] },
      { cleanup: true },
      { exit: 1 },
      { system: {} },
      { time: 5 },
    ]
    for (const options of bad) {
      let error: unknown
      try {
        gracefulShutdown(server, options)
      } catch (thrown) {
        error = thrown
      }
      expect(isInvalidArgumentError(error), JSON.stringify(options)).toBe(true)
    }
    expect(() => gracefulShutdown({} as never)).toThrow('server')
    expect(process.listenerCount('SIGTERM')).toBe(before)
    expect(server.listenerCount('request')).toBe(0)
  })
})
