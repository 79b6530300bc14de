// The tests of keelson in Bun and Deno, with the packed package. `npm test` runs a part of them; `npm run matrix` sets
// KEELSON_MATRIX to run all.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { jsReport } from '../../scripts/lib/counts.mjs'
import { OTHERS, runtime } from '../../scripts/lib/runtimes.mjs'
import { HANG_GUARD_MS } from '../support/hang-guard.ts'
import { root } from '../support/root.ts'
import { createUserFolder, type Finished, type UserFolder } from '../support/user-folder.ts'
import { leftOut, type LeftOut } from './left-out.ts'

/** The entries whose tests are run. */
const FOLDERS = ['clock', 'atom', 'journal', 'effect', 'otp', 'express']
/** The files of `npm test`: fast ones, at least one of each folder. */
const FEW = [
  'clock/controlled-clock',
  'clock/stall-watch',
  'clock/system-clock',
  'atom/atom',
  'atom/shared/atom',
  'journal/journal',
  'journal/durable/damage-and-bad-input',
  'effect/effect',
  'effect/fiber/fiber-tree',
  'otp/gen-server/gen-server',
  'otp/registry/registry',
  'otp/supervisor/supervisor',
  'express/admission-waits',
  'express/rate-limit',
].map((name) => `${name}.test.ts`)

const isWhole = process.env['KEELSON_MATRIX'] !== undefined

/** The command of vitest in each runtime. Bun would start Node without its flag. */
const flags: Readonly<Record<string, readonly string[]>> = { bun: ['--bun'], deno: ['run', '--allow-all'] }

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

let user: UserFolder
beforeAll(async () => {
  const peers = ['express', 'express4', 'express-rate-limit', 'fastify', 'koa', 'koa2']
  const linked = [...peers, 'vitest', 'fast-check', 'typescript']
  user = await createUserFolder(linked, join(import.meta.dirname, 'user'))
  const copied = [...FOLDERS, 'support'].map((folder) => join('__test__', folder))
  // Programs that some tests start.
  for (const folder of [...copied, join('scripts', 'soak'), join('bench', 'lib')]) {
    cpSync(join(root, folder), join(user.home, folder), { recursive: true })
  }
  // What tests of modules without an entry load, which the package leaves out. It uses the parts that the entries use.
  const installed = join(user.home, 'node_modules', 'keelson')
  cpSync(join(root, 'dist', 'inside.js'), join(installed, 'dist', 'inside.js'))
  symlinkSync(join(installed, 'dist'), join(user.home, 'dist'), 'junction')
  // Some tests compare the version.
  cpSync(join(installed, 'package.json'), join(user.home, 'package.json'))
  const settings = {
    include: ['__test__/**/*.test.ts'],
    pool: 'forks',
    testTimeout: HANG_GUARD_MS,
    hookTimeout: HANG_GUARD_MS,
    expect: { poll: { timeout: HANG_GUARD_MS } },
  }
  user.write('vitest.config.mjs', `export default { test: ${JSON.stringify(settings)} }`)
})
afterAll(() => user.remove())

/** Keeps the result for `npm run matrix`. */
function keep(name: string, result: object): void {
  mkdirSync(join(root, '.cache', 'matrix'), { recursive: true })
  writeFileSync(join(root, '.cache', 'matrix', `${name}.json`), JSON.stringify(result))
}

/** Runs a program of the user in a runtime. */
async function runIn(name: string, args: readonly string[]): Promise<Finished> {
  const binary = await runtime(name)
  if (binary === undefined) throw new Error(`The registry has no ${name} for this platform.`)
  const env = { PATH: process.env['PATH'], DENO_DIR: join(user.home, '.deno'), DENO_NO_UPDATE_CHECK: '1' }
  return user.run(binary, args, env)
}

test.each(OTHERS)('%s: keelson/fetch admits, sheds and limits in the server of the runtime', async (name: string) => {
  const { code, output } = await runIn(name, [...(flags[name] as string[]), 'servers/own.mjs'])
  expect(code, output).toBe(0)
  // Deno adds a remark about the signals of its requests.
  const result = output.split('\n').find((line) => line.startsWith('{')) ?? 'null'
  expect(JSON.parse(result), output).toEqual({ admitted: 200, shed: 503, limited: 429 })
})

/** All of the tests take as long as they take: each of them has a limit. */
const timeout = isWhole ? 0 : HANG_GUARD_MS

test.each(OTHERS)(
  '%s passes the tests, except those that are listed with a reason',
  { timeout },
  async (name: string) => {
    const file = join(user.home, `${name}-report.json`)
    const files = isWhole ? [] : FEW.map((path) => `__test__/${path}`)
    const vitest = join(user.home, 'node_modules', 'vitest', 'vitest.mjs')
    const titles = (leftOut[name] ?? []).filter(({ waits }) => waits === true).map(({ title }) => title)
    const others = `^(?!(?:${titles.map((title) => title.replaceAll(/[^\w ]/g, String.raw`\$&`)).join('|')})$)`
    const options = ['--reporter=json', `--outputFile=${file}`, '--testNamePattern', others]
    const args = [...(flags[name] as string[]), vitest, 'run', ...options, ...files]
    const { output } = await runIn(name, args)
    let report: Report
    try {
      report = JSON.parse(readFileSync(file, 'utf8')) as Report
    } catch {
      throw new Error(`vitest wrote no report in ${name}:\n${output}`)
    }

    const pathOf = (path: string): string =>
      relative(join(user.home, '__test__'), path.replace(/^file:\/\//, ''))
        .split(sep)
        .join('/')
    const results = report.testResults.flatMap(({ name: path, message, assertionResults }) =>
      assertionResults.length === 0
        ? [{ test: `${pathOf(path)}: it does not load`, reasons: [message], status: 'failed' }]
        : assertionResults.map(({ fullName, failureMessages, status }) => ({
            test: `${pathOf(path)}: ${fullName}`,
            reasons: failureMessages,
            status,
          })),
    )
    const run = new Set(report.testResults.map(({ name: path }) => pathOf(path)))
    const listed = (leftOut[name] ?? []).filter((one) => run.has(one.file))
    const titleOf = ({ file: path, title }: LeftOut): string => `${path}: ${title}`
    const byChance = new Set(
      listed.filter(({ isByChance, waits }) => isByChance === true || waits === true).map((one) => titleOf(one)),
    )
    const failed = results.filter((result) => result.status === 'failed' && !byChance.has(result.test))
    const reasons = failed.flatMap((result) => [result.test, ...result.reasons]).join('\n')
    // One that passes leaves the list.
    expect(failed.map((result) => result.test).toSorted(), reasons).toEqual(
      listed
        .map((one) => titleOf(one))
        .filter((title) => !byChance.has(title))
        .toSorted(),
    )
    expect(run.size, output).toBeGreaterThanOrEqual(FEW.length)

    const { counts } = jsReport(report, output)
    console.log(`${name}: ${counts.passed} tests passed, ${listed.length} left out`)
    const { output: version } = await runIn(name, ['--version'])
    if (isWhole) keep(name, { version: /\d+\.\d+\.\d+/.exec(version)?.[0], passed: counts.passed, leftOut: listed })
  },
)

describe('the list', () => {
  const listed = Object.values(leftOut).flat()
  test.each(listed)('names a test that there is: $file: $title', ({ file, title }) => {
    const text = readFileSync(join(root, '__test__', file), 'utf8')
    // The title of the test itself stands at the end.
    expect(text.match(/(?<=(?:it|test)\(\s*')[^']+/g)?.some((own) => title.endsWith(own))).toBe(true)
  })
})
