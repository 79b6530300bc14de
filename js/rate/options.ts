/** Checks the options of rate limiters. */
import { InvalidArgumentError } from '../errors/errors.ts'
import {
  abortSignal,
  integer,
  known,
  MAX_DURATION_MS,
  object,
  options as checkOptions,
  timeout,
} from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import * as protocol from '../protocol/rate.ts'
import { resolveSystem } from '../system/default.ts'
import type { LimiterOptions, LimiterReservoir, LimiterWaitOptions } from './types.ts'

const MAX_REQUESTS = 1e9
const MAX_LOG = 100_000
const MIN_WINDOW_MS = 0.001
const MAX_WINDOW_MS = 1e12
const MAX_KEYS = 2 ** 24
const DEFAULT_MAX_KEYS = 100_000
const DEFAULT_MAX_WAITERS = 1000
const MAX_WAITERS = 2 ** 24

/** Names of options, by the number with which the core refuses them. */
const FIELDS: Readonly<Record<number, keyof LimiterSettings>> = {
  [protocol.FIELD_LIMIT]: 'maxRequests',
  [protocol.FIELD_WINDOW]: 'windowMs',
  [protocol.FIELD_BURST]: 'burst',
  [protocol.FIELD_MAX_KEYS]: 'maxKeys',
  [protocol.FIELD_BLOCK]: 'blockDurationMs',
  [protocol.FIELD_MIN_TIME]: 'minTimeMs',
  [protocol.FIELD_RESERVOIR_AMOUNT]: 'reservoir',
  [protocol.FIELD_REFRESH_AMOUNT]: 'reservoir',
  [protocol.FIELD_REFRESH_INTERVAL]: 'reservoir',
  [protocol.FIELD_MAX_WAITERS]: 'maxWaiters',
}

const OPTIONS: readonly string[] = [
  'maxRequests',
  'windowMs',
  'algorithm',
  'burst',
  'maxKeys',
  'blockDurationMs',
  'minTimeMs',
  'reservoir',
  'maxWaiters',
  'system',
] as const satisfies (keyof LimiterOptions)[]

/** The settings of a limiter: checked, and with every default. */
export type LimiterSettings = {
  readonly [Name in Exclude<keyof LimiterOptions, 'reservoir'>]-?: NonNullable<LimiterOptions[Name]>
} & { readonly reservoir: LimiterReservoir | undefined }

/** Returns a time in milliseconds within bounds. */
function time(field: string, min: number, max: number, value: unknown): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new InvalidArgumentError(field, `a number of milliseconds from ${min} to ${max}`, value)
}

/** Returns the time for which a key is blocked. */
export const blockTime = (field: string, value: unknown): number => time(field, 0.001, MAX_DURATION_MS / 1000, value)

/** Returns the settings that the options describe. `otherNames` are options that the caller checks itself. */
export function limiterSettings(
  options: LimiterOptions | undefined,
  otherNames: readonly string[] = [],
): LimiterSettings {
  const input = checkOptions('options', options) as LimiterOptions
  known('options', input, [...OPTIONS, ...otherNames])
  const algorithm = input.algorithm ?? 'sliding-window'
  if (!protocol.ALGORITHMS.includes(algorithm)) {
    throw new InvalidArgumentError('options.algorithm', `one of ${protocol.ALGORITHMS.join(', ')}`, algorithm)
  }
  const max = algorithm === 'sliding-log' ? MAX_LOG : MAX_REQUESTS
  const maxRequests = integer('options.maxRequests', 1, max, input.maxRequests)
  const windowMs = time('options.windowMs', MIN_WINDOW_MS, MAX_WINDOW_MS, input.windowMs)
  if (input.burst !== undefined && algorithm !== 'gcra') {
    throw new InvalidArgumentError('options.burst', `left out with ${algorithm}: only gcra has a burst`, input.burst)
  }
  return {
    maxRequests,
    windowMs,
    algorithm,
    burst: input.burst === undefined ? maxRequests : integer('options.burst', 1, MAX_REQUESTS, input.burst),
    maxKeys: input.maxKeys === undefined ? DEFAULT_MAX_KEYS : integer('options.maxKeys', 1, MAX_KEYS, input.maxKeys),
    blockDurationMs:
      input.blockDurationMs === undefined ? 0 : blockTime('options.blockDurationMs', input.blockDurationMs),
    minTimeMs:
      input.minTimeMs === undefined ? 0 : time('options.minTimeMs', MIN_WINDOW_MS, MAX_WINDOW_MS, input.minTimeMs),
    reservoir: input.reservoir === undefined ? undefined : reservoirOf(input.reservoir),
    maxWaiters:
      input.maxWaiters === undefined
        ? DEFAULT_MAX_WAITERS
        : integer('options.maxWaiters', 1, MAX_WAITERS, input.maxWaiters),
    system: resolveSystem(input.system),
  }
}

function reservoirOf(input: LimiterReservoir): LimiterReservoir {
  const field = 'options.reservoir'
  const reservoir = object<LimiterReservoir>(field, input)
  known(field, reservoir, ['amount', 'refreshAmount', 'refreshIntervalMs'])
  return {
    amount: integer(`${field}.amount`, 0, MAX_REQUESTS, reservoir.amount),
    refreshAmount: integer(`${field}.refreshAmount`, 1, MAX_REQUESTS, reservoir.refreshAmount),
    refreshIntervalMs: time(`${field}.refreshIntervalMs`, MIN_WINDOW_MS, MAX_WINDOW_MS, reservoir.refreshIntervalMs),
  }
}

/** Returns the most that a key can take at once. */
export const capacityOf = ({ burst, reservoir }: LimiterSettings): number =>
  Math.min(burst, reservoir?.refreshAmount ?? Infinity)

/** Returns the options of a wait: checked, and with every default. */
export function waitSettings(
  options: LimiterWaitOptions | undefined,
  capacity: number,
): { cost: number; maxWaitMs: number; signal: AbortSignal | undefined } {
  const input = checkOptions('options', options)
  known('options', input, ['cost', 'maxWaitMs', 'signal'])
  return {
    cost: input.cost === undefined ? 1 : integer('options.cost', 1, capacity, input.cost),
    maxWaitMs: timeout('options.maxWaitMs', Infinity, input.maxWaitMs),
    signal: abortSignal('options.signal', input.signal),
  }
}

/** Opens a limiter in the core and returns its handle. The core's own refusal names the option too. */
export function openLimiter(settings: LimiterSettings): number {
  const { maxRequests, windowMs, algorithm, burst, maxKeys, blockDurationMs, system } = settings
  system.assertOpen()
  const now = system.clock.monoMs()
  const kind = protocol.ALGORITHMS.indexOf(algorithm)
  scratch[protocol.PACE_MIN_TIME] = settings.minTimeMs
  scratch[protocol.PACE_AMOUNT] = settings.reservoir?.amount ?? NONE
  scratch[protocol.PACE_REFRESH_AMOUNT] = settings.reservoir?.refreshAmount ?? 0
  scratch[protocol.PACE_REFRESH_INTERVAL] = settings.reservoir?.refreshIntervalMs ?? 0
  scratch[protocol.PACE_MAX_WAITERS] = settings.maxWaiters
  const handle = hot.rateOpen(kind, maxRequests, windowMs, burst, maxKeys, blockDurationMs, now)
  if (handle >= 0) return handle
  const field = FIELDS[-handle] ?? 'burst'
  throw new InvalidArgumentError(`options.${field}`, 'within what a limiter can count', settings[field])
}
