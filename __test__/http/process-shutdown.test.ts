import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { join } from 'node:path'

import { gracefulShutdown } from 'keelson/express'
import { createTestSystem } from 'keelson/testing'
import { expect, it, onTestFinished } from 'vitest'

import { acceptsConnections } from '../support/accepts-connections.ts'

interface Program {
  readonly child: ChildProcess
  readonly lines: string[]
  readonly ports: number[]
  line(text: string): Promise<void>
  readonly ended: Promise<number | string>
}

async function run(parts: readonly object[]): Promise<Program> {
  const file = join(import.meta.dirname, 'programs', 'servers.mjs')
  const child = spawn(process.execPath, [file, JSON.stringify(parts)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let text = ''
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    lines.push(...text.split('\n').slice(lines.length, -1))
  })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const line = async (wanted: string): Promise<void> => {
    await expect.poll(() => lines.some((one) => one.startsWith(wanted))).toBe(true)
  }
  await line('ports ')
  const ports = lines
    .find((one) => one.startsWith('ports '))!
    .split(' ')
    .slice(1)
    .map(Number)
  return { child, lines, ports, line, ended }
}

const answerOf = async (port: number): Promise<string> => await (await fetch(`http://127.0.0.1:${port}`)).text()

it('all servers of a process are drained, then all clean up, then it exits', async () => {
  const { child, lines, ports, line, ended } = await run([{}, { own: true }, {}])
  expect(lines).toContain('listeners 1')
  const answers = ports.map((port) => answerOf(port))
  for (const index of ports.keys()) await line(`arrived ${index}`)
  child.kill('SIGTERM')
  await expect.poll(() => acceptsConnections(ports[2]!)).toBe(false)
  expect(lines.some((one) => one.startsWith('cleanup'))).toBe(false)
  child.send('answer')
  expect(await Promise.all(answers)).toEqual(['answer 0', 'answer 1', 'answer 2'])
  expect(await ended).toBe(0)
  const last = lines.slice(lines.indexOf('cleanup 0'))
  expect(last.slice(0, 3)).toEqual(['cleanup 0', 'cleanup 1', 'cleanup 2'])
  expect(last.slice(3).toSorted()).toEqual(['shared system closed', 'system 1 closed'])
})

it('a server whose work is broken off makes the exit code 1, and the others end well', async () => {
  const { child, lines, ports, line, ended } = await run([{ timeout: 50 }, { own: true, timeout: 50 }])
  const broken = answerOf(ports[0]!).catch((error: Error) => (error.cause as NodeJS.ErrnoException).code)
  await line('arrived 0')
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(['UND_ERR_SOCKET', 'ECONNRESET']).toContain(await broken)
  expect(lines).toContain('reported graceful shutdown: broken off: broken off: a request (GET /)')
  expect(lines.filter((one) => one.startsWith('cleanup'))).toEqual(['cleanup 0', 'cleanup 1'])
})

it('a server that waits for another signal ends with the process', async () => {
  const { child, lines, ended } = await run([{ signals: ['SIGTERM'] }, { signals: ['SIGUSR2'] }])
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(lines.filter((one) => one.startsWith('cleanup'))).toEqual(['cleanup 0', 'cleanup 1'])
})

it('a server that is ended by hand takes along those whose system is closed with it, and no others', async () => {
  const systems = [createTestSystem(), createTestSystem()]
  onTestFinished(async () => void (await Promise.all(systems.map((system) => system.close()))))
  const cleaned: string[] = []
  const make = (name: string, system = systems[0]!) =>
    gracefulShutdown(http.createServer(), { system, exit: false, cleanup: () => cleaned.push(name) })
  const [first, second, other] = [make('first'), make('second'), make('other', systems[1]!)]
  onTestFinished(() => other.dispose())
  const before = process.listenerCount('SIGTERM')
  expect(await Promise.all([first.shutdown(), second.done])).toEqual([0, 0])
  expect(cleaned).toEqual(['first', 'second'])
  expect([first.ready, second.ready, other.ready]).toEqual([false, false, true])
  expect([systems[0]!.closed, systems[1]!.closed]).toEqual([true, false])
  expect(process.listenerCount('SIGTERM')).toBe(before)
  other.dispose()
  expect(process.listenerCount('SIGTERM')).toBe(before - 1)
})
