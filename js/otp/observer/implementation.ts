/** The code behind `Observer` and `AlertManager`, which is loaded at their first use. */
import { readMemoryWith } from '../../actor/observed.ts'
import type { Process } from '../../actor/process.ts'
import { crashesIn, restartsIn } from '../../actor/crash-log.ts'
import { knownRuntimeOf } from '../../actor/system-runtime.ts'
import { loopTime, measureLoopDelay } from '../../clock/host.ts'
import { wallMsOf } from '../../clock/observed-time.ts'
import { loopTimes } from '../../internal/loop-watch.ts'
import {
  callable,
  finite,
  flag,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { GenServerProcess } from '../gen-server/process.ts'
import { processOf } from '../gen-server/ref.ts'
import type { AlertConfig } from './alert-types.ts'
import { alertsOf } from './alerts.ts'
import { exportData, toCsv, toJson } from './export.ts'
import { setSettings, settingsOf } from './settings.ts'
import { estimateState } from './state-size.ts'
import { stateOf } from './state.ts'
import { findObserved } from './stop.ts'
import type {
  CrashRecord,
  LoopStats,
  ObservedRef,
  ObserverSettings,
  GetStateOptions,
  RedactHook,
  RestartRecord,
} from './types.ts'

export { startPolling } from './polling.ts'
export { subscribe } from './events.ts'
export { memoryStats, processesOf, read, snapshotOf, treeOf } from './stats.ts'
export { stopProcess } from './stop.ts'
export { checkKind, tableOf, tablesOf, topOf } from './tables.ts'
export { alertsOf, exportData, toCsv, toJson, wallMsOf }

const SETTINGS = ['estimateState', 'redact', 'loopDelay']
const ALERTS = ['enabled', 'sensitivityMultiplier', 'minSamples', 'cooldownMs']

let delay: ReturnType<typeof measureLoopDelay> | undefined

const memoryOf = (process: Process): number =>
  process instanceof GenServerProcess && settingsOf(process.system).estimateState ? estimateState(process.state) : 0

/** Changes the settings of a system's observer. Those of the event loop are the thread's. */
export function configure(settings: ObserverSettings, system: System): void {
  const options = checkOptions('settings', settings)
  known('settings', options, SETTINGS)
  if (options.estimateState !== undefined) {
    flag('settings.estimateState', false, options.estimateState)
  }
  const redact = optionalCallable<RedactHook>('settings.redact', options.redact)
  if (options.loopDelay !== undefined) flag('settings.loopDelay', false, options.loopDelay)
  const { estimateState: estimates, loopDelay } = options
  setSettings(system, {
    ...(estimates !== undefined && { estimateState: estimates }),
    ...('redact' in options && { redact }),
  })
  if (estimates === true) readMemoryWith(memoryOf)
  if (loopDelay === true) delay ??= measureLoopDelay()
  if (loopDelay !== false) return
  delay?.end()
  delay = undefined
}

/** Returns the numbers of the event loop of this thread. */
export function loopStats(): LoopStats {
  const { active, idle } = loopTime()
  const { blocked = 0, longest = 0, stalls = 0 } = loopTimes() ?? {}
  return {
    utilization: active + idle === 0 ? 0 : active / (active + idle),
    activeMs: active,
    idleMs: idle,
    blockedMs: blocked,
    longestMs: longest,
    stalls,
    delay: delay?.read(),
  }
}

/** Resolves with a copy of the state of a process. */
export async function stateAt(
  ref: ObservedRef,
  options: GetStateOptions | undefined,
  system: () => System,
): Promise<unknown> {
  const server = typeof ref === 'string' ? findObserved(ref, system()) : processOf('ref', ref)
  if (server === undefined) throw new InvalidArgumentError('ref', 'the id of a process of the system that runs', ref)
  return stateOf(server, options)
}

export const lastCrashes = (system: System): CrashRecord[] => crashesIn(knownRuntimeOf(system))
export const lastRestarts = (system: System): RestartRecord[] => restartsIn(knownRuntimeOf(system))

/** Changes the settings of a system's alerts. */
export function configureAlerts(config: Partial<AlertConfig>, system: System): void {
  const options = checkOptions('config', config)
  known('config', options, ALERTS)
  const alerts = alertsOf(system)
  const before = alerts.config
  const sensitivityMultiplier = finite(
    'config.sensitivityMultiplier',
    options.sensitivityMultiplier ?? before.sensitivityMultiplier,
  )
  if (sensitivityMultiplier <= 0) {
    throw new InvalidArgumentError('config.sensitivityMultiplier', 'a number above 0', sensitivityMultiplier)
  }
  const cooldownMs = finite('config.cooldownMs', options.cooldownMs ?? before.cooldownMs)
  if (cooldownMs < 0) throw new InvalidArgumentError('config.cooldownMs', 'a number of milliseconds from 0', cooldownMs)
  alerts.config = Object.freeze({
    enabled: flag('config.enabled', before.enabled, options.enabled),
    sensitivityMultiplier,
    minSamples: integer('config.minSamples', 1, 1000, options.minSamples ?? before.minSamples),
    cooldownMs,
  })
}

/** Checks a handler. */
export const handlerOf = <F extends (...args: never[]) => unknown>(handler: F): F => callable<F>('handler', handler)
