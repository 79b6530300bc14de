// Running vitest and jest: their counts, and how long each test file took.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'

import { jsReport } from './counts.mjs'
import { attempt, bin } from './exec.mjs'
import { Failure } from './failure.mjs'
import { at, shown } from './paths.mjs'

/** A failure that knows how many tests failed. */
export function failedTests(sentence, output, counts) {
  const failure = new Failure(sentence, output)
  // A runner that fails without a failed test (it did not compile, it crashed) still counts as one failure.
  failure.counts = { ...counts, failed: Math.max(counts.failed, 1) }
  return failure
}

const timesFile = at('.cache', 'test-times.json')

/** The seconds that each test file took when it ran last, by its path. */
export const testTimes = () => (existsSync(timesFile) ? JSON.parse(readFileSync(timesFile, 'utf8')) : {})

function rememberTimes({ testResults }) {
  const took = testResults.map(({ name, startTime, endTime }) => [shown(name), (endTime - startTime) / 1000])
  writeFileSync(timesFile, JSON.stringify({ ...testTimes(), ...Object.fromEntries(took) }))
  return took
}

/**
 * Runs vitest or jest with a JSON report beside its usual output. `args(file)` returns the arguments for a report in this
 * file. `report` names the file, for runners that run twice. `times` of the result has the seconds of each test file.
 */
export async function jsTests(runner, args, sentence, { report = runner, ...options } = {}) {
  const file = at('.cache', `${report}.json`)
  rmSync(file, { force: true })
  const { code, output } = await attempt(process.execPath, [bin(runner), ...args(file)], options)
  if (!existsSync(file)) throw failedTests(sentence, output, { passed: 0, failed: 1, skipped: 0 })
  const results = JSON.parse(readFileSync(file, 'utf8'))
  const times = rememberTimes(results)
  const { counts, lines } = jsReport(results, output)
  if (code !== 0) throw failedTests(sentence, output, counts)
  return { counts, lines, times }
}

/** The arguments of vitest for a report in a file. */
export const vitestArgs = (extra) => (file) => [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${file}`,
  ...extra,
]
