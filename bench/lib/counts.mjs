// npm run bench -- counts: instructions an operation of the core's hot loops (bench/counts), counted under callgrind.
// A loop runs N and 2 N operations. The difference of the two totals, divided by N, is free of the set-up. Noise of the
// machine does not show: the same build gives the same figures.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'

import { attempt, run } from '../../scripts/lib/exec.mjs'
import { Failure } from '../../scripts/lib/failure.mjs'
import { at, root } from '../../scripts/lib/paths.mjs'
import { sourcesOf } from '../../scripts/lib/commit.mjs'

/** Instructions now / before: above this, the core got slower. */
export const BAR = 1.02

const found = async () => (await attempt('valgrind', ['--version'])).code === 0

/** Makes sure that valgrind is there: on a machine of CI it is installed, elsewhere the reader learns how. */
async function provideValgrind() {
  if (await found()) return
  if (process.env.CI === 'true') {
    await attempt('apt-get', ['update'])
    await attempt('apt-get', ['install', '-y', '--no-install-recommends', 'valgrind'])
    if (await found()) return
  }
  throw new Failure(
    'Counting instructions needs valgrind, which is not on the PATH: run `apt-get install valgrind`, or take the package ' +
      'of your system. It runs on Linux.',
  )
}

/** Builds the loops of the sources in `folder`. Returns the program's path. */
async function build(folder, target) {
  if (!existsSync(`${folder}/bench/counts/main.rs`))
    throw new Failure(`${folder} has no bench/counts to be counted by.`)
  const args = ['build', '--locked', '--no-default-features', '--profile', 'counts', '--example', 'counts']
  await run('cargo', [...args, '--target-dir', target], 'The hot loops do not build.', { cwd: folder })
  return `${target}/counts/examples/counts`
}

/** Builds the loops of this checkout. Returns the program's path. */
export const loopProgram = () => build(root, at('target'))

/** The loops of a program: `{ name, operations, operation }`. */
async function loopsOf(program) {
  const lines = (await run(program, [], 'The loops cannot be listed.')).trim().split('\n')
  return lines.map((line) => {
    const [name, operations, operation] = line.split('\t')
    return { name, operations: Number(operations), operation }
  })
}

/** The instructions of one run. Its profile stays in .cache/counts, for callgrind_annotate. */
async function total(program, name, operations) {
  const profile = at('.cache', 'counts', `${name}.${operations}.callgrind`)
  const args = ['--tool=callgrind', `--callgrind-out-file=${profile}`, program, name, String(operations)]
  const output = await run('valgrind', args, `The loop ${name} failed.`, { env: { RUST_BACKTRACE: '0' } })
  const count = output.match(/Collected\s*:\s*(\d+)/)?.[1]
  if (count === undefined) throw new Failure(`valgrind did not say what it counted of ${name}.`, output)
  return Number(count)
}

async function countLoop(program, { name, operations }) {
  const [short, long] = [await total(program, name, operations), await total(program, name, 2 * operations)]
  return (long - short) / operations
}

/** Counts the loops, as many at a time as there are processors. Returns a map from name to instructions an operation. */
async function countAll(program, loops) {
  const counts = new Map()
  const waiting = [...loops]
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      counts.set(next.name, await countLoop(program, next))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return counts
}

const rustc = async () => (await run('rustc', ['--version'], 'rustc does not run.')).trim()

/** Returns the counts to compare with: of a file of `--json`, or of the commit's own loops, counted now. */
async function before(against, wanted) {
  if (against.endsWith('.json') || existsSync(against)) {
    const rows = JSON.parse(readFileSync(against, 'utf8'))
    const other = rows.find((row) => row.rustc !== wanted.rustc)
    if (other) throw new Failure(`${against} was counted with ${other.rustc}, and this is ${wanted.rustc}.`)
    return new Map(rows.map((row) => [row.case, row.ours]))
  }
  const program = await build(await sourcesOf(against), at('.cache', 'compare', 'counts'))
  return countAll(program, (await loopsOf(program)).filter(wanted.keeps))
}

const number = (value) => value.toFixed(1).padStart(9)

/** One line of the table. */
export function lineOfCount({ case: name, ours, ratio, operation }) {
  const compared = ratio === null ? '' : `  ${ratio.toFixed(4)}${ratio > BAR ? '  MISSED' : ''}`
  return `${number(ours)}  ${name.padEnd(18)}${compared}  ${operation}`
}

/** Counts and returns rows like those of a suite. */
export async function counted({ keeps = () => true, against } = {}) {
  await provideValgrind()
  mkdirSync(at('.cache', 'counts'), { recursive: true })
  const compiler = await rustc()
  const program = await loopProgram()
  const loops = (await loopsOf(program)).filter(keeps)
  const counts = await countAll(program, loops)
  const old = against === undefined ? new Map() : await before(against, { keeps, rustc: compiler })
  return loops.map(({ name, operation }) => {
    const [ours, peer] = [counts.get(name), old.get(name) ?? null]
    const ratio = peer === null ? null : ours / peer
    return { suite: 'counts', case: name, ours, peer, unit: 'instructions/op', ratio, operation, rustc: compiler }
  })
}

/** The command. Returns its exit code: 1 when `--strict` was given and a loop takes more than it may. */
export async function countsCommand(args) {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: 'string' },
      against: { type: 'string' },
      case: { type: 'string' },
      strict: { type: 'boolean', default: false },
    },
  })
  const keeps = ({ name }) => values.case === undefined || name.includes(values.case)
  const rows = await counted({ keeps, against: values.against })
  const compared = values.against === undefined ? '' : `, ratio to ${values.against} (bar ${BAR})`
  process.stdout.write(`\ninstructions an operation${compared}\n\n${rows.map(lineOfCount).join('\n')}\n`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  const missed = rows.filter(({ ratio }) => ratio !== null && ratio > BAR)
  if (values.against !== undefined) {
    const met = rows.filter(({ ratio }) => ratio !== null).length - missed.length
    process.stdout.write(`\n${met} loops within ${BAR}, ${missed.length} above\n`)
  }
  return values.strict && missed.length > 0 ? 1 : 0
}
