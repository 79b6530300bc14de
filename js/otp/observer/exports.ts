import { lazy } from '../../internal/lazy.ts'
import { object } from '../../internal/validate.ts'
import type * as ImplementationModule from './implementation.ts'
import type { CsvExportResult, ExportData, MetricsHistory, ObserverSnapshot } from './types.ts'

const implementation = lazy(() => require('./implementation.ts') as typeof ImplementationModule)

/** Returns a snapshot as JSON, with two spaces for each level. */
export function exportToJson(data: ExportData): string {
  return implementation().toJson(object('data', data))
}

/**
 * Returns a snapshot as comma-separated values (RFC 4180): a summary, the processes and the supervisors; with a history,
 * that too. A text that a spreadsheet would take for a formula begins with an apostrophe.
 */
export function exportToCsv(data: ExportData): CsvExportResult {
  return implementation().toCsv(object('data', data))
}

/** Returns a snapshot for export. Its time is that of the snapshot. */
export function createExportData(snapshot: ObserverSnapshot): ExportData {
  object('snapshot', snapshot)
  return implementation().exportData(snapshot, snapshot.timestamp)
}

/** Returns a snapshot for export, with a history that you have collected. Its time is that of the snapshot. */
export function createExportDataWithHistory(snapshot: ObserverSnapshot, metricsHistory: MetricsHistory): ExportData {
  object('snapshot', snapshot)
  return implementation().exportData(snapshot, snapshot.timestamp, object('metricsHistory', metricsHistory))
}
