// npm run test:long [-- --programs N] [--minutes M] [--jobs J] [--only TEXT]: runs the models of __test__ with many random
// programs each, and the long checks of scripts/long. `npm test` runs a few programs of each model. Writes the result to
// docs/long-checks.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'
import { basename, relative } from 'node:path'
import { parseArgs } from 'node:util'

import { buildSteps, hooksStep } from './lib/build-steps.mjs'
import { jsReport } from './lib/counts.mjs'
import { attempt, bin } from './lib/exec.mjs'
import { Failure, main } from './lib/failure.mjs'
import { at, root } from './lib/paths.mjs'
import { filesIn } from './lib/stamp.mjs'
import { runAll } from './lib/steps.mjs'

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '100000' },
    minutes: { type: 'string', default: '60' },
    jobs: { type: 'string', default: '1' },
    only: { type: 'string' },
    add: { type: 'boolean', default: false },
  },
})

/** Test files that say how many programs they run. */
const models = () =>
  filesIn(at('__test__'), (path) => path.endsWith('.test.ts')).filter((path) =>
    /\b(?:programs|runsOf)(?:<[^(]*>)?\(|KEELSON_PROGRAMS/.test(readFileSync(path, 'utf8')),
  )

/** Programs of their own, whose last line is a sentence with figures; a failed one ends with another code than 0. */
const checks = () =>
  (existsSync(at('scripts', 'long')) ? readdirSync(at('scripts', 'long')) : [])
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => at('scripts', 'long', name))

const wanted = (path) => values.only === undefined || relative(root, path).includes(values.only)

async function runModel(path) {
  const report = at('.cache', `long-${relative(root, path).replaceAll(/\W+/g, '-')}.json`)
  const args = [bin('vitest'), 'run', '--reporter=default', '--reporter=json', `--outputFile=${report}`, path]
  const env = { KEELSON_PROGRAMS: values.programs, KEELSON_MINUTES: values.minutes }
  const { code, output } = await attempt(process.execPath, args, { env })
  const lines = output.split('\n').filter((text) => /^(programs of |reach of |\d+ pairs|faults: )/.test(text.trim()))
  if (code !== 0) process.stdout.write(output)
  const { counts } = jsReport(JSON.parse(readFileSync(report, 'utf8')), output)
  return { ok: code === 0, note: `${counts.passed} passed, ${counts.failed} failed`, lines }
}

async function runCheck(path) {
  const env = { KEELSON_MINUTES: values.minutes }
  const { code, output } = await attempt(process.execPath, ['--expose-gc', path], { env })
  if (code !== 0) process.stdout.write(output)
  return { ok: code === 0, note: output.trim().split('\n').at(-1) ?? '', lines: [] }
}

/** Takes checks from the queue until it is empty. Keeps their rows in the order of the checks. */
async function runEach(queue, rows) {
  for (const [place, { name, run }] of queue) {
    const since = process.hrtime.bigint()
    const result = await run()
    const took = seconds(since)
    rows[place] = { name, ...result, took, programs: `${values.programs}, ${values.minutes} min` }
    process.stdout.write(`${result.ok ? 'ok    ' : 'FAILED'}  ${took.toFixed(0)} s  ${name}: ${result.note}\n`)
    for (const text of result.lines) process.stdout.write(`        ${text.trim()}\n`)
  }
}

const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9

const PAGE = at('docs', 'long-checks.md')

/** Returns the rows of the page as it stands, by name: a run of some checks replaces theirs and keeps the others. */
function earlierRows() {
  const text = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : ''
  const table = [...text.matchAll(/^\| (\S+) \| (.+) \| (\d+) \| (.+) \|$/gm)]
  return new Map(
    table.map(([, name, note, took, programs]) => {
      const section = text.split(`## ${name}\n\n`)[1]?.split('\n\n')[0] ?? ''
      const lines = section.split('\n').filter((line) => line.startsWith('- '))
      return [name, { name, note, took: Number(took), programs, lines: lines.map((line) => line.slice(2)) }]
    }),
  )
}

const PROGRAMS = /^programs of (?<model>.+): (?<count>\d+)$/

/** Returns how many programs each model ran, by the lines of a row. */
const countsOf = ({ lines }) =>
  new Map(
    lines.flatMap((text) => {
      const found = PROGRAMS.exec(text.trim())?.groups
      return found === undefined ? [] : [[found.model, Number(found.count)]]
    }),
  )

/** Returns a row whose programs and seconds are those of both runs. What else it says is of the last run. */
function added(before, row) {
  const counts = countsOf(before)
  for (const [model, count] of countsOf(row)) counts.set(model, (counts.get(model) ?? 0) + count)
  const others = row.lines.filter((text) => !PROGRAMS.test(text.trim()))
  const lines = [...[...counts].map(([model, count]) => `programs of ${model}: ${count}`), ...others]
  return { ...row, lines, programs: `${before.programs}; ${row.programs}`, took: before.took + row.took }
}

function page(rows) {
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()}-${arch()}`
  return [
    '# Long checks',
    '',
    '`npm run test:long` writes this page. It runs each model of `__test__` with many random programs, and the checks of',
    '`scripts/long`. `npm test` runs the same models with a few programs. With `--only` it replaces the rows of those checks,',
    'and with `--add` it adds the programs of a run with other seeds to them.',
    '',
    `Node ${process.versions.node}, ${machine}. The last column says how many programs a property runs, at most in that time.`,
    '',
    '| check | result | seconds | programs |',
    '| --- | --- | --- | --- |',
    ...rows.map(({ name, note, took, programs }) => `| ${name} | ${note} | ${took.toFixed(0)} | ${programs} |`),
    '',
    ...rows
      .filter(({ lines }) => lines.length > 0)
      .map(({ name, lines }) => `## ${name}\n\n${lines.map((text) => `- ${text.trim()}`).join('\n')}\n`),
  ].join('\n')
}

await main(async () => {
  const asked = Number(values.programs)
  if (!Number.isInteger(asked) || asked < 1) throw new Failure('--programs takes a number from 1.')
  if (!(Number(values.minutes) > 0)) throw new Failure('--minutes takes a number above 0.')
  if (!(Number(values.jobs) >= 1)) throw new Failure('--jobs takes a number from 1.')
  const failed = await runAll([...buildSteps(), hooksStep])
  if (failed !== 0) return failed
  const all = [
    ...models().map((path) => ({ path, name: relative(root, path), run: () => runModel(path) })),
    ...checks().map((path) => ({ path, name: basename(path, '.mjs'), run: () => runCheck(path) })),
  ]
  const jobs = all.filter(({ path }) => wanted(path))
  const rows = []
  const queue = jobs.entries()
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => runEach(queue, rows)))
  const latest = earlierRows()
  for (const row of rows) {
    const before = values.add ? latest.get(row.name) : undefined
    latest.set(row.name, before === undefined ? row : added(before, row))
  }
  const known = all.map(({ name }) => latest.get(name)).filter((row) => row !== undefined)
  writeFileSync(PAGE, `${page(known).trimEnd()}\n`)
  return rows.every(({ ok }) => ok) ? 0 : 1
})
