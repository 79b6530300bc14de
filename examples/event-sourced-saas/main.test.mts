import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('main.mjs', import.meta.url))
const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })

test('the program tells its story, and refuses books that another run has written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'saas-'))
  const first = run('--folder', folder, '--months', '2')
  expect([first.status, first.stderr]).toEqual([0, ''])
  expect(first.stdout).toContain('please pay')
  expect(first.stdout).toMatch(/before: [1-9]\d*\n.* after: +0\n/)
  expect(await readdir(folder)).toEqual(['ledger', 'people', 'trail'])
  const second = run('--folder', folder)
  expect([second.status, second.stdout]).toEqual([1, ''])
  expect(second.stderr).toMatch(/^.+ has the books of an earlier run: choose another --folder\.\n$/)
  await rm(folder, { recursive: true })
})
