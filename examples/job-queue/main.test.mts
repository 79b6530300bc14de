import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { listen } from '../lib/program.mjs'

const main = fileURLToPath(new URL('main.mjs', import.meta.url))

let folder = ''
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'job-queue-'))))
afterEach(() => rm(folder, { recursive: true }))

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args])
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  return { child, output, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, ...output })) }
}

test('prints what became of each job', async () => {
  const { code, out, err } = await start('--jobs', '10', '--kills', '1').ended
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^finished, each once +9$/m)
  expect(out).toMatch(/^dead letters +1 {2}poison-3$/m)
})

test('takes jobs over HTTP, and ends in order', async () => {
  const { child, output, ended } = start('serve', '--port', '0', '--directory', folder)
  while (!output.out.includes('http://')) await once(child.stdout, 'data')
  const [url = ''] = /http:\S+\d/.exec(output.out) ?? []
  const post = async (path: string, body: unknown): Promise<[number, unknown]> => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return [response.status, await response.json()]
  }
  expect(await post('/jobs', { id: 'a', kind: 'print', data: 'ahoy' })).toEqual([201, { added: 1 }])
  expect(await post('/jobs', { id: 'a', kind: 'print', data: 'ahoy' })).toEqual([200, { added: 0 }])
  expect(await post('/jobs', { id: 'b', kind: 'sing' })).toEqual([400, { error: "there is no handler for 'sing'" }])
  expect(await post('/jobs', { kind: 'print' })).toEqual([400, { error: 'a job has an id and a kind, as text' }])
  expect(await post('/dead/c', {})).toEqual([404, { revived: false }])
  while (!output.out.includes('ahoy')) await once(child.stdout, 'data')
  child.kill('SIGTERM')
  expect(await ended).toMatchObject({ code: 0, err: '' })
})

describe('one line, and exit code 1', () => {
  async function refused(...args: string[]): Promise<string> {
    const { code, err } = await start(...args).ended
    expect([code, err.trim().split('\n')]).toEqual([1, [expect.any(String)]])
    return err.trim()
  }

  test('for an unknown flag', async () => {
    expect(await refused('--kill', '3')).toContain("Unknown option '--kill'")
  })

  test('for a number out of range', async () => {
    expect(await refused('--kills', '-1')).toContain('--kills')
  })

  test('for a taken port', async () => {
    const server = createServer()
    await listen(server)
    const { port } = server.address() as AddressInfo
    expect(await refused('serve', '--port', String(port), '--directory', folder)).toContain(`Port ${port} is taken`)
    server.close()
  })

  test('for a folder that cannot be written', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    expect(await refused('serve', '--directory', join(file, 'below'))).toContain(file)
  })
})
