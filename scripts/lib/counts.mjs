// What the test runners say in their last lines, added up.

export const none = { passed: 0, failed: 0, skipped: 0 }

export const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

/** The one line a reader, or a machine, takes the result from. */
export const line = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

const numberBefore = (text, word) => Number(text.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0)

const countsIn = (text) => ({
  passed: numberBefore(text, 'passed'),
  failed: numberBefore(text, 'failed') + numberBefore(text, 'timed out'),
  skipped: numberBefore(text, 'skipped') + numberBefore(text, 'ignored'),
})

function summed(output, isSummary) {
  const lines = output.split('\n').filter((text) => isSummary(text))
  return { counts: lines.map((text) => countsIn(text)).reduce(add, none), lines }
}

/** Counts and summary lines of `cargo nextest run`. */
export const nextest = (output) => summed(output, (text) => /^\s*Summary \[/.test(text))

/** Counts and summary lines of `cargo test`, doctests included. */
export const cargoTest = (output) => summed(output, (text) => text.startsWith('test result:'))

/** Counts from the JSON report that vitest and jest write, and their summary lines. */
export function jsReport(report, output) {
  const lines = output.split('\n').filter((text) => /^\s*(Test Files|Test Suites|Tests)[: ]/.test(text))
  const failedToLoad = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  const counts = {
    passed: report.numPassedTests,
    failed: report.numFailedTests + failedToLoad.length,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  }
  return { counts, lines }
}
