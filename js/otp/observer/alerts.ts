/** Alerts for processes whose mailboxes are longer than is usual for them. */
import { wallMsOf } from '../../clock/observed-time.ts'
import { Listeners } from '../../internal/listeners.ts'
import type { System } from '../../system/system.ts'
import { processEvents } from '../gen-server/lifecycle.ts'
import { RunningStatistics } from './running-statistics.ts'
import { processesOf } from './stats.ts'
import type { Alert, AlertConfig, AlertEvent, AlertStatistics, AlertType } from './alert-types.ts'
import type { GenServerStats } from './types.ts'

export const DEFAULT_CONFIG: AlertConfig = Object.freeze({
  enabled: true,
  sensitivityMultiplier: 2,
  minSamples: 30,
  cooldownMs: 10_000,
})
/** The most processes of which statistics are kept. Beyond it, those that were added first are forgotten. */
export const MOST_PROCESSES = 100_000
/** A deviation below one message says nothing: an idle process would raise an alert for its first message. */
const LEAST_DEVIATION = 1

interface SampledProcess {
  readonly samples: RunningStatistics
  lastAlertAt: number
}

/** The alerts of one system. Time is the wall time of its clock. */
class Alerts {
  config: AlertConfig = DEFAULT_CONFIG
  readonly listeners: Listeners<AlertEvent>
  readonly active: Map<string, Alert> = new Map()
  readonly #system: System
  readonly #watched = new Map<string, SampledProcess>()
  #alertCount = 0
  /** Ends the listener for processes that end. There is one while statistics are kept. */
  #stopListening: (() => void) | undefined

  constructor(system: System) {
    this.#system = system
    this.listeners = new Listeners('handler', (error) => system.report(error, 'a handler of alerts'))
  }

  record(id: string, size: number): void {
    this.#entry(id).samples.add(size)
  }

  threshold(id: string): number {
    const samples = this.#watched.get(id)?.samples
    return samples === undefined || samples.count < this.config.minSamples ? Infinity : this.#limit(samples)
  }

  statistics(id: string): AlertStatistics | undefined {
    const samples = this.#watched.get(id)?.samples
    if (samples === undefined) return undefined
    const { count: sampleCount, deviation: stddev, mean } = samples
    return { mean, stddev, threshold: this.#limit(samples), sampleCount }
  }

  /**
   * Compares each mailbox with what was usual before, then adds it to that.
   *
   * @param isComplete True if these are all processes: then the others have ended, and are forgotten.
   */
  check(servers: readonly GenServerStats[], isComplete: boolean): void {
    if (!this.config.enabled) return
    const now = wallMsOf(this.#system.clock)
    for (const { id, name, queueSize } of servers) {
      const threshold = this.threshold(id)
      this.record(id, queueSize)
      const entry = this.#entry(id)
      const alert = this.active.get(id)
      if (queueSize <= threshold) {
        if (alert?.type === 'high_queue_size') this.resolve(id)
      } else if (alert === undefined && !this.#isCooling(entry, now)) {
        this.#raise('high_queue_size', { id, name, threshold, value: queueSize, now })
      }
    }
    if (isComplete && this.#watched.size > servers.length) this.#keepOnly(servers)
  }

  trigger(type: AlertType, id: string, value: number): Alert | undefined {
    if (!this.config.enabled) return undefined
    const now = wallMsOf(this.#system.clock)
    if (this.#isCooling(this.#entry(id), now)) return undefined
    const limit = this.threshold(id)
    const threshold = limit === Infinity ? value : limit
    const name = processesOf(this.#system).find((process) => process.id === id)?.name
    return this.#raise(type, { id, name, threshold, value, now })
  }

  resolve(id: string): boolean {
    const alert = this.active.get(id)
    if (alert === undefined) return false
    this.active.delete(id)
    this.listeners.tell({ type: 'alert_resolved', alertId: alert.id, processId: id })
    return true
  }

  /** Forgets a process. An alert of it is resolved. */
  remove(id: string): void {
    this.#watched.delete(id)
    this.resolve(id)
    if (this.#watched.size > 0) return
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  reset(): void {
    this.#watched.clear()
    this.active.clear()
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#alertCount = 0
    this.config = DEFAULT_CONFIG
  }

  #limit({ deviation, mean }: RunningStatistics): number {
    return mean + this.config.sensitivityMultiplier * Math.max(deviation, LEAST_DEVIATION)
  }

  #isCooling({ lastAlertAt }: SampledProcess, now: number): boolean {
    return now - lastAlertAt < this.config.cooldownMs
  }

  #entry(id: string): SampledProcess {
    let entry = this.#watched.get(id)
    if (entry !== undefined) return entry
    if (this.#watched.size >= MOST_PROCESSES) this.remove(this.#watched.keys().next().value as string)
    entry = { samples: new RunningStatistics(), lastAlertAt: -Infinity }
    this.#watched.set(id, entry)
    this.#stopListening ??= processEvents.listen(this.#system, ({ ref, type }) => {
      if (type === 'terminated') this.remove(ref.id)
    })
    return entry
  }

  #keepOnly(servers: readonly GenServerStats[]): void {
    const alive = new Set(servers.map(({ id }) => id))
    for (const id of this.#watched.keys()) if (!alive.has(id)) this.remove(id)
  }

  #raise(type: AlertType, { id, name, now, threshold, value }: RaisedAlert): Alert {
    this.#entry(id).lastAlertAt = now
    const what = type === 'high_queue_size' ? 'Queue size' : 'Memory'
    const alert: Alert = {
      id: `alert_${++this.#alertCount}`,
      type,
      processId: id,
      ...(name !== undefined && { processName: name }),
      threshold,
      currentValue: value,
      timestamp: now,
      message: `${what} exceeded threshold: ${value.toFixed(0)} > ${threshold.toFixed(1)} (process: ${name ?? id})`,
    }
    this.active.set(id, alert)
    this.listeners.tell({ type: 'alert_triggered', alert })
    return alert
  }
}

interface RaisedAlert {
  readonly id: string
  readonly name: string | undefined
  readonly threshold: number
  readonly value: number
  readonly now: number
}

const alerts = new WeakMap<System, Alerts>()

/** Returns the alerts of a system. */
export function alertsOf(system: System): Alerts {
  let own = alerts.get(system)
  if (own === undefined) alerts.set(system, (own = new Alerts(system)))
  return own
}
