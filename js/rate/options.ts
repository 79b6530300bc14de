/** Checks the options of rate limiters. */
import { InvalidArgumentError } from '../errors/errors.ts'
import { integer, known, MAX_DURATION_MS, options as checkOptions } from '../internal/validate.ts'
import { hot } from '../native.ts'
import { ALGORITHMS, FIELD_BLOCK, FIELD_BURST, FIELD_LIMIT, FIELD_MAX_KEYS, FIELD_WINDOW } from '../protocol/rate.ts'
import { resolveSystem } from '../system/default.ts'
import type { LimiterOptions } from './types.ts'

const MAX_REQUESTS = 1e9
const MAX_LOG = 100_000
const MIN_WINDOW_MS = 0.001
const MAX_WINDOW_MS = 1e12
const MAX_KEYS = 2 ** 24
const DEFAULT_MAX_KEYS = 100_000

/** Names of options, by the number with which the core refuses them. */
const FIELDS: Readonly<Record<number, 'maxRequests' | 'windowMs' | 'burst' | 'maxKeys' | 'blockDurationMs'>> = {
  [FIELD_LIMIT]: 'maxRequests',
  [FIELD_WINDOW]: 'windowMs',
  [FIELD_BURST]: 'burst',
  [FIELD_MAX_KEYS]: 'maxKeys',
  [FIELD_BLOCK]: 'blockDurationMs',
}

const OPTIONS: readonly string[] = [
  'maxRequests',
  'windowMs',
  'algorithm',
  'burst',
  'maxKeys',
  'blockDurationMs',
  'system',
] as const satisfies (keyof LimiterOptions)[]

/** The settings of a limiter: checked, and with every default. */
export type LimiterSettings = { readonly [Name in keyof LimiterOptions]-?: NonNullable<LimiterOptions[Name]> }

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
  const algorithm = input.algorithm ?? 'gcra'
  if (!ALGORITHMS.includes(algorithm)) {
    throw new InvalidArgumentError('options.algorithm', `one of ${ALGORITHMS.join(', ')}`, algorithm)
  }
  const max = algorithm === 'sliding-log' ? MAX_LOG : MAX_REQUESTS
  const maxRequests = integer('options.maxRequests', 1, max, input.maxRequests)
  const windowMs = time('options.windowMs', MIN_WINDOW_MS, MAX_WINDOW_MS, input.windowMs)
  if (input.burst !== undefined && algorithm !== 'gcra') {
    throw new InvalidArgumentError('options.burst', `left out with ${algorithm}`, input.burst)
  }
  return {
    maxRequests,
    windowMs,
    algorithm,
    burst: input.burst === undefined ? maxRequests : integer('options.burst', 1, MAX_REQUESTS, input.burst),
    maxKeys: input.maxKeys === undefined ? DEFAULT_MAX_KEYS : integer('options.maxKeys', 1, MAX_KEYS, input.maxKeys),
    blockDurationMs:
      input.blockDurationMs === undefined ? 0 : blockTime('options.blockDurationMs', input.blockDurationMs),
    system: resolveSystem(input.system),
  }
}

/** Opens a limiter in the core and returns its handle. The core's own refusal names the option too. */
export function openLimiter(settings: LimiterSettings): number {
  const { maxRequests, windowMs, algorithm, burst, maxKeys, blockDurationMs, system } = settings
  system.assertOpen()
  const now = system.clock.monoMs()
  const kind = ALGORITHMS.indexOf(algorithm)
  const handle = hot.rateOpen(kind, maxRequests, windowMs, burst, maxKeys, blockDurationMs, now)
  if (handle >= 0) return handle
  const field = FIELDS[-handle] ?? 'burst'
  throw new InvalidArgumentError(`options.${field}`, 'within what a limiter can count', settings[field])
}
