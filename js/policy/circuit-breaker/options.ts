/** The public options of a circuit breaker and its saved state, and their checks. */
import { InvalidArgumentError } from '../../errors/errors.ts'
import {
  finite,
  integer,
  known,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import type { PolicyOptions } from '../pipeline/types.ts'
import { type Chance, pauseMs } from '../retry/schedule.ts'
import {
  ConsecutiveFailures,
  CountWindow,
  type FailureWindow,
  type SavedEvidence,
  TimeWindow,
} from './failure-window.ts'
import type { CircuitSettings } from './state-machine.ts'

/** The time a circuit stays open: longer each time it opens in a row. */
export interface OpenFor {
  /** The time it stays open first, in milliseconds, above 0. */
  readonly initialMs: number
  /** Each time in a row is the one before times this factor: at least 1. Default 2. */
  readonly factor?: number
  /** The longest time, in milliseconds: at least `initialMs`. Default 60 000, or `initialMs` if that is more. */
  readonly maxMs?: number
  /**
   * Shortens the time by a random share of it, up to this one, from 0 to 1, so that breakers do not probe in step.
   * Default 0. (`RetryPolicy.jitter` of effects is a percentage, either way.)
   */
  readonly jitter?: number
}

/** The rule by which a half-open circuit closes. */
export interface HalfOpen {
  /** The most probes under way at a time: an integer from 1. Default 1. */
  readonly probes?: number
  /** The number of successful probes that closes it: an integer from 1. Default 1. */
  readonly successes?: number
  /** The number of failed probes that opens it again: an integer from 1. Default 1. */
  readonly failures?: number
  /**
   * A probe that takes longer counts as failed, in milliseconds, above 0, so that a probe which never ends blocks
   * nothing. Default 30 000.
   */
  readonly timeoutMs?: number
}

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions extends PolicyOptions {
  /** Opens at this many failures in a row: an integer from 1. Default 5, unless there is a `failureRatio`. */
  readonly consecutive?: number
  /** Opens when at least this share of the calls failed: above 0, up to 1. `calls` or `windowMs` selects the calls. */
  readonly failureRatio?: number
  /** `failureRatio` looks at this many last calls: an integer from 1. Default 100, unless there is a `windowMs`. */
  readonly calls?: number
  /** `failureRatio` looks at the calls of this many last milliseconds, above 0. Not together with `calls`. */
  readonly windowMs?: number
  /**
   * `failureRatio` does not open on fewer calls than this: an integer from 1. Default 10, or `calls` if that is less.
   */
  readonly minimumCalls?: number
  /**
   * A call that took longer counts as a failure although it succeeded, in milliseconds, above 0. Default: none does.
   */
  readonly slowAfterMs?: number
  /** The time it stays open, in milliseconds: a constant above 0, or a growing time. Default 5000. */
  readonly openForMs?: number | OpenFor
  /** The rule by which a half-open circuit closes. Default: one probe decides. */
  readonly halfOpen?: HalfOpen
  /**
   * Returns whether an error is a failure of the service behind the circuit; any other error counts as a success.
   * Default: every error is a failure, but rejections of policies (such as a bulkhead inside) do not count at all.
   */
  readonly isFailure?: (error: unknown) => boolean
  /** Returns whether a value counts as a failure. The caller gets the value all the same. Default: none does. */
  readonly isFailureResult?: (value: unknown) => boolean
  /** Starts in a state that `toJSON()` of a breaker returned. */
  readonly state?: SavedCircuit
}

/** The state of a circuit breaker as plain data, from `toJSON()`. */
export type SavedCircuit =
  | {
      /** The version of this format. */
      readonly version: 1
      /** Wall time of `toJSON()`, in milliseconds since the epoch. */
      readonly savedAtMs: number
      /** The state of the circuit. */
      readonly state: 'closed' | 'isolated'
      /** The number of times it has opened since it was last closed. */
      readonly opens: number
      /** The outcomes it has seen. */
      readonly evidence: SavedEvidence
    }
  | {
      /** The version of this format. */
      readonly version: 1
      /** Wall time of `toJSON()`, in milliseconds since the epoch. */
      readonly savedAtMs: number
      /** The state of the circuit. A half-open circuit is saved as an open one whose time is over. */
      readonly state: 'open'
      /** The number of times it has opened since it was last closed. */
      readonly opens: number
      /** The outcomes it has seen. */
      readonly evidence: SavedEvidence
      /** The time it stays open in all, in milliseconds. */
      readonly openForMs: number
      /** Wall time at which it becomes half open, in milliseconds since the epoch. */
      readonly openUntilMs: number
    }

/** The settings of a circuit breaker: checked, and with every default. */
interface BreakerSettings extends Omit<CircuitSettings, 'onTransition'> {
  readonly slowAfterMs: number
  readonly isFailure: ((error: unknown) => boolean) | undefined
  readonly isFailureResult: ((value: unknown) => boolean) | undefined
}

const MAX_CALLS = 1_000_000

/** Replaces `undefined` alone: `null` is left for the check to refuse. */
const orDefault = <T>(value: T | undefined, fallback: T): T => (value === undefined ? fallback : value)

/** Returns the settings that the options describe. */
export function breakerSettings(settings: CircuitBreakerOptions, chance: Chance): BreakerSettings {
  const halfOpen = checkOptions('options.halfOpen', settings.halfOpen)
  known('options.halfOpen', halfOpen, ['probes', 'successes', 'failures', 'timeoutMs'])
  const { probes = 1, successes = 1, failures = 1, timeoutMs = 30_000 } = halfOpen
  return {
    failureWindow: failureWindowOf(settings),
    openForMs: openForOf(orDefault(settings.openForMs, 5000), chance),
    probes: integer('options.halfOpen.probes', 1, MAX_CALLS, probes),
    successes: integer('options.halfOpen.successes', 1, MAX_CALLS, successes),
    failures: integer('options.halfOpen.failures', 1, MAX_CALLS, failures),
    probeTimeoutMs: positiveMillis('options.halfOpen.timeoutMs', timeoutMs),
    slowAfterMs:
      settings.slowAfterMs === undefined ? Infinity : positiveMillis('options.slowAfterMs', settings.slowAfterMs),
    isFailure: optionalCallable('options.isFailure', settings.isFailure),
    isFailureResult: optionalCallable('options.isFailureResult', settings.isFailureResult),
  }
}

function failureWindowOf(settings: CircuitBreakerOptions): FailureWindow {
  const { consecutive, failureRatio, calls, windowMs, minimumCalls } = settings
  if (failureRatio === undefined) {
    for (const name of ['calls', 'windowMs', 'minimumCalls'] as const) {
      if (settings[name] !== undefined) {
        throw new InvalidArgumentError(`options.${name}`, 'left out without a failureRatio', settings[name])
      }
    }
    return new ConsecutiveFailures(integer('options.consecutive', 1, MAX_CALLS, orDefault(consecutive, 5)))
  }
  if (consecutive !== undefined) {
    throw new InvalidArgumentError('options.consecutive', 'left out beside a failureRatio', consecutive)
  }
  const ratio = finite('options.failureRatio', failureRatio)
  if (ratio <= 0 || ratio > 1) {
    throw new InvalidArgumentError('options.failureRatio', 'above 0 and up to 1', failureRatio)
  }
  if (windowMs === undefined) {
    const size = integer('options.calls', 1, MAX_CALLS, orDefault(calls, 100))
    return new CountWindow(
      size,
      ratio,
      integer('options.minimumCalls', 1, size, orDefault(minimumCalls, Math.min(10, size))),
    )
  }
  if (calls !== undefined) throw new InvalidArgumentError('options.calls', 'left out beside windowMs', calls)
  return new TimeWindow(
    positiveMillis('options.windowMs', windowMs),
    ratio,
    integer('options.minimumCalls', 1, MAX_CALLS, orDefault(minimumCalls, 10)),
  )
}

function openForOf(value: unknown, chance: Chance): (opens: number) => number {
  if (typeof value !== 'object' || value === null) {
    const openForMs = positiveMillis('options.openForMs', value)
    return () => openForMs
  }
  known('options.openForMs', value, ['initialMs', 'factor', 'maxMs', 'jitter'])
  const { initialMs, factor = 2, jitter = 0, maxMs: longest } = value as OpenFor
  const first = positiveMillis('options.openForMs.initialMs', initialMs)
  const maxMs = positiveMillis('options.openForMs.maxMs', orDefault(longest, Math.max(60_000, first)))
  if (maxMs < first) throw new InvalidArgumentError('options.openForMs.maxMs', 'at least initialMs', maxMs)
  if (finite('options.openForMs.factor', factor) < 1) {
    throw new InvalidArgumentError('options.openForMs.factor', 'at least 1', factor)
  }
  if (finite('options.openForMs.jitter', jitter) < 0 || jitter > 1) {
    throw new InvalidArgumentError('options.openForMs.jitter', 'from 0 to 1', jitter)
  }
  return (opens) => {
    const openForMs = Math.min(first * factor ** (opens - 1), maxMs)
    return jitter === 0 ? openForMs : openForMs * (1 - jitter * chance.next())
  }
}

/** Returns a saved state after checking it, as it may come from anywhere. */
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
    pauseMs(`${field}.openForMs`, saved['openForMs'])
    finite(`${field}.openUntilMs`, saved['openUntilMs'])
  }
  assertSavedEvidence(`${field}.evidence`, saved['evidence'])
  return value as SavedCircuit
}

