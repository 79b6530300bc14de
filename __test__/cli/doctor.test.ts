import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { openJournal } from 'keelson/journal'
import { expect, it, onTestFinished } from 'vitest'

import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'

function doctor(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}dist/cli.js`, 'doctor', ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

it('reports version, platform, package and binary', () => {
  const { status, stdout } = doctor()
  expect(status).toBe(0)
  const report = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ {2,}/) as [string, string]),
  )
  expect(report).toMatchObject({
    keelson: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
    node: process.version,
    platform: expect.stringMatching(new RegExp(`^${process.platform}-${process.arch}`)) as unknown,
    package: expect.stringContaining('@keelson/binding-') as unknown,
    binary: expect.stringMatching(/\.node$/) as unknown,
  })
})

it('names the reason where the binary cannot be loaded, and ends with 3', () => {
  const missing = join(tempDirectory(), 'nothing.node')
  const { status, stdout } = doctor([], { KEELSON_BINDING_PATH: missing })
  expect(status).toBe(3)
  expect(stdout).toMatch(
    /^binary {4}KEELSON_BINDING_MISSING: .*cannot be loaded from @keelson\/binding-.*nothing\.node/m,
  )
})

it('lists the processes of this user that are observed', async () => {
  const folder = tempDirectory()
  const env = { XDG_RUNTIME_DIR: folder }
  const linesOf = () =>
    doctor([], env)
      .stdout.split('\n')
      .filter((line) => line.startsWith('observed '))
  expect(linesOf()).toEqual(['observed  none: a process that calls observe() of keelson/observe is listed'])
  const program = `
    const { createSystem } = require('keelson')
    const { observe } = require('keelson/observe')
    observe(createSystem()).then(() => console.log('observed'))
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--eval', program], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  expect(linesOf()).toEqual([`observed  process ${child.pid}, on ${join(folder, 'keelson', `${child.pid}.sock`)}`])
  child.kill('SIGKILL')
  await once(child, 'exit')
  // The socket of a process that was killed stays.
  expect(linesOf()).toHaveLength(1)
  expect(linesOf()[0]).toMatch(/^observed {2}none/)
})

it('says which process has a journal below a directory open', async () => {
  const directory = tempDirectory()
  const [open, closed] = [join(directory, 'a', 'open'), join(directory, 'closed')]
  await using journal = await openJournal(open)
  await (await openJournal(closed)).close()
  const { status, stdout } = doctor([directory])
  expect(status).toBe(0)
  const lines = stdout.split('\n').filter((line) => line.startsWith('journal '))
  const states =
    process.platform === 'linux'
      ? [`open in process ${process.pid}`, 'not open']
      : Array.from({ length: 2 }, () => 'only Linux tells whether a process has it open')
  expect(lines).toEqual([`journal   ${open}: ${states[0]}`, `journal   ${closed}: ${states[1]}`])
  await journal.append(1)
})

it('says that there is no journal', () => {
  const directory = tempDirectory()
  expect(doctor([directory]).stdout).toContain(`\njournal   none below ${directory}\n`)
})

it('takes one directory and nothing else', () => {
  expect(doctor(['nowhere'])).toMatchObject({ status: 2, stderr: expect.stringContaining('got "nowhere"') as unknown })
  expect(doctor(['.', 'more'])).toMatchObject({ status: 2, stderr: expect.stringContaining('got "more"') as unknown })
  expect(doctor(['--json'])).toMatchObject({ status: 2 })
})
