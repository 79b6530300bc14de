// npm run bench -- <suite> [--json FILE] [--strict] [--rounds N] [--warmup N] [--case TEXT]
//   Installs the peers into bench/node_modules, builds keelson, and measures the suite in a process of its own.
// npm run bench -- counts [--json FILE] [--against FILE|COMMIT] [--strict] [--case TEXT]
//   Counts the instructions an operation of the core's hot loops takes; see bench/lib/counts.mjs.
// npm run bench -- --page [--rounds N] [--suites a,b] [--out FILE]
//   Runs every suite and the counts, and writes docs/benchmarks.md; see bench/lib/page.mjs. Takes an hour or more.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { resolve } from 'node:path'

import { buildSteps } from '../scripts/lib/build-steps.mjs'
import { attempt, npm } from '../scripts/lib/exec.mjs'
import { Failure, main } from '../scripts/lib/failure.mjs'
import { install } from '../scripts/lib/install.mjs'
import { at, root } from '../scripts/lib/paths.mjs'
import { runAll } from '../scripts/lib/steps.mjs'
import { countsCommand } from './lib/counts.mjs'
import { pageCommand } from './lib/page.mjs'

const suites = () =>
  readdirSync(at('bench', 'suites'))
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => name.slice(0, -'.mjs'.length))

/** Peers that are compiled where they run; one that cannot be is missing from its cases, which say so. */
const compiled = { 'better-sqlite3': 'build/Release/better_sqlite3.node' }

/** Builds what the suite measures itself against. */
async function compile(suite) {
  const text = readFileSync(at('bench', 'suites', `${suite}.mjs`), 'utf8')
  const missing = Object.entries(compiled)
    .filter(([name, file]) => text.includes(name) && !existsSync(at('bench', 'node_modules', name, file)))
    .map(([name]) => name)
  if (missing.length === 0) return false
  try {
    await npm(['rebuild', ...missing], 'It does not compile here.', { cwd: at('bench') })
    return { note: missing.join(', ') }
  } catch {
    return { note: `without ${missing.join(', ')}` }
  }
}

/** The suites import `keelson` as any program does. */
async function peers() {
  const changed = await install(at('bench'), 'bench-install')
  const link = at('bench', 'node_modules', 'keelson')
  mkdirSync(at('bench', 'node_modules'), { recursive: true })
  if (!existsSync(link)) symlinkSync(root, link, 'junction')
  return changed
}

/** A file named on the command line belongs to the directory the command was given in. */
const isFile = (option, value) =>
  ['--json', '--out'].includes(option) || (option === '--against' && value.endsWith('.json'))
const absolute = (args) =>
  args.map((arg, i) => (isFile(args[i - 1], arg) ? resolve(process.env.INIT_CWD ?? process.cwd(), arg) : arg))

/** Installs and builds what the suites need. Returns how many steps failed. */
const prepare = (names) =>
  runAll([
    ...buildSteps(),
    { name: 'peers', needs: ['toolchain'], run: peers },
    ...names.map((suite) => ({ name: `compiled ${suite}`, needs: ['peers'], run: () => compile(suite) })),
  ])

/** Runs a suite in a process of its own. Returns its exit code. */
async function runSuite(suite, args) {
  const program = ['--expose-gc', at('bench', 'lib', 'suite.mjs'), suite, ...args]
  const { code } = await attempt(process.execPath, program, { show: true })
  return code
}

await main(async () => {
  const [suite, ...args] = absolute(process.argv.slice(2))
  const known = suites()
  if (suite === undefined) {
    const usage = 'npm run bench -- <suite> [--json FILE] [--strict]\nnpm run bench -- counts\nnpm run bench -- --page'
    process.stdout.write(`${usage}\n\nsuites: ${known.join(', ')}\n`)
    return 0
  }
  if (suite === 'counts') return countsCommand(args)
  if (suite === '--page') return pageCommand(args, { suites: known, prepare, runSuite })
  if (!known.includes(suite)) throw new Failure(`There is no suite ${suite}; the suites are ${known.join(', ')}.`)
  const failed = await prepare([suite])
  return failed === 0 ? runSuite(suite, args) : failed
})
