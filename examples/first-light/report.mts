import type { Outcome, Phase, Result } from './load.mjs'
import type { Summary } from './stats.mjs'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const millis = (value: number | undefined): string => (value === undefined ? '–' : `${value.toFixed(0)} ms`)

const columns: readonly [string, (summary: Summary) => string][] = [
  ['goodput', ({ goodput }) => percent(goodput)],
  ['critical', ({ critical }) => percent(critical)],
  ['p50', ({ p50 }) => millis(p50)],
  ['p99', ({ p99 }) => millis(p99)],
  ['recovery', ({ recovery }) => (recovery === undefined ? 'never' : `${recovery} s`)],
  ['sheds', ({ sheds }) => sheds.toLocaleString('en')],
]

/** One row for each server. */
export function table(summaries: Readonly<Record<string, Summary>>): string {
  const heading = ['', ...columns.map(([title]) => title)]
  const rows = Object.entries(summaries).map(([name, summary]) =>
    [name].concat(columns.map(([, show]) => show(summary))),
  )
  const width = (column: number): number => Math.max(...[heading, ...rows].map((row) => row[column]?.length ?? 0))
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(width(i)) : cell.padStart(width(i) + 3))).join('')
  return [line(heading), line(heading.map((_, i) => '─'.repeat(width(i)))), ...rows.map(line)].join('\n')
}

/** What a protected server has to reach at twice its capacity. */
const bars: readonly [string, (summary: Summary) => boolean][] = [
  ['goodput of at least 90 % of capacity', ({ goodput }) => goodput >= 0.9],
  ['at least 99 % of the critical requests succeed', ({ critical }) => critical >= 0.99],
  ['recovered within 3 s', ({ recovery = Infinity }) => recovery <= 3],
]

/** The bars that are missed. */
export const missedBars = (summary: Summary): string[] =>
  bars.filter(([, isMet]) => !isMet(summary)).map(([bar]) => bar)

export const verdicts = (summary: Summary): string =>
  bars.map(([bar, isMet]) => `${isMet(summary) ? 'met   ' : 'MISSED'}  ${bar}`).join('\n')

/** Tells once a second how it goes; on a terminal in one line that moves. */
export class Progress {
  readonly #name: string
  readonly #phases: readonly Phase[]
  #counts: Record<Result, number> = { ok: 0, shed: 0, late: 0, error: 0 }
  #second = 0

  constructor(name: string, phases: readonly Phase[]) {
    this.#name = name
    this.#phases = phases
  }

  count({ result }: Outcome): void {
    this.#counts[result] += 1
  }

  tick(): void {
    this.#second += 1
    let left = this.#second
    const phase = this.#phases.find(({ seconds }) => (left -= seconds) <= 0)?.name ?? 'last answers'
    const { ok, shed, late, error } = this.#counts
    this.#counts = { ok: 0, shed: 0, late: 0, error: 0 }
    const counts = [`${ok} ok`, `${shed} shed`, `${late} late`, ...(error > 0 ? [`${error} broken`] : [])]
    const text = `${this.#name.padEnd(10)}${String(this.#second).padStart(3)} s  ${phase.padEnd(14)}${counts
      .map((count) => count.padStart(10))
      .join('')}`
    process.stdout.write(process.stdout.isTTY ? `\r\u001B[2K${text}` : `${text}\n`)
  }

  end(): void {
    if (process.stdout.isTTY) process.stdout.write('\r\u001B[2K')
  }
}
