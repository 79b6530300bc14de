import { callable, positiveMillis, text } from '../../internal/validate.ts'
import { lazy } from '../../internal/lazy.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import type { Alert, AlertEventHandler } from './alert-types.ts'
import type * as ImplementationModule from './implementation.ts'
import type {
  CrashRecord,
  ExportData,
  GenServerStats,
  LoopStats,
  MemoryStats,
  ObservedRef,
  ObserverEventHandler,
  ObserverSettings,
  ObserverSnapshot,
  GetStateOptions,
  ProcessTreeNode,
  RestartRecord,
  StopProcessResult,
  SupervisorStats,
  Table,
  TableKind,
  TopOptions,
  TopPage,
} from './types.ts'

const implementation = lazy(() => require('./implementation.ts') as typeof ImplementationModule)

function getSnapshot(...system: SystemArgument): ObserverSnapshot {
  return implementation().snapshotOf(systemFromArgument(system))
}

function getServerStats(...system: SystemArgument): readonly GenServerStats[] {
  return implementation().read(systemFromArgument(system)).servers
}

function getSupervisorStats(...system: SystemArgument): readonly SupervisorStats[] {
  return implementation().read(systemFromArgument(system)).supervisors
}

function getProcessTree(...system: SystemArgument): readonly ProcessTreeNode[] {
  const { read, treeOf } = implementation()
  return treeOf(read(systemFromArgument(system)))
}

function getProcessCount(...system: SystemArgument): number {
  return implementation().processesOf(systemFromArgument(system)).length
}

function getMemoryStats(...system: SystemArgument): MemoryStats {
  return implementation().memoryStats(systemFromArgument(system))
}

function getLoopStats(): LoopStats {
  return implementation().loopStats()
}

function subscribe(handler: ObserverEventHandler, ...system: SystemArgument): () => void {
  callable('handler', handler)
  return implementation().subscribe(handler, systemFromArgument(system))
}

function startPolling(intervalMs: number, handler: ObserverEventHandler, ...system: SystemArgument): () => void {
  positiveMillis('intervalMs', intervalMs)
  callable('handler', handler)
  return implementation().startPolling(intervalMs, handler, systemFromArgument(system))
}

async function stopProcess(id: string, reason?: string, ...system: SystemArgument): Promise<StopProcessResult> {
  return implementation().stopProcess(text('id', id), reason, systemFromArgument(system))
}

function prepareExportData(...system: SystemArgument): ExportData {
  const checked = systemFromArgument(system)
  const { exportData, snapshotOf, wallMsOf } = implementation()
  return exportData(snapshotOf(checked), wallMsOf(checked.clock))
}

function subscribeToAlerts(handler: AlertEventHandler, ...system: SystemArgument): () => void {
  callable('handler', handler)
  return implementation().alertsOf(systemFromArgument(system)).listeners.add(handler)
}

function getActiveAlerts(...system: SystemArgument): readonly Alert[] {
  return [...implementation().alertsOf(systemFromArgument(system)).active.values()]
}

function configure(settings: ObserverSettings, ...system: SystemArgument): void {
  implementation().configure(settings, systemFromArgument(system))
}

async function getState(ref: ObservedRef, options?: GetStateOptions, ...system: SystemArgument): Promise<unknown> {
  return implementation().stateAt(ref, options, () => systemFromArgument(system))
}

function top<K extends TableKind = 'process'>(options?: TopOptions<K>, ...system: SystemArgument): TopPage<K> {
  return implementation().topOf(options, systemFromArgument(system))
}

function getTable<K extends TableKind>(kind: K, ...system: SystemArgument): Table<K> {
  const { checkKind, tableOf } = implementation()
  return tableOf(checkKind('kind', kind), systemFromArgument(system))
}

function getTables(...system: SystemArgument): readonly Table[] {
  return implementation().tablesOf(systemFromArgument(system))
}

function getCrashes(...system: SystemArgument): readonly CrashRecord[] {
  return implementation().lastCrashes(systemFromArgument(system))
}

function getRestarts(...system: SystemArgument): readonly RestartRecord[] {
  return implementation().lastRestarts(systemFromArgument(system))
}

/**
 * Shows what runs in a system, at one instant: no user code runs for it, and no process is asked. Each function takes a
 * system as its last argument; without one, it is the default system. A closed system shows nothing. See
 * `docs/observability.md`.
 *
 * @example
 * ```ts
 * const { processCount, servers } = Observer.getSnapshot()
 * for (const { id, queueSize } of servers) console.log(id, queueSize)
 * ```
 */
