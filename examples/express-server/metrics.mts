// What the service says about itself, in the text format of Prometheus.
import type { RequestEntry } from 'keelson/express'
import type { Journal } from 'keelson/journal'
import type { System } from 'keelson/system'

/** The figures of a time, from the journal of requests. */
export interface Window {
  readonly byStatus: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Reads the entries of the last `ms`, the newest first, and stops at the first that is older. */
export function lately(journal: Journal<RequestEntry>, { clock }: System, ms: number): Window {
  const since = clock.now().wallMs - ms
  const byStatus: Record<string, number> = {}
  const durations: number[] = []
  for (const { timestamp, data } of journal.entries({ reverse: true })) {
    if (timestamp.wallMs < since) break
    byStatus[data.status] = (byStatus[data.status] ?? 0) + 1
    durations.push(data.durationMs)
  }
  durations.sort((one, other) => one - other)
  const quantile = (share: number): number => durations[Math.ceil(share * durations.length) - 1] ?? 0
  return { byStatus, p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

/** Returns samples as text. A name may have labels: `requests{status="200"}`. */
export const prometheus = (samples: Readonly<Record<string, number>>): string =>
  Object.entries(samples)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('')
