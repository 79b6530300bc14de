import { isError, textOf } from '../internal/thrown-values.ts'
import { eventLines } from './event-log.ts'
import type { RunFailure } from './run.ts'
import type { SimulationChoice, SimulationEvent } from './types.ts'

interface Report {
  readonly seed: number
  readonly run: number
  readonly file: string | undefined
  readonly failure: RunFailure
  readonly choices: readonly SimulationChoice[]
  readonly events: readonly SimulationEvent[]
  /** How to repeat the run. Default: by its seed and its file. */
  readonly repeat?: string | undefined
}

/** The most events in a report: the last ones. The file has all. */
const MOST = 60

/** Returns the report of a failure, as people read it. */
export function reportOf({ seed, run, file, failure, choices, events, repeat }: Report): string {
  const deviations = choices.filter(({ value }) => value !== 0).length
  const where = failure.node === undefined ? '' : `, in node ${failure.node}`
  const lines = [
    `simulation failed: ${isError(failure.error) ? failure.error.message : textOf(failure.error)}${where}`,
    repeat === undefined ? `  seed ${seed}, run ${run}: run again with KEELSON_SEED=${seed}` : `  ${repeat}`,
  ]
  if (file !== undefined) lines.push(`  file ${file}: replay it with KEELSON_REPLAY=${file}`)
  lines.push(`  ${deviations} of ${choices.length} choices are not what production usually does`)
  if (events.length > 0) {
    const left = events.length - MOST
    lines.push(left > 0 ? `  the last ${MOST} of ${events.length} events:` : '  events:')
    lines.push(...eventLines(events.slice(-MOST)).map((line) => `    ${line}`))
  }
  if (failure.waits.length > 0) lines.push('  who waits:', ...failure.waits.map((line) => `    ${line}`))
  return lines.join('\n')
}

/** Adds the report to the message of an error. */
export function withReport(error: unknown, report: string): unknown {
  if (!isError(error)) return new Error(report, { cause: error })
  try {
    const { message, stack } = error
    error.message = report
    if (stack !== undefined) error.stack = stack.includes(message) ? stack.replace(message, () => report) : stack
    return error
  } catch {
    // A frozen error, or one without a message of its own.
    return new Error(report, { cause: error })
  }
}
