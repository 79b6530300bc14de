// npm run compare -- <commit> <suite> [suite …] [--rounds 15] [--case TEXT] [--json FILE]
// Builds the package as it is and as it was at <commit>, runs each case of today's suites with both in turns, each run a
// process of its own without peers, and prints the ratio now / before: median and quartiles over the rounds. Cases take
// turns one by one, because the speed of a shared machine changes while a whole suite runs.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { buildSteps } from '../scripts/lib/build-steps.mjs'
import { builtCommit } from '../scripts/lib/commit.mjs'
import { attempt } from '../scripts/lib/exec.mjs'
import { Failure, main } from '../scripts/lib/failure.mjs'
import { install } from '../scripts/lib/install.mjs'
import { at, root } from '../scripts/lib/paths.mjs'
import { runAll } from '../scripts/lib/steps.mjs'
import { quantile } from './lib/stats.mjs'

const LIMIT = 1.05

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '15' }, case: { type: 'string' }, json: { type: 'string' } },
})

/** A folder with the suites of today, in which `keelson` is the package in `folder`. */
function benchFor(name, folder) {
  // A folder of this run: another comparison may be under way.
  const bench = at('.cache', 'compare', `${name}-${process.pid}`)
  rmSync(bench, { recursive: true, force: true })
  mkdirSync(`${bench}/node_modules`, { recursive: true })
  for (const part of ['lib', 'suites', 'package.json'])
    cpSync(at('bench', part), `${bench}/${part}`, { recursive: true })
  for (const peer of readdirSync(at('bench', 'node_modules'))) {
    if (peer !== 'keelson') symlinkSync(at('bench', 'node_modules', peer), `${bench}/node_modules/${peer}`, 'junction')
  }
  symlinkSync(folder, `${bench}/node_modules/keelson`, 'junction')
  return bench
}

async function runSuite(bench, suite, args) {
  const { code, output } = await attempt(process.execPath, ['--expose-gc', `${bench}/lib/suite.mjs`, suite, ...args], {
    cwd: bench,
  })
  if (code !== 0) throw new Failure(`The suite ${suite} failed.`, output)
  return output
}

/** The names of the cases to run. */
async function casesOf(bench, suite) {
  const names = JSON.parse((await runSuite(bench, suite, ['--list'])).trim().split('\n').at(-1))
  return names.filter((name) => values.case === undefined || name.includes(values.case))
}

/** The costs of one case, by row: one that grows has a row a step. */
async function once(bench, suite, name) {
  const json = `${bench}/rows.json`
  await runSuite(bench, suite, ['--alone', '--rounds', '3', '--json', json, '--case', name])
  return new Map(JSON.parse(readFileSync(json, 'utf8')).map((row) => [row.case, row.ours]))
}

/** The ratios of a case's rows over the rounds. */
async function compared(sides, suite, name) {
  const ratios = new Map()
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const order = round % 2 === 0 ? ['before', 'now'] : ['now', 'before']
    const taken = {}
    for (const side of order) taken[side] = await once(sides[side], suite, name)
    for (const [row, value] of taken.now) {
      if (!taken.before.has(row)) continue
      if (!ratios.has(row)) ratios.set(row, [])
      ratios.get(row).push(value / taken.before.get(row))
    }
  }
  return ratios
}

/** One line a case; `true` when the upper quartile is within the limit. */
function told(suite, name, ratios) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share))
  const met = high <= LIMIT
  const text = `${middle.toFixed(3)}  [${low.toFixed(3)} .. ${high.toFixed(3)}]  ${suite}: ${name}`
  process.stdout.write(`${text}${met ? '' : `  MISSED (upper quartile <= ${LIMIT})`}\n`)
  return { suite, case: name, rounds: ratios.length, low, median: middle, high, met }
}

await main(async () => {
  const [commit, ...suites] = positionals
  if (commit === undefined || suites.length === 0) throw new Failure('npm run compare -- <commit> <suite> [suite …]')
  const failed = await runAll([
    ...buildSteps(),
    { name: 'peers', needs: ['toolchain'], run: () => install(at('bench'), 'bench-install') },
  ])
  if (failed !== 0) return failed
  const sides = { now: benchFor('now', root), before: benchFor('before', await builtCommit(commit)) }
  const rows = []
  process.stdout.write(`\nratio = now / ${commit}, a cost: 1 is equal; [quartiles] over ${values.rounds} rounds\n`)
  for (const suite of suites) {
    for (const name of await casesOf(sides.now, suite)) {
      for (const [row, ratios] of await compared(sides, suite, name)) rows.push(told(suite, row, ratios))
    }
  }
  for (const bench of Object.values(sides)) rmSync(bench, { recursive: true, force: true })
  const missed = rows.filter(({ met }) => !met)
  process.stdout.write(`${rows.length - missed.length} of ${rows.length} cases within ${LIMIT}\n`)
  if (values.json !== undefined) writeFileSync(resolve(values.json), `${JSON.stringify(rows, null, 2)}\n`)
  return 0
})
