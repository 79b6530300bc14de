/** Once more: after a failure, after a success, on a cadence. Each run is a child, so that what it opened is closed before the next. */
import {
  finite,
  integer,
  known,
  MAX_DURATION_MS,
  millis,
  optionalCallable,
  options as checkOptions,
  positiveMillis,
} from '../../internal/validate.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { type EffectEmit, tell } from '../events.ts'
import { type Enter, type Fiber, Frame } from '../fiber/fiber.ts'
import { ENTER, ERR, type ExitKind, FLAT_MAP, OK, Op } from '../fiber/op.ts'
import { budgetOf, type RetryBudget } from '../../policy/retry/budget.ts'
import { Exponential, growth, nextPause, type Pauses, type Schedule, scheduleOf } from '../../policy/retry/schedule.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { childOp } from './resources.ts'
import { sleepOp } from './waits.ts'

/** How often and when to try again. A policy of `retry()` can do more: see `withPolicy`. */
export interface RetryPolicy<E = unknown> {
  /** How many times in all: an integer from 1, or `Infinity`. */
  readonly maxAttempts: number
  /** Pauses between attempts: a plan of `schedule`, or milliseconds. Instead of the next four. */
  readonly backoff?: Schedule | number
  /** The pause after the first failure, in milliseconds. Default 0. */
  readonly baseDelayMs?: number
  /** The longest pause, in milliseconds, before jitter. Default: that before the last attempt. */
  readonly maxDelayMs?: number
  /** What each pause is multiplied by for the next, at least 1. Default 2. */
  readonly backoffFactor?: number
  /** Spreads pauses by up to this many percent either way, from the system's random source; 0 to 100. Default 0. */
  readonly jitter?: number
  /** Whether a failure is worth another attempt. Default: each is. */
  readonly when?: (error: E, attempt: number) => boolean
  /** What further attempts are taken from. Default: there is no budget. */
  readonly budget?: RetryBudget
}

/** How often and when to run again after a success. */
export interface RepeatPolicy<A = unknown> {
  /** How many times in all: an integer from 1, or `Infinity`. Default `Infinity`. */
  readonly times?: number
  /** Pauses between runs: a plan of `schedule`, which ends the repeating when it ends, or milliseconds. Default 0. */
  readonly every?: Schedule | number
  /** Ends the repeating when it is true of a value. */
  readonly until?: (value: A, runs: number) => boolean
}

/** On which cadence to run. */
export interface SchedulePolicy<A = unknown> {
  /** From one start to the next, in milliseconds. A run that takes longer skips the starts it has missed. */
  readonly everyMs: number
  /** How many times in all: an integer from 1, or `Infinity`. Default `Infinity`. */
  readonly times?: number
  /** Before the first start, in milliseconds. Default 0. */
  readonly initialDelayMs?: number
  /** Ends it when it is true of a value. */
  readonly until?: (value: A, runs: number) => boolean
}

/** The answer of a function of the user's. A promise is no answer, and what it rejects with is not lost. */
function heard(fiber: Fiber, what: string, answer: unknown): unknown {
  if (typeof answer !== 'boolean') ifRejected(answer, (error) => fiber.report(error, `${what} of a policy`))
  return answer
}

const after = (ms: number, next: Op): Op => (ms <= 0 ? next : new Op(FLAT_MAP, sleepOp(ms), (): Op => next, undefined))

interface Terms {
  readonly maxAttempts: number
  readonly backoff: Schedule
  readonly when: ((error: never, attempt: number) => boolean) | undefined
  readonly budget: RetryBudget | undefined
}

class Retry extends Frame {
  readonly #run: Op
  readonly #terms: Terms
  readonly #emit: EffectEmit | undefined
  readonly #effectId: string
  #pauses: Pauses | undefined
  #attempt = 1

  constructor(run: Op, terms: Terms, emit: EffectEmit | undefined, effectId: string) {
    super()
    this.#run = run
    this.#terms = terms
    this.#emit = emit
    this.#effectId = effectId
    terms.budget?.deposit()
  }

  begin(fiber: Fiber): Op {
    const { maxAttempts } = this.#terms
    tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:attempt', attempt: this.#attempt, maxAttempts })
    fiber.push(this)
    return this.#run
  }

  exit(fiber: Fiber, kind: ExitKind, error: unknown): Op | undefined {
    const attempt = this.#attempt
    if (kind === OK) tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:success', attempt })
    if (kind !== ERR) return undefined
    const delayMs = this.#pause(fiber, error)
    if (delayMs === undefined) {
      tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:exhausted', attempts: attempt })
      return undefined
    }
    this.#attempt++
    tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:delay', attempt, delayMs })
    return after(delayMs, new Op(ENTER, undefined, (again: Fiber) => this.begin(again), undefined))
  }