export const Observer = {
  /** Returns the numbers of all processes, their tree, totals and the memory of this thread, at one instant. */
  getSnapshot: getSnapshot as typeof getSnapshot,
  /** Returns the numbers of all processes that are no supervisors, in the order of their starts. */
  getServerStats: getServerStats as typeof getServerStats,
  /** Returns the numbers of all supervisors, in the order of their starts. */
  getSupervisorStats: getSupervisorStats as typeof getSupervisorStats,
  /**
   * Returns supervisors without a supervisor, each with its children at any depth, then processes without a supervisor.
   * A child between its end and its restart is left out.
   */
  getProcessTree: getProcessTree as typeof getProcessTree,
  /** Returns the number of processes, supervisors included. */
  getProcessCount: getProcessCount as typeof getProcessCount,
  /** Returns the memory of this thread, in bytes. */
  getMemoryStats: getMemoryStats as typeof getMemoryStats,
  /** Returns the numbers of the event loop of this thread. */
  getLoopStats: getLoopStats as typeof getLoopStats,
  /**
   * Calls a handler when a process or a supervisor starts, fails, restarts or ends, on the stack of what happened. What
   * the handler throws goes to the system's `onError`. The returned function ends it.
   *
   * @example
   * ```ts
   * const unsubscribe = Observer.subscribe((event) => {
   *   if (event.type === 'crashed') console.log(event.id, event.error.message)
   * })
   * ```
   */
  subscribe: subscribe as typeof subscribe,
  /**
   * Calls a handler with a `stats_update` now and after each interval, in ms on the clock of the system, and checks
   * alerts. Its timer does not keep the program alive. What the handler throws goes to the system's `onError`, and the
   * polling goes on. The returned function ends it.
   */
  startPolling: startPolling as typeof startPolling,
  /**
   * Ends a process by its id. A child of a supervisor is removed from it, so that it does not restart. With the reason
   * `'normal'` a process without a supervisor ends with that; with any other, with `'shutdown'`. Resolves once it has
   * ended, or with `success: false` and the reason: there is no such process, or it is a partition.
   */
  stopProcess: stopProcess as typeof stopProcess,
  /** Returns a snapshot for `exportToJson` and `exportToCsv`. */
  prepareExportData: prepareExportData as typeof prepareExportData,
  /** Calls a handler for each alert. The same as `AlertManager.subscribe`. */
  subscribeToAlerts: subscribeToAlerts as typeof subscribeToAlerts,
  /** Returns the alerts that are not resolved. The same as `AlertManager.getActiveAlerts`. */
  getActiveAlerts: getActiveAlerts as typeof getActiveAlerts,
  /** Changes what the observer of a system does; an option that is left out stays as it is. */
  configure: configure as typeof configure,
  /**
   * Resolves with a copy of the state of a process, as plain data, once no handler of it runs. Getters and proxies do
   * not run; they are named. Hooks of `redact` may replace each value; where one throws, the copy has `'[hidden]'`.
   *
   * @throws TimeoutError (rejecting) when a handler runs for longer than `timeoutMs`, 1000 ms by default.
   * @throws ServerNotRunningError (rejecting) when the process has ended, or ends meanwhile.
   * @throws InvalidArgumentError (rejecting) for an id that no process has.
   * @example
   * ```ts
   * const redact = (value, path) => (path.at(-1) === 'password' ? '***' : value)
   * console.log(await Observer.getState('genserver_1_x', { redact }))
   * ```
   */
  getState: getState as typeof getState,
  /**
   * Returns a page of a table in the order of a column. The core chooses the rows with a heap: the table is not sorted.
   * Rows with equal values keep the order of their creation.
   *
   * @example
   * ```ts
   * const { rows } = Observer.top({ kind: 'process', by: 'mailbox', limit: 10 })
   * ```
   */
  top: top as typeof top,
  /** Returns a table, with a row for each object of the kind. */
  getTable: getTable as typeof getTable,
  /** Returns the tables of all kinds, at one instant. */
  getTables: getTables as typeof getTables,
  /** Returns the last 64 crashes, the oldest first. */
  getCrashes: getCrashes as typeof getCrashes,
  /** Returns the last 256 restarts of children, the oldest first. */
  getRestarts: getRestarts as typeof getRestarts,
} as const
