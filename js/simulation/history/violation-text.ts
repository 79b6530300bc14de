import { inShort } from '../event-log.ts'
import type { HistoryOperation, HistoryViolation } from './types.ts'

/** The most operations that are shown before the one that does not fit: the last ones. */
const MOST_BEFORE = 10
const MOST_CONCURRENT = 20

/** Returns a violation in words: the operation that does not fit, an order of those before it, and those beside it. */
export function violationText({ key, operation, before, expected, concurrent }: HistoryViolation): string {
  const where = key === undefined ? '' : ` (key ${inShort(key)})`
  const shown = before.slice(-MOST_BEFORE)
  const left = before.length - shown.length
  const beside = concurrent.filter((other) => !before.includes(other))
  const lines = [
    `not linearizable${where}: no order of the operations explains that ${call(operation)} gave ` +
      `${inShort(operation.output)}`,
    left > 0
      ? `an order that explains the outputs before it, the last ${shown.length} of ${before.length}:`
      : 'an order that explains the outputs before it:',
    ...rows(shown),
    `after those it would have given ${inShort(expected)}:`,
    ...rows([operation]),
  ]
  if (beside.length > 0)
    lines.push('at the same time, and not needed before it:', ...rows(beside.slice(0, MOST_CONCURRENT)))
  return lines.join('\n')
}

/** Returns in words that there were too many orders to try. */
export function undecidedText(key: string | number | undefined, operations: number, steps: number): string {
  const where = key === undefined ? '' : ` of key ${inShort(key)}`
  return (
    `undecided: ${steps} steps were too few for the orders of the ${operations} operations${where}; ` +
    'give the model keys, record fewer operations at a time, or raise `steps`'
  )
}

const call = ({ client, input }: HistoryOperation): string => `${inShort(input)} by ${client}`

/** Returns a line for each operation, in columns: client, times, input, output. */
function rows(operations: readonly HistoryOperation[]): string[] {
  const cells = operations.map(({ client, input, outcome, output, called, returned, calledMs, returnedMs }) => [
    client,
    `${time(calledMs, called)} to ${outcome === 'unknown' ? '?' : time(returnedMs, returned)}`,
    inShort(input),
    outcome === 'unknown' ? 'nobody knows' : inShort(output),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(0, ...cells.map((row) => (row[column] as string).length)))
  return cells.map(([client = '', times = '', input = '', output = '']) =>
    [
      ' ',
      client.padEnd(widths[0] as number),
      times.padEnd(widths[1] as number),
      input.padEnd(widths[2] as number),
      `→ ${output}`,
    ].join(' '),
  )
}

const time = (ms: number | undefined, place: number | undefined): string =>
  ms === undefined ? String(place) : `${ms} ms`
