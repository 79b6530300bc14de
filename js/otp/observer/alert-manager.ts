import { callable, finite, list, object, oneOf, text } from '../../internal/validate.ts'
import { lazy } from '../../internal/lazy.ts'
import { type SystemArgument, systemFromArgument } from '../gen-server/start.ts'
import type { Alert, AlertConfig, AlertEventHandler, AlertStatistics, AlertType } from './alert-types.ts'
import type * as ImplementationModule from './implementation.ts'
import type { GenServerStats } from './types.ts'

const implementation = lazy(() => require('./implementation.ts') as typeof ImplementationModule)
const alertsFor = (system: SystemArgument) => implementation().alertsOf(systemFromArgument(system))

const TYPES: readonly AlertType[] = ['high_queue_size', 'high_memory']

function configure(config: Partial<AlertConfig>, ...system: SystemArgument): void {
  implementation().configureAlerts(config, systemFromArgument(system))
}

function getConfig(...system: SystemArgument): AlertConfig {
  return alertsFor(system).config
}

function recordQueueSize(id: string, size: number, ...system: SystemArgument): void {
  alertsFor(system).record(text('id', id), finite('size', size))
}

function getThreshold(id: string, ...system: SystemArgument): number {
  return alertsFor(system).threshold(text('id', id))
}

function getProcessStatistics(id: string, ...system: SystemArgument): AlertStatistics | undefined {
  return alertsFor(system).statistics(text('id', id))
}

function getActiveAlerts(...system: SystemArgument): readonly Alert[] {
  return [...alertsFor(system).active.values()]
}

function getAlertForProcess(id: string, ...system: SystemArgument): Alert | undefined {
  return alertsFor(system).active.get(text('id', id))
}

function subscribe(handler: AlertEventHandler, ...system: SystemArgument): () => void {
  callable('handler', handler)
  return alertsFor(system).listeners.add(handler)
}

function checkAlerts(stats: readonly GenServerStats[], ...system: SystemArgument): void {
  const checked = list('stats', stats)
  // Also holes.
  for (let index = 0; index < checked.length; index++) {
    const { id, queueSize } = object<GenServerStats>(`stats[${index}]`, checked[index])
    text(`stats[${index}].id`, id)
    finite(`stats[${index}].queueSize`, queueSize)
  }
  alertsFor(system).check(checked, false)
}

function triggerAlert(type: AlertType, id: string, value: number, ...system: SystemArgument): Alert | undefined {
  oneOf('type', TYPES, type)
  return alertsFor(system).trigger(type, text('id', id), finite('value', value))
}

function resolveAlert(id: string, ...system: SystemArgument): boolean {
  return alertsFor(system).resolve(text('id', id))
}

function removeProcess(id: string, ...system: SystemArgument): void {
  alertsFor(system).remove(text('id', id))
}

function reset(...system: SystemArgument): void {
  alertsFor(system).reset()
}

/**
 * Raises an alert when a mailbox is longer than is usual for its process: longer than the mean and two deviations of
 * its earlier samples. `Observer.startPolling` takes the samples. An alert is resolved when the mailbox is shorter
 * again, or the process has ended. Each system has alerts of its own.
 *
 * @example
 * ```ts
 * AlertManager.subscribe((event) => {
 *   if (event.type === 'alert_triggered') console.log(event.alert.message)
 * })
 * Observer.startPolling(1000, () => {})
 * ```
 */
export const AlertManager = {
  /**
   * Changes settings; one that is left out stays as it is.
   *
   * @throws InvalidArgumentError naming the setting that is refused; nothing changes.
   */
  configure: configure as typeof configure,
  /** Returns the settings. */
  getConfig: getConfig as typeof getConfig,
  /** Adds a sample of a mailbox. `Observer.startPolling` does it for all processes. */
  recordQueueSize: recordQueueSize as typeof recordQueueSize,
  /** Returns the length above which a mailbox raises an alert: `Infinity` before there are `minSamples`. */
  getThreshold: getThreshold as typeof getThreshold,
  /** Returns what is usual for a process; `undefined` without a sample. */
  getProcessStatistics: getProcessStatistics as typeof getProcessStatistics,
  /** Returns the alerts that are not resolved. */
  getActiveAlerts: getActiveAlerts as typeof getActiveAlerts,
  /** Returns the alert of a process that is not resolved, or `undefined`. */
  getAlertForProcess: getAlertForProcess as typeof getAlertForProcess,
  /** Calls a handler when an alert is raised or resolved. The returned function ends it. */
  subscribe: subscribe as typeof subscribe,
  /** Compares each mailbox with what was usual before, and adds it to that. `Observer.startPolling` does it. */
  checkAlerts: checkAlerts as typeof checkAlerts,
  /** Raises an alert yourself. Returns `undefined` while alerts are off, and within `cooldownMs` of the last one. */
  triggerAlert: triggerAlert as typeof triggerAlert,
  /** Resolves the alert of a process. Returns whether there was one. */
  resolveAlert: resolveAlert as typeof resolveAlert,
  /** Forgets the samples of a process, and resolves its alert. It happens by itself when the process ends. */
  removeProcess: removeProcess as typeof removeProcess,
  /** Forgets all samples and alerts, and sets the default settings. */
  reset: reset as typeof reset,
} as const
