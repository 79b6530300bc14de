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
}

/** The most events in a report: the last ones. The file has all. */
const MOST = 60

/** Returns the report of a failure, as people read it. */
export function reportOf({ seed, run, file, failure, choices, events }: Report): string {
  const deviations = choices.filter(({ value }) => value !== 0).length
  const where = failure.node === undefined ? '' : `, in node ${failure.node}`
  const lines = [
    `simulation failed: ${isError(failure.error) ? failure.error.message : textOf(failure.error)}${where}`,
    `  seed ${seed}, run ${run}: run again with KEELSON_SEED=${seed}`,
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
