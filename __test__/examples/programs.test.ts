import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { changedExamples, compileExamples, exampleNames, mainOf } from '../../scripts/lib/examples.mjs'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { root } from '../support/root.ts'

const names = exampleNames()
const readmeOf = (name: string): string => join(root, 'examples', name, 'README.md')

beforeAll(() => compileExamples())

// Some make a folder where they run.
const cwd = mkdtempSync(join(tmpdir(), 'keelson-examples-'))
afterAll(() => rmSync(cwd, { recursive: true }))

const run = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', timeout: HANG_GUARD_MS, cwd })

test('npm run example lists the names for one that it does not know', () => {
  const { status, stdout, stderr } = run(join(root, 'scripts', 'example.mjs'), 'nope')
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toBe(`There is no example nope: npm run example -- ${names.join(' | ')}\n`)
})

describe.each(names)('%s', (name) => {
  test('refuses an unknown flag in one line', () => {
    const { status, stdout, stderr } = run(mainOf(name), '--no-such-flag')
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^Unknown option '--no-such-flag'\. [^\n]+\n$/)
  })
})

const sourceOf = (name: string): string => readFileSync(join(root, 'examples', name, 'main.mts'), 'utf8')

/** The examples that have a flag. */
const withFlag = (flag: string): string[] =>
  names.filter((name) => sourceOf(name).includes(`${flag}: { type: 'string'`))

/** The word by which an example becomes a server, if it is not one without. */
const serve = (name: string): string[] => (sourceOf(name).includes("'serve'") ? ['serve'] : [])

test.each(withFlag('port'))('%s says in one line that its port is taken', async (name) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { status, stderr } = run(mainOf(name), ...serve(name), '--port', String(port))
  server.close()
  expect([status, stderr]).toEqual([1, `Port ${port} is taken: choose another with --port, or 0 for any.\n`])
})

test.each(withFlag('folder'))('%s says in one line that its folder cannot be used', (name) => {
  const folder = join(root, 'package.json', 'folder')
  const { status, stderr } = run(mainOf(name), '--folder', folder)
  expect(status).toBe(1)
  expect(stderr).toMatch(/^[^\n]+\n$/)
  expect(stderr).toContain(folder)
})

describe('atrion-labs', () => {
  test('draws its plots as text and into a file', () => {
    const file = join(cwd, 'plots.svg')
    const { status, stdout, stderr } = run(mainOf('atrion-labs'), 'recovery', '--svg', file)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/The gate admits calls again at R = \d+\.\d Ω, below \d+\.\d Ω\./)
    expect(stdout.match(/└─/g)).toHaveLength(2)
    expect(readFileSync(file, 'utf8').match(/<polyline /g)).toHaveLength(6)
  })

  test.each([
    [[], 'Name one lab: shop or recovery.'],
    [['shop', '--seed', '-1'], "Option '--seed' argument is ambiguous."],
    [['shop', '--seed=1.5'], "--seed must be an integer from 0 to 4294967295, not '1.5'."],
    [['lab'], "Unexpected word 'lab'. You may pass one of shop, recovery and the flags --seed, --svg."],
    [
      ['shop', '--svg', join(root, 'package.json', 'x.svg')],
      `Cannot use ${join(root, 'package.json', 'x.svg')}: ENOTDIR.`,
    ],
  ])('refuses %j in one line', (args, line) => {
    const { status, stdout, stderr } = run(mainOf('atrion-labs'), ...args)
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^[^\n]+\n$/)
    expect(stderr).toContain(line)
  })
})

describe.each(names.filter((name) => existsSync(readmeOf(name))))('the page of %s', (name) => {
  const page = readFileSync(readmeOf(name), 'utf8')

  test('says how to run it', () => {
    expect(page).toContain(`npm run example -- ${name}`)
  })

  test('names a test for each promise, and the test exists', () => {
    const table = page.split('| Promise | Shown in | Test |')[1]?.split('\n\n')[0] ?? ''
    const rows = table.trim().split('\n').slice(1)
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      const [, file = '', title = ''] = /\| \[[^\]]+\]\(([^)]+)\): (.+) \|$/.exec(row) ?? []
      expect(file, row).toMatch(/\.test\.mts$/)
      expect(readFileSync(join(root, 'examples', name, file), 'utf8'), row).toContain(`'${title}'`)
    }
  })
})

test('a change of what examples share runs the tests of all, another change those of its example', () => {
  const all = changedExamples(['examples/lib/options.mts'])
  expect(all).toContain('lib')
  expect(changedExamples(['examples/testing-tour/legacy.mts', 'js/clock/base.ts'])).toEqual(['testing-tour'])
  expect(changedExamples(['examples/wind-tunnel/main.rs', 'docs/clock.md'])).toEqual([])
})
