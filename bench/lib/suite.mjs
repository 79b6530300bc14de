// Runs one suite in this process (started with --expose-gc by bench/run.mjs) and prints as it goes.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { measure } from './measure.mjs'
import { heading, lineOf, missed, plainRows } from './report.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    // The rows with their ranges and bars, for docs/benchmarks.md.
    rows: { type: 'string' },
    strict: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    warmup: { type: 'string' },
    case: { type: 'string' },
    // Without peers, for a comparison of two builds.
    alone: { type: 'boolean', default: false },
    // Prints the names of the cases alone.
    list: { type: 'boolean', default: false },
  },
})

const { default: suite } = await import(`../suites/${positionals[0]}.mjs`)
const options = {
  rounds: values.rounds === undefined ? undefined : Number(values.rounds),
  warmup: values.warmup === undefined ? undefined : Number(values.warmup),
  alone: values.alone,
}
const cases = suite.cases.filter(({ name }) => values.case === undefined || name.includes(values.case))

if (values.list) {
  process.stdout.write(`${JSON.stringify(cases.map(({ name }) => name))}\n`)
  process.exit(0)
}

process.stdout.write(`\n${suite.name}, Node ${process.versions.node}\n${heading}\n`)
const rows = []
for (const test of cases) {
  for (const row of await measure(suite.name, test, options)) {
    rows.push(row)
    process.stdout.write(`${lineOf(row)}\n`)
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(plainRows(rows), null, 2)}\n`)
if (values.rows !== undefined) writeFileSync(values.rows, `${JSON.stringify(rows, null, 2)}\n`)
const below = missed(rows)
if (below.length > 0) process.stdout.write(`\n${below.length} of ${rows.filter(({ bar }) => bar).length} bars missed\n`)
process.exitCode = values.strict && below.length > 0 ? 1 : 0