  /** The pause before the next attempt; undefined when there is to be none. */
  #pause(fiber: Fiber, error: unknown): number | undefined {
    const { maxAttempts, backoff, when, budget } = this.#terms
    if (this.#attempt >= maxAttempts) return undefined
    if (when !== undefined && heard(fiber, 'when', when(error as never, this.#attempt)) === false) return undefined
    this.#pauses ??= backoff.begin(fiber.host.system.random)
    const delayMs = nextPause(this.#pauses)
    if (delayMs !== undefined && budget?.withdraw(fiber.clock.monoMs()) === false) return undefined
    return delayMs
  }
}

/** Tries again after failures. */
export function retrying(source: Op, policy: RetryPolicy, emit: EffectEmit | undefined): Enter {
  const given = checkOptions('policy', policy)
  known('policy', given, ['maxAttempts', 'backoff', ...Object.keys(NUMBERS), 'when', 'budget'])
  const maxAttempts = times('policy.maxAttempts', given.maxAttempts)
  const terms: Terms = {
    maxAttempts,
    backoff: backoffOf(given, maxAttempts),
    when: optionalCallable('policy.when', given.when),
    budget: budgetOf('policy.budget', given.budget),
  }
  const run = childOp(source, 'an attempt')
  return (fiber) => {
    const effectId = emit === undefined ? '' : `effect-${fiber.host.nextId()}`
    return new Retry(run, terms, emit, effectId).begin(fiber)
  }
}

/** Numbers that describe a plan of pauses, and their defaults. */
const NUMBERS = { baseDelayMs: 0, maxDelayMs: undefined, backoffFactor: 2, jitter: 0 } as const

function backoffOf(given: RetryPolicy, maxAttempts: number): Schedule {
  const name = Object.keys(NUMBERS).find((number) => given[number as keyof typeof NUMBERS] !== undefined)
  if (given.backoff !== undefined && name !== undefined) {
    throw new InvalidArgumentError(`policy.${name}`, 'left out beside policy.backoff', given[name as 'jitter'])
  }
  if (name === undefined) return scheduleOf('policy.backoff', given.backoff === undefined ? 0 : given.backoff)
  const { baseDelayMs, backoffFactor, jitter, maxDelayMs } = { ...NUMBERS, ...given }
  const initialMs = duration('policy.baseDelayMs', baseDelayMs)
  const factor = growth('policy.backoffFactor', backoffFactor)
  if (finite('policy.jitter', jitter) < 0 || jitter > 100) {
    throw new InvalidArgumentError('policy.jitter', 'a percentage from 0 to 100', jitter)
  }
  const last = initialMs === 0 ? 0 : Math.min(initialMs * factor ** (maxAttempts - 1), MAX_DURATION_MS)
  const maxMs = maxDelayMs === undefined ? last : duration('policy.maxDelayMs', maxDelayMs)
  return new Exponential({ initialMs, factor, maxMs, jitter, times: Infinity })
}

/** The pause before the next run; undefined when there is to be none. */
type NextPause = (fiber: Fiber) => number | undefined
type Until = (value: never, runs: number) => boolean

class Repeat extends Frame {
  readonly #run: Op
  readonly #times: number
  readonly #until: Until | undefined
  readonly #pause: NextPause
  #runs = 0

  constructor(run: Op, limit: number, until: Until | undefined, pause: NextPause) {
    super()
    this.#run = run
    this.#times = limit
    this.#until = until
    this.#pause = pause
  }

  begin(fiber: Fiber): Op {
    fiber.push(this)
    return this.#run
  }

  exit(fiber: Fiber, kind: ExitKind, value: unknown): Op | undefined {
    if (kind !== OK) return undefined
    const runs = ++this.#runs
    if (runs >= this.#times) return undefined
    if (this.#until !== undefined && heard(fiber, 'until', this.#until(value as never, runs)) === true) return undefined
    const pause = this.#pause(fiber)
    if (pause === undefined) return undefined
    return after(pause, new Op(ENTER, undefined, (again: Fiber) => this.begin(again), undefined))
  }
}

/** Runs again after each success. */
export function repeating(source: Op, policy: RepeatPolicy | number): Enter {
  const given = typeof policy === 'number' ? { times: policy } : checkOptions('policy', policy)
  known('policy', given, ['times', 'every', 'until'])
  const limit = times('policy.times', given.times === undefined ? Infinity : given.times)
  const plan = scheduleOf('policy.every', given.every === undefined ? 0 : given.every)
  const until = optionalCallable<Until>('policy.until', given.until)
  const run = childOp(source, 'a run of repeat')
  return (fiber) => {
    let pauses: Pauses | undefined
    const pause = ({ host }: Fiber): number | undefined => nextPause((pauses ??= plan.begin(host.system.random)))
    return new Repeat(run, limit, until, pause).begin(fiber)
  }
}

/** Runs on a cadence that does not drift. */
export function scheduled(source: Op, policy: SchedulePolicy): Enter {
  const given = checkOptions('policy', policy)
  known('policy', given, ['everyMs', 'times', 'initialDelayMs', 'until'])
  const everyMs = positiveMillis('policy.everyMs', given.everyMs)
  const limit = times('policy.times', given.times === undefined ? Infinity : given.times)
  const initialDelayMs = duration(
    'policy.initialDelayMs',
    given.initialDelayMs === undefined ? 0 : given.initialDelayMs,
  )
  const until = optionalCallable<Until>('policy.until', given.until)
  const run = childOp(source, 'a run of schedule')
  return (fiber) => {
    const startMs = fiber.clock.monoMs() + initialDelayMs
    const pause = (at: Fiber): number => {
      const now = at.clock.monoMs()
      const next = startMs + (Math.floor((now - startMs) / everyMs) + 1) * everyMs
      return next - now
    }
    const repeat = new Repeat(run, limit, until, pause)
    return after(initialDelayMs, new Op(ENTER, undefined, (again: Fiber) => repeat.begin(again), undefined))
  }
}

const times = (field: string, value: unknown): number =>
  value === Infinity ? Infinity : integer(field, 1, Number.MAX_SAFE_INTEGER, value)

/** A duration that is not negative. */
export function duration(field: string, value: unknown): number {
  const ms = millis(field, value)
  if (ms < 0) throw new InvalidArgumentError(field, 'zero or more milliseconds', value)
  return ms
}
