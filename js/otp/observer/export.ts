/** Snapshots as files. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import { textOf } from '../../internal/thrown-values.ts'
import { list, object } from '../../internal/validate.ts'
import type { CsvExportResult, ExportData, MetricsDataPoint, MetricsHistory, ObserverSnapshot } from './types.ts'

type Cell = unknown

/** A text that begins with one of these is a formula in a spreadsheet. */
const FORMULA = /^[=+\-@\t\r]/

/** Returns a cell as RFC 4180 wants it. A text that a spreadsheet would run as a formula gets an apostrophe. */
function csvCell(cell: Cell): string {
  if (cell === undefined || Number.isNaN(cell)) return ''
  if (typeof cell === 'number') return String(cell)
  const plain = textOf(cell)
  const text = FORMULA.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

const csv = (headers: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [headers, ...rows].map((row) => row.map(csvCell).join(',')).join('\n')

/** Returns a wall time as ISO 8601; nothing for a time that is not known. */
const time = (wallMs: number): string | undefined =>
  Math.abs(wallMs) <= 8.64e15 ? new Date(wallMs).toISOString() : undefined

function historyCsv({ memory, processCount, restartRate, throughput }: MetricsHistory): string {
  const byTime = new Map<number, Cell[]>()
  const put = (timestamp: number, column: number, value: number): void => {
    const row = byTime.get(timestamp) ?? [time(timestamp), undefined, undefined, undefined, undefined]
    row[column] = value
    byTime.set(timestamp, row)
  }
  const columns: readonly (readonly MetricsDataPoint[])[] = [throughput, processCount, restartRate]
  for (const [index, points] of columns.entries()) {
    for (const { timestamp, value } of points) put(timestamp, index + 1, value)
  }
  for (const { heapUsed, timestamp } of memory) put(timestamp, columns.length + 1, heapUsed)
  const rows = [...byTime].toSorted(([one], [other]) => one - other).map(([, row]) => row)
  return csv(['timestamp', 'throughput', 'processCount', 'restartRate', 'heapUsedBytes'], rows)
}

function checkObjects(field: string, items: unknown): void {
  for (const [index, item] of list(field, items as readonly object[]).entries()) object(`${field}[${index}]`, item)
}

/** Checks the parts of an export that are read. */
function checkExport(data: ExportData): ExportData {
  const { metricsHistory, snapshot } = data
  object('data.snapshot', snapshot)
  object('data.snapshot.memoryStats', snapshot.memoryStats)
  checkObjects('data.snapshot.servers', snapshot.servers)
  checkObjects('data.snapshot.supervisors', snapshot.supervisors)
  if (metricsHistory === undefined) return data
  object('data.metricsHistory', metricsHistory)
  for (const name of ['throughput', 'processCount', 'restartRate', 'memory'] as const) {
    checkObjects(`data.metricsHistory.${name}`, metricsHistory[name])
  }
  return data
}

export function toCsv(data: ExportData): CsvExportResult {
  const { metricsHistory, snapshot } = checkExport(data)
  const { memoryStats: memory, servers, supervisors } = snapshot
  const summary: readonly (readonly [string, Cell])[] = [
    ['timestamp', time(snapshot.timestamp)],
    ['processCount', snapshot.processCount],
    ['serverCount', servers.length],
    ['supervisorCount', supervisors.length],
    ['totalMessages', snapshot.totalMessages],
    ['totalRestarts', snapshot.totalRestarts],
    ['heapUsedBytes', memory.heapUsed],
    ['heapTotalBytes', memory.heapTotal],
    ['rssBytes', memory.rss],
    ['externalBytes', memory.external],
  ]
  const result: CsvExportResult = {
    summary: csv(
      summary.map(([header]) => header),
      [summary.map(([, cell]) => cell)],
    ),
    servers: csv(
      ['id', 'status', 'queueSize', 'messageCount', 'startedAt', 'uptimeMs', 'stateMemoryBytes', 'name', 'kind'],
      servers.map(({ id, kind, messageCount, name, queueSize, startedAt, stateMemoryBytes, status, uptimeMs }) => [
        id,
        status,
        queueSize,
        messageCount,
        time(startedAt),
        uptimeMs,
        stateMemoryBytes,
        name,
        kind,
      ]),
    ),
    supervisors: csv(
      ['id', 'strategy', 'childCount', 'totalRestarts', 'startedAt', 'uptimeMs', 'name'],
      supervisors.map(({ childCount, id, name, startedAt, strategy, totalRestarts, uptimeMs }) => [
        id,
        strategy,
        childCount,
        totalRestarts,
        time(startedAt),
        uptimeMs,
        name,
      ]),
    ),
  }
  return metricsHistory === undefined ? result : { ...result, metricsHistory: historyCsv(metricsHistory) }
}

export function toJson(data: ExportData): string {
  try {
    return JSON.stringify(data, undefined, 2)
  } catch {
    throw new InvalidArgumentError('data', 'an export, which JSON can hold', data)
  }
}

export function exportData(snapshot: ObserverSnapshot, exportedAt: number, history?: MetricsHistory): ExportData {
  const data = { snapshot, exportedAt, version: '1.0' as const }
  return history === undefined ? data : { ...data, metricsHistory: history }
}