/** Refuses a value that is no saved evidence. */
function assertSavedEvidence(field: string, value: unknown): void {
  const saved = value as Record<string, unknown> | null | undefined
  switch (saved?.['kind']) {
    case 'consecutive':
      integer(`${field}.failures`, 0, Number.MAX_SAFE_INTEGER, saved['failures'])
      return
    case 'calls':
      if (typeof saved['outcomes'] === 'string' && /^[+-]*$/.test(saved['outcomes'])) return
      throw new InvalidArgumentError(`${field}.outcomes`, 'a string of + and -', saved['outcomes'])
    case 'window': {
      const { slices } = saved
      if (!Array.isArray(slices)) throw new InvalidArgumentError(`${field}.slices`, 'a list', slices)
      for (const [index, slice] of (slices as unknown[]).entries()) {
        const [age, ok, failed] = Array.isArray(slice) ? (slice as unknown[]) : []
        pauseMs(`${field}.slices[${index}][0]`, age)
        integer(`${field}.slices[${index}][1]`, 0, Number.MAX_SAFE_INTEGER, ok)
        integer(`${field}.slices[${index}][2]`, 0, Number.MAX_SAFE_INTEGER, failed)
      }
      return
    }
    default:
      throw new InvalidArgumentError(field, "evidence of the kind 'consecutive', 'calls' or 'window'", value)
  }
}
