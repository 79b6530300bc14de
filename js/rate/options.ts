import { integer, known, MAX_DURATION_MS, options as checkOptions } from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { hot } from '../native.ts'
import type { LimiterOptions } from './types.ts'
import { resolveSystem } from '../system/default.ts'
import { ALGORITHMS, FIELD_BLOCK, FIELD_BURST, FIELD_LIMIT, FIELD_MAX_KEYS, FIELD_WINDOW } from '../protocol/rate.ts'

const MOST = 1e9
const LONGEST_LOG = 100_000
const SHORTEST_WINDOW_MS = 0.001
const LONGEST_WINDOW_MS = 1e12
const MOST_KEYS = 2 ** 24
const DEFAULT_MAX_KEYS = 100_000

/** The options that the core can refuse. */
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

/** Checked options. */
export type LimiterSettings = { readonly [Name in keyof LimiterOptions]-?: NonNullable<LimiterOptions[Name]> }

/** A time in milliseconds within bounds. */
function time(field: string, min: number, max: number, value: unknown): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw new InvalidArgumentError(field, `a number of milliseconds from ${min} to ${max}`, value)
}

/** How long a key may be blocked. */
export const blockTime = (field: string, value: unknown): number => time(field, 0.001, MAX_DURATION_MS / 1000, value)

/** Refuses what cannot be used, naming the field. */
export function limiterSettings(options: LimiterOptions | undefined, also: readonly string[] = []): LimiterSettings {
  const given = checkOptions('options', options) as LimiterOptions
  known('options', given, [...OPTIONS, ...also])
  const algorithm = given.algorithm ?? 'gcra'
  if (!ALGORITHMS.includes(algorithm)) {
    throw new InvalidArgumentError('options.algorithm', `one of ${ALGORITHMS.join(', ')}`, algorithm)
  }
  const most = algorithm === 'sliding-log' ? LONGEST_LOG : MOST
  const maxRequests = integer('options.maxRequests', 1, most, given.maxRequests)
  const windowMs = time('options.windowMs', SHORTEST_WINDOW_MS, LONGEST_WINDOW_MS, given.windowMs)
  if (given.burst !== undefined && algorithm !== 'gcra') {
    throw new InvalidArgumentError('options.burst', `left out with ${algorithm}`, given.burst)
  }
  return {
    maxRequests,
    windowMs,
    algorithm,
    burst: given.burst === undefined ? maxRequests : integer('options.burst', 1, MOST, given.burst),
    maxKeys: given.maxKeys === undefined ? DEFAULT_MAX_KEYS : integer('options.maxKeys', 1, MOST_KEYS, given.maxKeys),
    blockDurationMs:
      given.blockDurationMs === undefined ? 0 : blockTime('options.blockDurationMs', given.blockDurationMs),
    system: resolveSystem(given.system),
  }
}

/** Opens the core's part; the core's own refusal names the field too. */
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
