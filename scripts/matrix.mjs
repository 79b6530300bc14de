// npm run matrix [-- --only tests|installed]: the tests under every version of Node that is supported, and the installed
// package under each of them, in Bun and in Deno, and under the compilers of users. Takes half an hour; `npm test` runs a
// part. Writes the result to docs/node-versions.md; with --only it keeps the rest of the page.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname } from 'node:path'
import { parseArgs } from 'node:util'

import { buildSteps, hooksStep } from './lib/build-steps.mjs'
import { jsReport } from './lib/counts.mjs'
import { toolStep } from './lib/debian-tools.mjs'
import { attempt, bin } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at } from './lib/paths.mjs'
import { NODES, OTHERS, packageTools, runtime, runtimesStep } from './lib/runtimes.mjs'
import { runAll } from './lib/steps.mjs'

/** The tests that depend on the version of Node. */
const FOLDERS = [
  'internal',
  'errors',
  'clock',
  'system',
  'plain',
  'atom',
  'journal',
  'rate',
  'cache',
  'policy',
  'effect',
  'actor',
  'otp',
  'process',
  'http',
  'express',
  'fastify',
  'koa',
  'fetch',
  'testing',
  'simulation',
  'fast-check',
  'seam',
  'surface',
  'compat',
]

/** The tests of the installed package. */
const INSTALLED = ['installed', 'compilers', 'bundlers', 'runtimes'].map((name) => `__test__/package/${name}.test.ts`)

const say = (text) => process.stdout.write(`${text}\n`)
const words = ({ passed, failed }) => (failed === 0 ? `${passed} passed` : `${failed} of ${passed + failed} failed`)

/** Runs vitest or jest with a Node. Returns its report and counts, and shows what it printed when a test failed. */
async function suite(node, name, args, env = {}) {
  const file = at('.cache', `matrix-${name}.json`)
  rmSync(file, { force: true })
  const command = [bin(name), ...args, ...(name === 'jest' ? ['--json'] : ['--reporter=default', '--reporter=json'])]
  const path = `${dirname(node)}${delimiter}${process.env.PATH}`
  const { output } = await attempt(node, [...command, `--outputFile=${file}`], { env: { PATH: path, ...env } })
  if (!existsSync(file)) throw new Failure(`${name} wrote no report.`, output)
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const { counts } = jsReport(report, output)
  if (counts.failed > 0) say(output)
  return { report, counts }
}

/** Runs the tests of the checkout with each Node. Returns a row a version. */
async function checkout() {
  const rows = []
  for (const major of NODES) {
    const node = await runtime(major)
    if (node === undefined) throw new Failure(`The registry has no Node ${major} for this platform.`)
    const { output: version } = await attempt(node, ['--version'])
    const { counts: vitest } = await suite(node, 'vitest', ['run', ...FOLDERS.map((folder) => `__test__/${folder}/`)])
    const { counts: jest } = await suite(node, 'jest', ['--config', at('jest.config.cjs')])
    const row = { version: version.trim().slice(1), vitest, jest }
    say(`Node ${row.version}: vitest ${words(vitest)}, jest ${words(jest)}`)
    rows.push(row)
  }
  return rows
}

/** The counts of the tests in a report whose outermost group has this name. */
function countsOf({ testResults }, group) {
  const tests = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ ancestorTitles }) => ancestorTitles[0] === group)
  const passed = tests.filter(({ status }) => status === 'passed').length
  return { passed, failed: tests.length - passed }
}

