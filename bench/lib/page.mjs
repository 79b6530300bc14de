// npm run bench -- --page: docs/benchmarks.md from one run of every suite and of the counts, and the rows of README.md.
// `--suites a,b`, or another `--rounds` than each suite's own, is a try: its page goes to `--out`, or to .cache.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'
import { parseArgs } from 'node:util'

import { attempt } from '../../scripts/lib/exec.mjs'
import { Failure } from '../../scripts/lib/failure.mjs'
import { withBlock } from '../../scripts/lib/generated.mjs'
import { at } from '../../scripts/lib/paths.mjs'
import { BAR, counted, lineOfCount } from './counts.mjs'
import { digits, missed } from './report.mjs'

/** The rows that stand in README.md, by suite and case, each with what the reader calls it. */
const HIGHLIGHTS = [
  ['clock', 'schedule and fire 100,000 timers', 'schedule and fire 100,000 timers'],
  [
    'journal-durable',
    'append, 64 in flight, synced; sqlite WAL, synchronous FULL, a transaction each',
    'durable appends, 64 in flight (sqlite: WAL, synchronous FULL)',
  ],
  ['policy', 'a call: timeout, retry, breaker, bulkhead', 'a call under timeout, retry, breaker and bulkhead'],
  [
    'services',
    'rateLimit(), draft-8 headers, 1,000 clients',
    '`rateLimit()` with the headers of draft 8, 1,000 clients',
  ],
  ['cache', 'get or set, Zipf 0.99', 'get or set through a `Cache`, Zipf 0.99, capacity 10,000'],
]

const heading = `# Benchmarks

\`npm run bench -- --page\` writes this page from one run. Each case runs keelson and a peer in turns, in the same process
or in paired processes. A ratio is ours / peer, of medians over the rounds. Every value is a cost: lower is better, and 1
is equal. The range is the middle half of the rounds: of the ratios, or of our value where there is no peer. Absolute
times differ from machine to machine; the ratios differ less. A bar is what a case must reach; missed bars are marked.
`

const cell = (text) => String(text).replaceAll('|', '\\|')
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

function barOf({ bar }) {
  if (!bar) return ''
  const text = `${bar.kind === 'ratio' ? '' : 'ours '}≤ ${digits(bar.limit)}`
  return bar.met ? text : `${text} **missed**`
}

const ratioOf = ({ ratio }) => (ratio === null ? '' : digits(ratio))
const rangeOf = ({ spread }) => spread.map(digits).join(' to ')
const oursOf = ({ ours, unit }) => `${digits(ours)} ${unit}`
const peerOf = ({ peer, peerName }) => (peer === null ? '' : `${peerName}: ${digits(peer)}`)

/** The table of one suite. */
export function suiteTable(rows) {
  const head = ['case', 'ours', 'peer', 'ratio', 'range', 'bar']
  return table(
    head,
    rows.map((row) => [row.case, oursOf(row), peerOf(row), ratioOf(row), rangeOf(row), barOf(row)]),
  )
}

/** A paragraph in lines of at most 120 characters. */
function wrapped(text) {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`.trim()
    if (line.length <= 120) lines[lines.length - 1] = line
    else lines.push(word)
  }
  return lines.join('\n')
}

/** The five rows of README.md; those of suites that were not run are left out. */
export function highlightTable(rows) {
  const found = HIGHLIGHTS.flatMap(([suite, name, words]) => {
    const row = rows.find((each) => each.suite === suite && each.case === name)
    return row ? [[words, row.peerName, ratioOf(row), rangeOf(row)]] : []
  })
  return table(['what', 'against', 'ratio', 'range'], found)
}

const countTable = (rows) =>
  table(
    ['loop', 'operation', 'instructions'],
    rows.map(({ case: name, operation, ours }) => [`\`${name}\``, operation, ours.toFixed(1)]),
  )

function missedPart(rows) {
  const [with_, below] = [rows.filter(({ bar }) => bar), missed(rows)]
  const line = `${with_.length - below.length} of ${with_.length} bars met.`
  if (below.length === 0) return line
  const list = below.map((row) => {
    const measured = row.bar.kind === 'ratio' ? digits(row.ratio) : oursOf(row)
    return `- ${row.suite}: ${row.case}: ${measured}, bar ${digits(row.bar.limit)} (range ${rangeOf(row)})`
  })
  return [line, '', ...list].join('\n')
}

