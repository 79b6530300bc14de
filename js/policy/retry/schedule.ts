import {
  fieldOf,
  finite,
  integer,
  isList,
  known,
  MAX_DURATION_MS,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'

/** How pauses are spread, so that callers that failed together do not come back together. */
export type Jitter =
  /** Anything up to the pause. */
  | 'full'
  /** Half of the pause, and anything up to the other half. */
  | 'equal'
  /** Between the first pause and three times the one before. */
  | 'decorrelated'
  /** No spreading. */
  | 'none'

/** Where chance comes from: numbers in `[0, 1)`. A system's `random` is one. */
export interface Chance {
  next(): number
}

/** The pauses between the tries of one call. */
export interface Pauses {
  /** The next pause, in milliseconds, zero or more; `undefined` when there is to be no further try. */
  next(): number | undefined
}

/** A plan of pauses: pure, so that one plan serves any number of calls. */
export interface Schedule {
  /** Begins the pauses of one call. */
  begin(chance: Chance): Pauses
}

/** Options of {@link schedule.exponential}. */
export interface ExponentialOptions {
  /** The first pause, in milliseconds, above zero. Default 100. */
  readonly initialMs?: number
  /** Each pause is the one before times this, at least 1. Default 2. */
  readonly factor?: number
  /** No pause is longer, in milliseconds. Default 30 000. */
  readonly maxMs?: number
  /** Default `'full'`. */
  readonly jitter?: Jitter
  /** How many pauses there are. Default: no end. */
  readonly times?: number
}

const JITTERS: readonly Jitter[] = ['full', 'equal', 'decorrelated', 'none']

/** What pauses that grow are made of: checked, and with every default. */
export interface ExponentialTerms {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  /** A number is a percentage: up to so much is added or taken off. */
  readonly jitter: Jitter | number
  readonly times: number
}

/** Pauses that grow. */
export class Exponential implements Schedule {
  readonly #terms: ExponentialTerms

  constructor(terms: ExponentialTerms) {
    this.#terms = terms
  }

  begin(chance: Chance): Pauses {
    const { initialMs, factor, maxMs, jitter, times } = this.#terms
    let pause = initialMs
    let left = times
    return {
      next: () => {
        if (left-- <= 0) return undefined
        if (jitter === 'decorrelated') {
          pause = Math.min(initialMs + chance.next() * (pause * 3 - initialMs), maxMs)
          return pause
        }
        const whole = Math.min(pause, maxMs)
        pause = Math.min(pause * factor, maxMs)
        if (jitter === 'none' || jitter === 0) return whole
        if (jitter === 'full') return chance.next() * whole
        if (jitter === 'equal') return whole / 2 + (chance.next() * whole) / 2
        return whole * (1 + (jitter / 100) * (2 * chance.next() - 1))
      },
    }
  }
}

function exponential(options?: ExponentialOptions): Schedule {
  const given = checkOptions('options', options)
  known('options', given, ['initialMs', 'factor', 'maxMs', 'jitter', 'times'])
  const { initialMs = 100, factor = 2, maxMs = 30_000, jitter = 'full', times } = given
  if (!JITTERS.includes(jitter)) {
    throw new InvalidArgumentError('options.jitter', `one of ${JITTERS.join(', ')}`, jitter)
  }
  return new Exponential({
    initialMs: positiveMillis('options.initialMs', initialMs),
    factor: growth('options.factor', factor),
    maxMs: positiveMillis('options.maxMs', maxMs),
    jitter,
    times: times === undefined ? Infinity : integer('options.times', 0, Number.MAX_SAFE_INTEGER, times),
  })
}

/** What a pause is multiplied by for the next. */
export function growth(field: string, value: unknown): number {
  const factor = finite(field, value)
  if (factor < 1) throw new InvalidArgumentError(field, 'at least 1', value)
  return factor
}

/** Pauses from a list or a function of their number. */
class Listed implements Schedule {
  readonly #pauseOf: (index: number) => number | undefined
  constructor(pauseOf: (index: number) => number | undefined) {
    this.#pauseOf = pauseOf
  }
  begin(): Pauses {
    let index = 0
    return { next: () => this.#pauseOf(index++) }
  }
}

function pauseMs(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a finite number of milliseconds, zero or more', value)
}

/** Plans of pauses, for `retry` and `repeat`. */
export const schedule: {
  readonly constant: (ms: number, options?: { readonly times?: number }) => Schedule
  readonly exponential: (options?: ExponentialOptions) => Schedule
  readonly list: (pauses: readonly number[]) => Schedule
} = {
  /** The same pause each time: zero or more milliseconds; `times` of them, or without end. */
  constant: (ms, options) => {
    const pause = pauseMs('ms', ms)
    const given = checkOptions('options', options)
    known('options', given, ['times'])
    const times =
      given.times === undefined ? Infinity : integer('options.times', 0, Number.MAX_SAFE_INTEGER, given.times)
    return new Listed((index) => (index < times ? pause : undefined))
  },
  /** Pauses that grow, spread by jitter. */
  exponential,
  /** These pauses, and then no further try. */
  list: (pauses) => {
    if (!isList(pauses)) throw new InvalidArgumentError('pauses', 'a list of milliseconds', pauses)
    const checked = pauses.map((pause, index) => pauseMs(`pauses[${index}]`, pause))
    return new Listed((index) => checked[index])
  },
}

/** A schedule from an option: a schedule, or a constant pause. */
export function scheduleOf(field: string, value: unknown): Schedule {
  if (typeof value === 'number') {
    const pause = pauseMs(field, value)
    return new Listed(() => pause)
  }
  if (typeof fieldOf(value, 'begin') === 'function') return value as Schedule
  throw new InvalidArgumentError(field, 'a schedule, or a pause in milliseconds', value)
}

/** The next pause of a schedule that anybody may have written. */
export function nextPause(pauses: Pauses): number | undefined {
  const pause = pauses.next()
  return pause === undefined ? undefined : pauseMs('the pause of a schedule', pause)
}