/** The result that a runtime's test kept; `undefined` when it failed. */
function kept(name) {
  const file = at('.cache', 'matrix', `${name}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** The sections of the page, in order: the heading, and what it begins with. */
const SECTIONS = {
  tests: [
    '## The tests in Node',
    'The tests that depend on the runtime, with the same addon. `npm test` runs them with the Node that starts it.',
  ],
  installed: [
    '## The installed package in Node',
    'The packages are packed, and the tarballs installed in an empty folder. Every entry is imported and required. They are',
    'used in jest (CommonJS and ES modules), in vitest (pools `forks`, `threads` and `vmThreads`) and in node:test, and',
    'behind Express 4 and 5, Fastify 5, Koa 2 and 3, and Hono. `npm test` does this with the oldest and the newest Node.',
  ],
  others: [
    '## Bun and Deno',
    'The tests of `keelson/clock`, `atom`, `journal`, `effect`, `otp` and `express` run there with the installed package. A',
    'test that is left out is listed with the reason, in `__test__/package/left-out.ts`. One that passes must leave the list.',
    '`keelson/fetch` also serves by `Bun.serve` and `Deno.serve`. `npm test` runs a part of these tests.',
  ],
  typescript: [
    '## TypeScript',
    'A program that uses every entry compiles under `--strict` with `skipLibCheck: false`, with the `module` and',
    '`moduleResolution` of `node16`, `nodenext` and `bundler`. The type tests of keelson compile too. TypeScript 5.9 gives the',
    'rest parameter of a `childTemplate` no type: write `(...list: unknown[])` there.',
  ],
}

const table = (head, rows) => [
  `| ${head.join(' | ')} |`,
  `|${' --- |'.repeat(head.length)}`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
]

/** The lines of the sections that the tests of the checkout give. */
const testLines = (rows) => ({
  tests: table(
    ['Node', 'vitest', 'jest'],
    rows.map(({ version, vitest, jest }) => [version, words(vitest), words(jest)]),
  ),
})

/** The lines of the sections that the tests of the installed package give. */
async function installedLines(report) {
  const nodes = []
  for (const major of NODES) {
    const { output } = await attempt(await runtime(major), ['--version'])
    nodes.push([output.trim().slice(1), words(countsOf(report, `Node ${major}`))])
  }
  const others = OTHERS.map((name) => [name[0].toUpperCase() + name.slice(1), kept(name)])
  const groups = new Set(
    report.testResults.flatMap((file) => file.assertionResults.map((one) => one.ancestorTitles[0])),
  )
  const compilers = [...groups].filter((group) => group?.startsWith('TypeScript'))
  return {
    installed: table(['Node', 'tests'], nodes),
    others: [
      ...table(
        ['Runtime', 'tests', 'left out'],
        others.map(([name, result]) =>
          result === undefined
            ? [name, 'FAILED', '']
            : [`${name} ${result.version}`, `${result.passed} passed`, result.leftOut.length],
        ),
      ),
      '',
      ...others.flatMap(([name, result]) =>
        (result?.leftOut ?? []).map(({ title, reason }) => `- ${name}, "${title}": ${reason}.`),
      ),
    ],
    typescript: table(
      ['Compiler', 'programs'],
      compilers.map((name) => [name, words(countsOf(report, name))]),
    ),
  }
}

const PAGE = at('docs', 'node-versions.md')

/** Writes the page: these lines, and the earlier ones of the other sections. */
function writePage(lines) {
  const earlier = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''
  const today = new Date().toISOString().slice(0, 10)
  const sections = Object.entries(SECTIONS).map(([name, [heading, ...text]]) => {
    const before = earlier.split(`${heading}\n`)[1]?.split('\n## ')[0]?.split('\n\n').slice(1).join('\n\n').trim()
    const result = lines[name] === undefined ? before : [`Last run: ${today}.`, '', ...lines[name]].join('\n')
    return [heading, '', ...text, '', ...(result === undefined ? ['Not run yet.'] : [result])].join('\n')
  })
  const page = [
    '# Versions of Node, Bun, Deno and TypeScript',
    [
      'keelson supports Node `^20.19 || >=22.12`. A Node older than 20 fails to load the package',
      '(`KEELSON_UNSUPPORTED_NODE`); a version that is not tested prints a warning. `npm run matrix` wrote the results below.',
    ].join('\n'),
    ...sections,
  ]
  writeFileSync(PAGE, `${page.join('\n\n')}\n`)
}

await main(async () => {
  const { values } = parseArgs({ options: { only: { type: 'string' } } })
  if (![undefined, 'tests', 'installed'].includes(values.only)) {
    throw new Failure('--only takes `tests` or `installed`.')
  }
  const failed = await runAll([
    ...buildSteps(),
    hooksStep,
    toolStep('redis', ['toolchain']),
    { name: 'package-tools', needs: ['install'], run: packageTools },
    runtimesStep([...NODES, ...OTHERS], ['install']),
  ])
  if (failed !== 0) return failed
  let faults = 0
  if (values.only !== 'tests') {
    rmSync(at('.cache', 'matrix'), { recursive: true, force: true })
    const { report, counts } = await suite(process.execPath, 'vitest', ['run', ...INSTALLED], { KEELSON_MATRIX: '1' })
    say(`the installed package: ${words(counts)}`)
    writePage(await installedLines(report))
    faults += counts.failed
  }
  if (values.only !== 'installed') {
    const rows = await checkout()
    writePage(testLines(rows))
    faults += rows.reduce((sum, { vitest, jest }) => sum + vitest.failed + jest.failed, 0)
  }
  return faults === 0 ? 0 : 1
})
