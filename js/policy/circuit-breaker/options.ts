import {
  finite,
  integer,
  known,
  MAX_DURATION_MS,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { CircuitTerms } from './state-machine.ts'
import { Consecutive, type Evidence, LastCalls, LastWhile, type SavedEvidence } from './failure-window.ts'
import type { Chance } from '../retry/schedule.ts'
import type { PolicyOptions } from '../pipeline/types.ts'

/** How long a circuit stays open, growing while its probes fail. */
export interface OpenFor {
  /** The first time, in milliseconds. */
  readonly initialMs: number
  /** Each time in a row is the one before times this, at least 1. Default 2. */
  readonly factor?: number
  /** It is never longer, in milliseconds. Default 60 000, and at least `initialMs`. */
  readonly maxMs?: number
  /** Up to this share of it is taken off by chance, 0 to 1, so that breakers do not probe in step. Default 0. */
  readonly jitter?: number
}

/** How a half-open circuit finds out. */
export interface HalfOpen {
  /** How many calls may be under way at a time. Default 1. */
  readonly probes?: number
  /** How many have to succeed for it to close. Default 1. */
  readonly successes?: number
  /** How many have to fail for it to open again. Default 1. */
  readonly failures?: number
  /** A probe that takes longer counts as a failure, in milliseconds, so that one which never ends holds nothing up. Default 30 000. */
  readonly timeoutMs?: number
}

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions extends PolicyOptions {
  /** Opens at so many failures in a row. Default 5, unless there is a `failureRatio`. */
  readonly consecutive?: number
  /** Opens when at least this share of the calls failed: above 0, up to 1. Of which calls, `calls` or `windowMs` says. */
  readonly failureRatio?: number
  /** Looks at the last so many calls. Default, with a `failureRatio` and without `windowMs`: 100. */
  readonly calls?: number
  /** Looks at the calls of the last so many milliseconds. */
  readonly windowMs?: number
  /** With a `failureRatio`: does not open on fewer calls than this. Default 10, or `calls` if that is less. */
  readonly minimumCalls?: number
  /** A call that took longer is a failure although it succeeded, in milliseconds. Default: none is. */
  readonly slowAfterMs?: number
  /** How long it stays open, in milliseconds, the same each time or growing. Default 5000. */
  readonly openForMs?: number | OpenFor
  readonly halfOpen?: HalfOpen
  /**
   * Whether an error is a failure of what is behind it. One that is not counts as a success. Default: every error is, but a
   * policy's refusal (of a bulkhead inside it, say), which counts as nothing.
   */
  readonly isFailure?: (error: unknown) => boolean
  /** Whether a value is a failure. The caller gets it all the same. Default: none is. */
  readonly isFailureResult?: (value: unknown) => boolean
  /** Begins where another breaker stood: what its `toJSON` gave. */
  readonly state?: SavedCircuit
}

/** A circuit breaker's state as plain data. */
export type SavedCircuit =
  | {
      readonly version: 1
      /** Wall time, in milliseconds since the epoch. */
      readonly savedAtMs: number
      readonly state: 'closed' | 'isolated'
      readonly opens: number
      readonly evidence: SavedEvidence
    }
  | {
      readonly version: 1
      readonly savedAtMs: number
      readonly state: 'open'
      readonly opens: number
      readonly evidence: SavedEvidence
      /** How long it is open in all, in milliseconds. */
      readonly openForMs: number
      /** Wall time at which it will be half open, in milliseconds since the epoch. */
      readonly openUntilMs: number
    }

interface Terms extends Omit<CircuitTerms, 'moved'> {
  readonly slowAfterMs: number
  readonly isFailure: ((error: unknown) => boolean) | undefined
  readonly isFailureResult: ((value: unknown) => boolean) | undefined
}

const MANY = 1_000_000

/** A default is for what was left out alone: null is refused. */
const or = <T>(value: T | undefined, fallback: T): T => (value === undefined ? fallback : value)

/** Checks the options. */
export function circuitTerms(given: CircuitBreakerOptions, chance: Chance): Terms {
  const halfOpen = checkOptions('options.halfOpen', given.halfOpen)
  known('options.halfOpen', halfOpen, ['probes', 'successes', 'failures', 'timeoutMs'])
  const { probes = 1, successes = 1, failures = 1, timeoutMs = 30_000 } = halfOpen
  return {
    evidence: evidenceOf(given),
    openForMs: openForOf(or(given.openForMs, 5000), chance),
    probes: integer('options.halfOpen.probes', 1, MANY, probes),
    successes: integer('options.halfOpen.successes', 1, MANY, successes),
    failures: integer('options.halfOpen.failures', 1, MANY, failures),
    probeTimeoutMs: positiveMillis('options.halfOpen.timeoutMs', timeoutMs),
    slowAfterMs: given.slowAfterMs === undefined ? Infinity : positiveMillis('options.slowAfterMs', given.slowAfterMs),
    isFailure: optionalCallable('options.isFailure', given.isFailure),
    isFailureResult: optionalCallable('options.isFailureResult', given.isFailureResult),
  }
}

function evidenceOf(given: CircuitBreakerOptions): Evidence {
  const { consecutive, failureRatio, calls, windowMs, minimumCalls } = given
  if (failureRatio === undefined) {
    for (const name of ['calls', 'windowMs', 'minimumCalls'] as const) {
      if (given[name] !== undefined) {
        throw new InvalidArgumentError(`options.${name}`, 'left out without a failureRatio', given[name])
      }
    }
    return new Consecutive(integer('options.consecutive', 1, MANY, or(consecutive, 5)))
  }
  if (consecutive !== undefined) {
    throw new InvalidArgumentError('options.consecutive', 'left out beside a failureRatio', consecutive)
  }
  const ratio = finite('options.failureRatio', failureRatio)
  if (ratio <= 0 || ratio > 1) {
    throw new InvalidArgumentError('options.failureRatio', 'above 0 and up to 1', failureRatio)
  }
  if (windowMs === undefined) {
    const size = integer('options.calls', 1, MANY, or(calls, 100))
    return new LastCalls(size, ratio, integer('options.minimumCalls', 1, size, or(minimumCalls, Math.min(10, size))))
  }
  if (calls !== undefined) throw new InvalidArgumentError('options.calls', 'left out beside windowMs', calls)
  return new LastWhile(
    positiveMillis('options.windowMs', windowMs),
    ratio,
    integer('options.minimumCalls', 1, MANY, or(minimumCalls, 10)),
  )
}

function openForOf(given: unknown, chance: Chance): (opens: number) => number {
  if (typeof given !== 'object' || given === null) {
    const openForMs = positiveMillis('options.openForMs', given)
    return () => openForMs
  }
  known('options.openForMs', given, ['initialMs', 'factor', 'maxMs', 'jitter'])
  const { initialMs, factor = 2, jitter = 0, maxMs: most } = given as OpenFor
  const first = positiveMillis('options.openForMs.initialMs', initialMs)
  const maxMs = positiveMillis('options.openForMs.maxMs', or(most, Math.max(60_000, first)))
  if (maxMs < first) throw new InvalidArgumentError('options.openForMs.maxMs', 'at least initialMs', maxMs)
  if (finite('options.openForMs.factor', factor) < 1) {
    throw new InvalidArgumentError('options.openForMs.factor', 'at least 1', factor)
  }
  if (finite('options.openForMs.jitter', jitter) < 0 || jitter > 1) {
    throw new InvalidArgumentError('options.openForMs.jitter', 'from 0 to 1', jitter)
  }
  return (opens) => {
    const whole = Math.min(first * factor ** (opens - 1), maxMs)
    return jitter === 0 ? whole : whole * (1 - jitter * chance.next())
  }
}

/** Checks a saved state, which may come from anywhere. */
export function savedCircuit(field: string, value: unknown): SavedCircuit {
  const saved = checkOptions(field, value as Partial<Record<string, unknown>> | undefined)
  if (saved['version'] !== 1) throw new InvalidArgumentError(`${field}.version`, '1', saved['version'])
  const state = saved['state']
  if (state !== 'closed' && state !== 'open' && state !== 'isolated') {
    throw new InvalidArgumentError(`${field}.state`, 'closed, open or isolated', state)
  }
  finite(`${field}.savedAtMs`, saved['savedAtMs'])
  integer(`${field}.opens`, 0, Number.MAX_SAFE_INTEGER, saved['opens'])
  if (state === 'open') {
    duration(`${field}.openForMs`, saved['openForMs'])
    finite(`${field}.openUntilMs`, saved['openUntilMs'])
  }
  assertEvidence(`${field}.evidence`, saved['evidence'])
  return value as SavedCircuit
}

const duration = (field: string, value: unknown): void => {
  if (typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS) return
  throw new InvalidArgumentError(field, 'a finite number of milliseconds, zero or more', value)
}

function assertEvidence(field: string, value: unknown): void {
  const given = value as Record<string, unknown> | null | undefined
  switch (given?.['kind']) {
    case 'consecutive':
      integer(`${field}.failures`, 0, Number.MAX_SAFE_INTEGER, given['failures'])
      return
    case 'calls':
      if (typeof given['outcomes'] === 'string' && /^[+-]*$/.test(given['outcomes'])) return
      throw new InvalidArgumentError(`${field}.outcomes`, 'a string of + and -', given['outcomes'])
    case 'window': {
      const { slices } = given
      if (!Array.isArray(slices)) throw new InvalidArgumentError(`${field}.slices`, 'a list', slices)
      for (const [index, slice] of (slices as unknown[]).entries()) {
        const [age, ok, failed] = Array.isArray(slice) ? (slice as unknown[]) : []
        duration(`${field}.slices[${index}][0]`, age)
        integer(`${field}.slices[${index}][1]`, 0, Number.MAX_SAFE_INTEGER, ok)
        integer(`${field}.slices[${index}][2]`, 0, Number.MAX_SAFE_INTEGER, failed)
      }
      return
    }
    default:
      throw new InvalidArgumentError(field, "evidence of the kind 'consecutive', 'calls' or 'window'", value)
  }
}
