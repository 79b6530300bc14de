import type { RestartRecord, CrashRecord } from '../../actor/crash-log.ts'
import type { ColumnType, TableColumn, TableColumns, TableKind } from '../../tables/kinds.ts'
import type { SerializedRef, ServerStatus, TerminateReason } from '../gen-server/types.ts'
import type { SupervisorStrategy } from '../supervisor/types.ts'

export type { ColumnType, CrashRecord, RestartRecord, TableColumn, TableColumns, TableKind }

/** The numbers of a process that is no supervisor. */
export interface GenServerStats {
  /** The id of the process. */
  readonly id: string
  /** One of its registered names, if it has any. */
  readonly name?: string
  /** The word for it: `'GenServer'`, `'Agent'`, `'Cache'` … */
  readonly kind: string
  /** The status of the process. */
  readonly status: ServerStatus
  /** Messages that wait. A call whose caller has given up counts until its turn comes. */
  readonly queueSize: number
  /** Messages that have been handled. It only grows. */
  readonly messageCount: number
  /** Wall time of the start, in ms. */
  readonly startedAt: number
  /** The time since the start, in ms of wall time. */
  readonly uptimeMs: number
  /** An estimate of the size of the state, in bytes. 0 without `Observer.configure({ estimateState: true })`. */
  readonly stateMemoryBytes: number
}

/** The numbers of a supervisor. */
export interface SupervisorStats {
  /** The id of the supervisor. */
  readonly id: string
  /** One of its registered names, if it has any. */
  readonly name?: string
  /** The children that restart with one that crashed. */
  readonly strategy: SupervisorStrategy
  /** The number of its children. */
  readonly childCount: number
  /** Restarts of its children, those that are gone included. It only grows. */
  readonly totalRestarts: number
  /** Restarts that it may still make within its window. */
  readonly restartsLeft: number
  /** Wall time of the start, in ms. */
  readonly startedAt: number
  /** The time since the start, in ms of wall time. */
  readonly uptimeMs: number
}

/** A process in the tree. */
export type ProcessTreeNode =
  | {
      readonly type: 'genserver'
      readonly id: string
      /** Its registered name, or its id among the children of its supervisor. */
      readonly name?: string
      readonly stats: GenServerStats
    }
  | {
      readonly type: 'supervisor'
      readonly id: string
      /** Its registered name, or its id among the children of its supervisor. */
      readonly name?: string
      readonly stats: SupervisorStats
      /** Its children that run, in the order in which they start. */
      readonly children: readonly ProcessTreeNode[]
    }

/** The memory of this thread, in bytes. */
export interface MemoryStats {
  /** JavaScript's heap in use. */
  readonly heapUsed: number
  /** JavaScript's heap. */
  readonly heapTotal: number
  /** Memory of objects outside of the heap. */
  readonly external: number
  /** The memory of the whole program. */
  readonly rss: number
  /** Wall time of the measurement, in ms. */
  readonly timestamp: number
}

/** The processes of a system at one instant. */
export interface ObserverSnapshot {
  /** Wall time of the snapshot, in ms. */
  readonly timestamp: number
  /** All processes that are no supervisors, in order of their starts. */
  readonly servers: readonly GenServerStats[]
  /** All supervisors, in order of their starts. */
  readonly supervisors: readonly SupervisorStats[]
  /** Supervisors without a supervisor, with all below them; then processes without one. */
  readonly tree: readonly ProcessTreeNode[]
  /** The number of nodes in the tree. */
  readonly processCount: number
  /** Messages that the living processes have handled. */
  readonly totalMessages: number
  /** Restarts that the living supervisors have made. */
  readonly totalRestarts: number
  /** The memory of this thread. */
  readonly memoryStats: MemoryStats
}

/** An event of `Observer.subscribe` and `Observer.startPolling`. */
export type ObserverEvent =
  | { readonly type: 'server_started'; readonly stats: GenServerStats }
  | { readonly type: 'server_stopped'; readonly id: string; readonly reason: TerminateReason }
  | { readonly type: 'supervisor_started'; readonly stats: SupervisorStats }
  | { readonly type: 'supervisor_stopped'; readonly id: string; readonly reason: TerminateReason }
  | {
      /** A process failed: it ends with this error. A supervisor fails when it gives up. */
      readonly type: 'crashed'
      readonly id: string
      readonly name?: string
      readonly error: Error
    }
  | {
      /** A supervisor has started a child again. */
      readonly type: 'restarted'
      /** The id of the new process. */
      readonly id: string
      readonly name?: string
      readonly supervisorId: string
      readonly childId: string
      /** The number of restarts of the child. */
      readonly attempt: number
    }
  | {
      /** Only for the handler of `Observer.startPolling`. */
      readonly type: 'stats_update'
      readonly servers: readonly GenServerStats[]
      readonly supervisors: readonly SupervisorStats[]
    }

/** Receives events. What it throws, or rejects with, goes to the system's `onError`, and stops nothing. */
export type ObserverEventHandler = (event: ObserverEvent) => unknown

/** Hides or replaces values of a state. Returns the value itself to show it. When it throws, the value is hidden. */
export type RedactHook = (value: unknown, path: readonly string[]) => unknown

