/** Schedules: the pauses between attempts. */
import { InvalidArgumentError } from '../../errors/errors.ts'
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

/** The randomisation of pauses, so that callers that failed together do not retry together. */
export type Jitter =
  /** Between zero and the pause. */
  | 'full'
  /** Between half of the pause and the pause. */
  | 'equal'
  /** Between the first pause and three times the one before, up to `maxMs`. */
  | 'decorrelated'
  /** The pause itself. */
  | 'none'

/** A source of random numbers. The `random` of a system is one. */
export interface Chance {
  /** Returns a number in `[0, 1)`. */
  next(): number
}

/** The pauses between the attempts of one call. */
export interface Pauses {
  /** Returns the next pause, in milliseconds from 0; `undefined` for no further attempt. */
  next(): number | undefined
}

/** A plan of pauses. It has no state of its own, so one schedule serves any number of calls. */
export interface Schedule {
  /** Returns the pauses of one call. */
  begin(chance: Chance): Pauses
}

/** Options of {@link schedule.exponential}. */
export interface ExponentialOptions {
  /** The first pause, in milliseconds, above 0. Default 100. */
  readonly initialMs?: number
  /** Each pause is the one before times this factor: at least 1. Default 2. */
  readonly factor?: number
  /** The longest pause, in milliseconds, above 0. Default 30 000. */
  readonly maxMs?: number
  /** The randomisation of the pauses. Default `'full'`. */
  readonly jitter?: Jitter
  /** The number of pauses: an integer from 0. Default: no end. */
  readonly times?: number
}

const JITTERS: readonly Jitter[] = ['full', 'equal', 'decorrelated', 'none']

/** The settings of an exponential schedule: checked, and with every default. */
export interface ExponentialSettings {
  readonly initialMs: number
  readonly factor: number
  readonly maxMs: number
  /** A number is a percentage: up to that much is added or subtracted. */
  readonly jitter: Jitter | number
  readonly times: number
}

/** Pauses that grow by a factor, up to a longest one. */
export class ExponentialSchedule implements Schedule {
  readonly #settings: ExponentialSettings

  constructor(settings: ExponentialSettings) {
    this.#settings = settings
  }

  begin(chance: Chance): Pauses {
    const { initialMs, factor, maxMs, jitter, times } = this.#settings
    let pause = initialMs
    let left = times
    return {
      next: () => {
        if (left-- <= 0) return undefined
        if (jitter === 'decorrelated') {
          pause = Math.min(initialMs + chance.next() * (pause * 3 - initialMs), maxMs)
          return pause
        }
        const planned = Math.min(pause, maxMs)
        pause = Math.min(pause * factor, maxMs)
        if (jitter === 'none' || jitter === 0) return planned
        if (jitter === 'full') return chance.next() * planned
        if (jitter === 'equal') return planned / 2 + (chance.next() * planned) / 2
        return planned * (1 + (jitter / 100) * (2 * chance.next() - 1))
      },
    }
  }
}

/**
 * Returns a schedule whose pauses grow by a factor up to a longest one, and are randomised by jitter.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 */
function exponential(options?: ExponentialOptions): Schedule {
  const settings = checkOptions('options', options)
  known('options', settings, ['initialMs', 'factor', 'maxMs', 'jitter', 'times'])
  const { initialMs = 100, factor = 2, maxMs = 30_000, jitter = 'full', times } = settings
  if (!JITTERS.includes(jitter)) {
    throw new InvalidArgumentError('options.jitter', `one of ${JITTERS.join(', ')}`, jitter)
  }
  return new ExponentialSchedule({
    initialMs: positiveMillis('options.initialMs', initialMs),
    factor: growthFactor('options.factor', factor),
    maxMs: positiveMillis('options.maxMs', maxMs),
    jitter,
    times: times === undefined ? Infinity : integer('options.times', 0, Number.MAX_SAFE_INTEGER, times),
  })
}

/** Returns a factor by which pauses grow: at least 1. */
export function growthFactor(field: string, value: unknown): number {
  const factor = finite(field, value)
  if (factor < 1) throw new InvalidArgumentError(field, 'at least 1', value)
  return factor
}

/** Pauses from a function of their index, from 0. */
class PauseSequence implements Schedule {
  readonly #pauseOf: (index: number) => number | undefined
  constructor(pauseOf: (index: number) => number | undefined) {
    this.#pauseOf = pauseOf
  }
  begin(): Pauses {
    let index = 0
    return { next: () => this.#pauseOf(index++) }
  }
}

/** Returns a pause: milliseconds from 0. */
export function pauseMs(field: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_DURATION_MS) return value
  throw new InvalidArgumentError(field, 'a finite number of milliseconds, zero or more', value)
}

/**
 * Returns a schedule with the same pause each time.
 *
 * @param ms - The pause, in milliseconds from 0.
 * @param options - `times`: the number of pauses, an integer from 0. Default: no end.
 * @throws InvalidArgumentError naming the argument that is refused.
 */
function constant(ms: number, options?: { readonly times?: number }): Schedule {
  const pause = pauseMs('ms', ms)
  const settings = checkOptions('options', options)
  known('options', settings, ['times'])
  const times =
    settings.times === undefined ? Infinity : integer('options.times', 0, Number.MAX_SAFE_INTEGER, settings.times)
  return new PauseSequence((index) => (index < times ? pause : undefined))
}

/**
 * Returns a schedule with these pauses, and no further attempt after them.
 *
 * @param pauses - Milliseconds from 0.
 * @throws InvalidArgumentError naming the pause that is refused.
 */
function list(pauses: readonly number[]): Schedule {
  if (!isList(pauses)) throw new InvalidArgumentError('pauses', 'a list of milliseconds', pauses)
  const checked = pauses.map((pause, index) => pauseMs(`pauses[${index}]`, pause))
  return new PauseSequence((index) => checked[index])
}

/** Schedules of pauses, for `retry` and `repeat`. */
export const schedule: {
  /** Returns a schedule with the same pause, in ms, each time. */
  readonly constant: typeof constant
  /** Returns a schedule whose pauses grow. */
  readonly exponential: typeof exponential
  /** Returns a schedule with these pauses, in ms, one after the other. */
  readonly list: typeof list
} = { constant, exponential, list }

/** Returns the schedule of an option: a schedule, or a constant pause in milliseconds. */
export function scheduleOf(field: string, value: unknown): Schedule {
  if (typeof value === 'number') {
    const pause = pauseMs(field, value)
    return new PauseSequence(() => pause)
  }
  if (typeof fieldOf(value, 'begin') === 'function') return value as Schedule
  throw new InvalidArgumentError(field, 'a schedule, or a pause in milliseconds', value)
}

/** Returns the next pause after checking it, because users may write schedules of their own. */
export function nextPause(pauses: Pauses): number | undefined {
  const pause = pauses.next()
  return pause === undefined ? undefined : pauseMs('the pause of a schedule', pause)
}
