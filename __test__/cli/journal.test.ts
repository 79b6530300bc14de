import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { openJournal } from 'keelson/journal'
import { expect, it } from 'vitest'

import { root } from '../support/root.ts'
import { tempDirectory } from '../support/temp-directory.ts'

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function keelson(...args: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}dist/cli.js`, ...args], {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

async function filled(path: string): Promise<void> {
  await using journal = await openJournal<unknown>(path)
  await journal.append({ n: 1 }, { stream: 'a' })
  await journal.append({ n: 2n })
  await journal.append({ n: 3 }, { stream: 'a', id: 'x' })
}

it('prints entries beside the writer, as text and as JSON', async () => {
  const path = tempDirectory()
  await filled(path)
  await using writer = await openJournal(path)
  const all = keelson('journal', 'cat', path)
  expect(all).toMatchObject({ status: 0, stderr: '' })
  expect(all.stdout.trim().split('\n')).toEqual([
    expect.stringMatching(/^0 \d{4}-.*Z a@0 \{"n":1\}$/),
    expect.stringMatching(/^1 \S+Z \{"\$":"plain"/),
    expect.stringMatching(/^2 \S+Z a@1 \{"n":3\}$/),
  ])
  const stream = keelson('journal', 'cat', path, '--stream', 'a', '--backwards', '--limit', '1', '--json')
  expect(JSON.parse(stream.stdout)).toMatchObject({ sequence: 2, id: 'x', stream: 'a', position: 1, data: { n: 3 } })
  expect(keelson('journal', 'cat', path, '--from', '1', '--to', '1').stdout.split('\n')).toHaveLength(2)
  await writer.append(1)
})

it('counts, verifies and copies', async () => {
  const [path, copy] = [tempDirectory(), join(tempDirectory(), 'copy')]
  await filled(path)
  expect(JSON.parse(keelson('journal', 'stat', path, '--json').stdout)).toMatchObject({
    entries: 3,
    first: 0,
    next: 3,
    segments: 1,
    streams: 1,
    snapshot: null,
  })
  expect(keelson('journal', 'stat', path).stdout).toContain('entries: 3\n')
  const verified = keelson('journal', 'verify', path, '--json')
  expect(JSON.parse(verified.stdout)).toMatchObject({ entries: 3, states: 0, clean: true })
  expect(JSON.parse(keelson('journal', 'backup', path, copy, '--json').stdout)).toMatchObject({ entries: 3 })
  expect(keelson('journal', 'verify', copy).status).toBe(0)
  const again = keelson('journal', 'backup', path, copy)
  expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('directory must be') as string })
})

it('ends with 1 for damage, with 2 for wrong arguments and with 3 for what is no journal', async () => {
  const path = tempDirectory()
  await filled(path)
  const name = join(path, readdirSync(path).find((file) => file.endsWith('.segment')) as string)
  const bytes = readFileSync(name)
  bytes[70] = (bytes[70] as number) ^ 1
  writeFileSync(name, bytes)
  const damaged = keelson('journal', 'verify', path)
  expect(damaged).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('is damaged at 64') as string,
  })
  expect(keelson('journal', 'cat', join(path, 'none'))).toMatchObject({ status: 3 })
  for (const [field, ...args] of [
    ['area', 'jurnal'],
    ['command', 'journal', 'ct', path],
    ['directory', 'journal', 'cat'],
    ['target', 'journal', 'backup', path],
    ['arguments', 'journal', 'cat', path, 'more'],
    ['arguments', 'journal', 'cat', path, '--fro', '1'],
    ['--from', 'journal', 'cat', path, '--from', 'x'],
    ['--stream', 'journal', 'stat', path, '--stream', 'a'],
  ] as const) {
    const { status, stderr } = keelson(...args)
    expect([status, stderr.startsWith(`keelson: ${field} must be`)], stderr).toEqual([2, true])
  }
  expect(keelson('journal', 'ct', path).stderr).toContain('did you mean `cat`?')
  expect(keelson('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('journal verify') as string })
})