/** Options of `Observer.configure`. An option that is left out stays as it is. */
export interface ObserverSettings {
  /** Estimates the size of each state in each snapshot, which takes time. Default false. */
  readonly estimateState?: boolean
  /** Hides or replaces values of each state that `Observer.getState` returns. Default: none. */
  readonly redact?: RedactHook | undefined
  /** Measures how late timers of this thread are, for `Observer.getLoopStats`. Default false. */
  readonly loopDelay?: boolean
}

/** Options of `Observer.getState`. */
export interface GetStateOptions {
  /** The longest time to wait for the handler that runs, in ms. Default 1000. */
  readonly timeoutMs?: number
  /** Hides or replaces values, after the hook of `Observer.configure`. Default: none. */
  readonly redact?: RedactHook
}

/** The event loop of this thread. Times are milliseconds. */
export interface LoopStats {
  /** The share of time in JavaScript since the start of the thread, from 0 to 1. */
  readonly utilization: number
  /** The time in JavaScript. It only grows. */
  readonly activeMs: number
  /** The time in which it waited for events. It only grows. */
  readonly idleMs: number
  /** The time in runs of JavaScript of at least 50 ms, while a watchdog runs; else 0. It only grows. */
  readonly blockedMs: number
  /** The longest run while a watchdog ran; 0 without one. */
  readonly longestMs: number
  /** The number of stalls while a watchdog ran. It only grows. */
  readonly stalls: number
  /** How late timers were since `Observer.configure({ loopDelay: true })`; `undefined` without it. */
  readonly delay:
    | { readonly meanMs: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
    | undefined
}

/** The type of a cell by the type of its column. */
type CellOf<Type> = Type extends 'text' ? string : number

/** A row of a table: its key, and its cells by column. An unknown number is NaN; a flag is 1 or 0. */
export type TableRowOf<K extends TableKind> = {
  /** The key, which no other row of the kind and the system has, now or later. */
  readonly key: string
} & { readonly [C in keyof TableColumns[K]]: CellOf<TableColumns[K][C]> }

/** A table at one instant. */
export interface Table<K extends TableKind = TableKind> {
  /** The kind. */
  readonly kind: K
  /** The columns, in order. */
  readonly columns: readonly TableColumn[]
  /** The rows, in order of creation. */
  readonly rows: readonly TableRowOf<K>[]
}

/** Options of `Observer.top`. */
export interface TopOptions<K extends TableKind = TableKind> {
  /** The kind of table. Default `'process'`. */
  readonly kind?: K
  /** The column that orders the rows. Default: the order of creation. */
  readonly by?: keyof TableColumns[K] & string
  /** The greatest first; without a column, the youngest. Default true. */
  readonly desc?: boolean
  /** The rows before the page: an integer from 0. Default 0. */
  readonly offset?: number
  /** The most rows of the page: an integer from 1 to 10 000. Default 50. */
  readonly limit?: number
  /** Only rows of which a text cell contains this, in any case. Default: all. */
  readonly filter?: string
}

/** A page of a table. */
export interface TopPage<K extends TableKind = TableKind> {
  /** The kind. */
  readonly kind: K
  /** The columns, in order. */
  readonly columns: readonly TableColumn[]
  /** The number of rows of the table. */
  readonly total: number
  /** Those that match the filter. */
  readonly matching: number
  /** The rows of the page, in order. */
  readonly rows: readonly TableRowOf<K>[]
}

/** A process, by its ref or its id. */
export type ObservedRef = SerializedRef | string

/** A value at a time. */
export interface MetricsDataPoint {
  /** Wall time in ms. */
  readonly timestamp: number
  /** The value at that time. */
  readonly value: number
}

/** The numbers of a process over time. */
export interface ProcessMetricsHistory {
  /** Messages that wait. */
  readonly queueSize: readonly MetricsDataPoint[]
  /** Messages that have been handled. */
  readonly messageCount: readonly MetricsDataPoint[]
}

/** The numbers of a system over time, as you have collected them. */
export interface MetricsHistory {
  /** Messages per second. */
  readonly throughput: readonly MetricsDataPoint[]
  /** The number of processes. */
  readonly processCount: readonly MetricsDataPoint[]
  /** Restarts per second. */
  readonly restartRate: readonly MetricsDataPoint[]
  /** The memory. */
  readonly memory: readonly MemoryStats[]
  /** The numbers of processes, by their ids. */
  readonly perProcess: Readonly<Record<string, ProcessMetricsHistory>>
}

/** A snapshot for export. */
export interface ExportData {
  /** The snapshot. */
  readonly snapshot: ObserverSnapshot
  /** The numbers over time, if you have added them. */
  readonly metricsHistory?: MetricsHistory
  /** Wall time of the export, in ms. */
  readonly exportedAt: number
  /** The version of the format. */
  readonly version: '1.0'
}

/** A snapshot as files of comma-separated values, each with a line of headers. */
export interface CsvExportResult {
  /** The totals, in one line. */
  readonly summary: string
  /** A line for each process that is no supervisor. */
  readonly servers: string
  /** A line for each supervisor. */
  readonly supervisors: string
  /** Only with a history. */
  readonly metricsHistory?: string
}

/** The result of `Observer.stopProcess`. */
export interface StopProcessResult {
  /** True once it has ended. */
  readonly success: boolean
  /** Why it was not stopped. */
  readonly error?: string
}
