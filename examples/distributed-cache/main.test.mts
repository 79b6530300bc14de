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

async function run(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args])
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = await once(child, 'close')
  return { code: code as number | null, out, err }
}

test('runs clients over killed nodes, and says that nothing was lost', async () => {
  const { code, out, err } = await run('--nodes', '3', '--seconds', '2')
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^operations +unknown +kills +nodes that answer$/m)
  expect(out).toContain('Each read saw the last acknowledged write, or a later one.')
})

describe('one line, and exit code 1', () => {
  async function refused(...args: string[]): Promise<string> {
    const { code, err } = await run(...args)
    expect([code, err.trim().split('\n')]).toEqual([1, [expect.any(String)]])
    return err.trim()
  }

  test('for an unknown flag', async () => {
    expect(await refused('--node', '3')).toContain("Unknown option '--node'")
  })

  test('for a number out of range', async () => {
    expect(await refused('--nodes', '99')).toContain('--nodes must be an integer from 1 to 9')
  })

  test('for a taken port', async () => {
    const server = createServer()
    await listen(server)
    const { port } = server.address() as AddressInfo
    expect(await refused('--nodes', '1', '--port', String(port))).toContain(`Port ${port} is taken`)
    server.close()
  })

  test('for a folder that cannot be written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'distributed-cache-'))
    const file = join(folder, 'file')
    await writeFile(file, '')
    expect(await refused('--audit', join(file, 'below'))).toContain(file)
    await rm(folder, { recursive: true })
  })
})
