/** Requests for admission: options are checked here, once, and everything behind takes the result. */
import type { WaitSignal } from '../internal/abort-hub.ts'
import { abortSignal, known, optionalCallable, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { NORMAL_VOLTAGE, voltageOf } from './priority.ts'
import type { Profiles } from './profiles.ts'
import type { AdmitOptions, RunOptions } from './types.ts'

/** A checked request for admission. */
export interface AdmissionRequest {
  readonly route: string
  /** The request may pass while its voltage is above the resistance. */
  readonly voltage: number
  /** Time after which the ticket is freed, in ms. NaN is the gate's default; `Infinity` leaves it to the caller. */
  readonly timeoutMs: number
  /** Longest wait, in ms; the gate's own queue deadline also holds. 0 does not wait. */
  readonly maxWaitMs: number
  /** Ends the wait when it aborts. */
  readonly signal: WaitSignal | undefined
}

/** A checked request of `Atrion.run`, which keeps the deadline of its ticket itself. */
export interface RunRequest extends AdmissionRequest {
  readonly signal: AbortSignal | undefined
  /** Time for waiting and running together, in ms. */
  readonly runMs: number
  readonly isFailure: ((error: unknown) => boolean) | undefined
}

/** The gate's own timeout of a ticket. */
export const DEFAULT_TIMEOUT: number = NaN

const ADMIT_OPTIONS = [
  'priority',
  'timeoutMs',
  'profile',
  'maxWaitMs',
  'signal',
] as const satisfies (keyof AdmitOptions)[]
const RUN_OPTIONS = ['priority', 'timeoutMs', 'profile', 'signal', 'isFailure'] as const satisfies (keyof RunOptions)[]

/** Checks the options of `tryAdmit`, which does not wait. */
export function tryRequest(profiles: Profiles, route: string, options: AdmitOptions | undefined): AdmissionRequest {
  if (options !== undefined) return checkedRequest(profiles, route, options)
  // Short enough that V8 inlines it, and then makes no object.
  const timeoutMs = profiles.assignedTimeout(route) ?? DEFAULT_TIMEOUT
  return { route, voltage: NORMAL_VOLTAGE, timeoutMs, maxWaitMs: 0, signal: undefined }
}

function checkedRequest(profiles: Profiles, route: string, options: AdmitOptions): AdmissionRequest {
  known('options', checkOptions('options', options), ADMIT_OPTIONS)
  const voltage = voltageOf('options.priority', options.priority)
  const timeoutMs = timeoutOf(profiles, route, options) ?? DEFAULT_TIMEOUT
  return { route, voltage, timeoutMs, maxWaitMs: 0, signal: undefined }
}

/** Checks the options of `admit`. */
export function admitRequest(profiles: Profiles, route: string, options: AdmitOptions | undefined): AdmissionRequest {
  const { voltage, timeoutMs } = tryRequest(profiles, route, options)
  if (options === undefined) return { route, voltage, timeoutMs, maxWaitMs: Infinity, signal: undefined }
  const maxWaitMs = options.maxWaitMs === undefined ? Infinity : positiveMillis('options.maxWaitMs', options.maxWaitMs)
  const signal = abortSignal('options.signal', options.signal)
  return { route, voltage, timeoutMs, maxWaitMs, signal }
}

/**
 * Checks the options of `run`.
 *
 * @param defaultMs Time for waiting and running together, where neither the options nor a profile have one.
 */
export function runRequest(
  profiles: Profiles,
  route: string,
  options: RunOptions | undefined,
  defaultMs: number,
): RunRequest {
  const opts = checkOptions('options', options)
  if (options !== undefined) known('options', opts, RUN_OPTIONS)
  const runMs = timeoutOf(profiles, route, options) ?? defaultMs
  const signal = abortSignal('options.signal', opts.signal)
  const isFailure = optionalCallable<(error: unknown) => boolean>('options.isFailure', opts.isFailure)
  const voltage = voltageOf('options.priority', opts.priority)
  return { route, voltage, timeoutMs: Infinity, maxWaitMs: runMs, signal, runMs, isFailure }
}

function timeoutOf(
  profiles: Profiles,
  route: string,
  options: { readonly timeoutMs?: number | undefined; readonly profile?: string | undefined } | undefined,
): number | undefined {
  if (options === undefined) return profiles.assignedTimeout(route)
  const { timeoutMs, profile } = options
  return timeoutMs === undefined ? profiles.timeoutOf(route, profile) : positiveMillis('options.timeoutMs', timeoutMs)
}