/** The whole page. `suites` is a list of `{ name, rows }`. */
export function pageText({ machine, versions, suites, counts }) {
  const rows = suites.flatMap((suite) => suite.rows)
  return [
    heading,
    `Machine: ${machine}.\n`,
    `${wrapped(`Versions: ${versions}.`)}\n`,
    `## Missed bars\n\n${missedPart(rows)}\n`,
    ...suites.map((suite) => `## ${suite.name}\n\n${suiteTable(suite.rows)}\n`),
    `## Instructions\n
\`npm run bench -- counts\` counts the instructions that the core's hot loops take an operation, under callgrind. The same
build gives the same figures on any machine, busy or idle. A commit is slower when it takes more than ${BAR} times the
instructions of the one before: \`npm run bench -- counts --against <commit>\`.\n`,
    counts.length === 0 ? '' : `${countTable(counts)}\n`,
  ].join('\n')
}

function machineText() {
  const cores = cpus()
  return `${cores[0]?.model.trim()}, ${cores.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()}-${arch()}`
}

function installed(name) {
  const manifest = at('bench', 'node_modules', name, 'package.json')
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : 'not installed'
}

async function versionsText() {
  const { dependencies } = JSON.parse(readFileSync(at('bench', 'package.json'), 'utf8'))
  const { output } = await attempt('rustc', ['--version'])
  const peers = Object.keys(dependencies).map((name) => `${name} ${installed(name)}`)
  return [`Node ${process.versions.node}`, output.trim().split(' (')[0], ...peers].join(', ')
}

/** README.md with its rows, where it has the markers for them. */
function writeReadme(rows) {
  const [path, text] = ['README.md', readFileSync(at('README.md'), 'utf8')]
  if (!text.includes('<!-- generated: benchmarks -->')) return
  const lost = HIGHLIGHTS.find(([suite, name]) => !rows.some((row) => row.suite === suite && row.case === name))
  if (lost) throw new Failure(`README.md wants a row of ${lost[0]}, and there is no case "${lost[1]}" any more.`)
  writeFileSync(
    at(path),
    withBlock(path, text, 'benchmarks', () => highlightTable(rows)),
  )
}

async function suiteRows(suite, rounds, runSuite) {
  const file = at('.cache', 'bench', `${suite}.json`)
  const code = await runSuite(suite, ['--rows', file, ...rounds])
  if (code !== 0) throw new Failure(`The suite ${suite} failed; nothing is written.`)
  return { name: suite, rows: JSON.parse(readFileSync(file, 'utf8')) }
}

/** The command. Returns its exit code. */
export async function pageCommand(args, { suites, prepare, runSuite }) {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string' }, suites: { type: 'string' }, out: { type: 'string' } },
  })
  const chosen = values.suites?.split(',') ?? [...suites, 'counts']
  const strange = chosen.find((name) => name !== 'counts' && !suites.includes(name))
  if (strange !== undefined) throw new Failure(`There is no suite ${strange}; the suites are ${suites.join(', ')}.`)
  const own = chosen.filter((name) => name !== 'counts')
  const failed = await prepare(own)
  if (failed !== 0) return failed
  mkdirSync(at('.cache', 'bench'), { recursive: true })
  const rounds = values.rounds === undefined ? [] : ['--rounds', values.rounds]
  const measured = []
  for (const suite of own) measured.push(await suiteRows(suite, rounds, runSuite))
  const counts = chosen.includes('counts') ? await counted() : []
  process.stdout.write(`${counts.map(lineOfCount).join('\n')}\n`)
  const text = pageText({ machine: machineText(), versions: await versionsText(), suites: measured, counts })
  const isWhole = values.suites === undefined && values.rounds === undefined
  const path = values.out ?? (isWhole ? at('docs', 'benchmarks.md') : at('.cache', 'benchmarks.md'))
  writeFileSync(path, `${text.trimEnd()}\n`)
  if (isWhole && values.out === undefined) writeReadme(measured.flatMap(({ rows }) => rows))
  process.stdout.write(`\n${path}\n`)
  return 0
}
