/** Once more: after a failure, after a success, on a cadence. Each run is a child, so that what it opened is closed before the next. */
import { callable, finite, integer, known, MAX_DURATION_MS, millis, options as checkOptions } from '../arguments.ts'
import { InvalidArgumentError } from '../errors.ts'
import { type EffectEmit, tell } from './events.ts'
import { type Enter, type Fiber, Frame } from './fiber.ts'
import { ENTER, ERR, type ExitKind, FLAT_MAP, OK, Op } from './op.ts'
import { childOp } from './regions.ts'
import { sleepOp } from './waits.ts'

/** How often and when to try again. */
export interface RetryPolicy<E = unknown> {
  /** How many times in all: an integer from 1, or `Infinity`. */
  readonly maxAttempts: number
  /** The pause after the first failure, in milliseconds. Default 0. */
  readonly baseDelayMs?: number
  /** The longest pause. Default: that before the last attempt. */
  readonly maxDelayMs?: number
  /** What each pause is multiplied by for the next. Default 2. */
  readonly backoffFactor?: number
  /** Spreads pauses by up to this many percent either way, from the system's random source; 0 to 100. Default 0. */
  readonly jitter?: number
  /** Whether a failure is worth another attempt. Default: each is. */
  readonly while?: (error: E, attempt: number) => boolean
}

/** How often and when to run again after a success. */
export interface RepeatPolicy<A = unknown> {
  /** How many times in all: an integer from 1, or `Infinity`. Default `Infinity`. */
  readonly times?: number
  /** The pause between, in milliseconds. Default 0. */
  readonly delayMs?: number
  /** Whether to go on, after each run. Default: always. */
  readonly while?: (value: A, runs: number) => boolean
}

/** On which cadence to run. */
export interface Schedule<A = unknown> {
  /** From one start to the next, in milliseconds. A run that takes longer skips the starts it has missed. */
  readonly everyMs: number
  /** How many times in all: an integer from 1, or `Infinity`. Default `Infinity`. */
  readonly times?: number
  /** Before the first start, in milliseconds. Default 0. */
  readonly initialDelayMs?: number
  /** Whether to go on, after each run. Default: always. */
  readonly while?: (value: A, runs: number) => boolean
}

const after = (ms: number, next: Op): Op => (ms <= 0 ? next : new Op(FLAT_MAP, sleepOp(ms), (): Op => next, undefined))

interface Pauses {
  readonly maxAttempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly backoffFactor: number
  readonly jitter: number
  readonly while: ((error: never, attempt: number) => boolean) | undefined
}

class Retry extends Frame {
  readonly #run: Op
  readonly #policy: Pauses
  readonly #emit: EffectEmit | undefined
  readonly #effectId: string
  #attempt = 1

  constructor(run: Op, policy: Pauses, emit: EffectEmit | undefined, effectId: string) {
    super()
    this.#run = run
    this.#policy = policy
    this.#emit = emit
    this.#effectId = effectId
  }

  begin(fiber: Fiber): Op {
    const { maxAttempts } = this.#policy
    tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:attempt', attempt: this.#attempt, maxAttempts })
    fiber.push(this)
    return this.#run
  }

  exit(fiber: Fiber, kind: ExitKind, error: unknown): Op | undefined {
    const attempt = this.#attempt
    if (kind === OK) tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:success', attempt })
    if (kind !== ERR) return undefined
    const { maxAttempts } = this.#policy
    const wanted = this.#policy.while === undefined || this.#policy.while(error as never, attempt)
    if (attempt >= maxAttempts || !wanted) {
      tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:exhausted', attempts: attempt })
      return undefined
    }
    this.#attempt++
    const delayMs = this.#pause(fiber, attempt)
    tell(this.#emit, fiber, this.#effectId, { type: 'effect:retry:delay', attempt, delayMs })
    return after(delayMs, new Op(ENTER, undefined, (again: Fiber) => this.begin(again), undefined))
  }

  #pause(fiber: Fiber, attempt: number): number {
    const { baseDelayMs, backoffFactor, maxDelayMs, jitter } = this.#policy
    const pause = baseDelayMs === 0 ? 0 : Math.min(baseDelayMs * backoffFactor ** (attempt - 1), maxDelayMs)
    if (jitter === 0 || pause === 0) return pause
    return pause * (1 + (jitter / 100) * (2 * fiber.host.system.random.next() - 1))
  }
}

/** Tries again after failures. */
export function retrying(source: Op, policy: RetryPolicy, emit: EffectEmit | undefined): Enter {
  const given = checkOptions('policy', policy)
  known('policy', given, ['maxAttempts', 'baseDelayMs', 'maxDelayMs', 'backoffFactor', 'jitter', 'while'])
  const maxAttempts = times('policy.maxAttempts', given.maxAttempts)
  const baseDelayMs = duration('policy.baseDelayMs', given.baseDelayMs ?? 0)
  const backoffFactor = finite('policy.backoffFactor', given.backoffFactor ?? 2)
  if (backoffFactor < 0) throw new InvalidArgumentError('policy.backoffFactor', 'zero or more', backoffFactor)
  const longest = Math.min(baseDelayMs * backoffFactor ** Math.max(maxAttempts - 1, 0), MAX_DURATION_MS)
  const maxDelayMs = duration('policy.maxDelayMs', given.maxDelayMs ?? (Number.isNaN(longest) ? baseDelayMs : longest))
  const jitter = finite('policy.jitter', given.jitter ?? 0)
  if (jitter < 0 || jitter > 100) throw new InvalidArgumentError('policy.jitter', 'a percentage from 0 to 100', jitter)
  const goOn = given.while === undefined ? undefined : callable<(error: never) => boolean>('policy.while', given.while)
  const pauses: Pauses = { maxAttempts, baseDelayMs, maxDelayMs, backoffFactor, jitter, while: goOn }
  const run = childOp(source, 'an attempt')
  return (fiber) => {
    const effectId = emit === undefined ? '' : `effect-${fiber.host.nextId()}`
    return new Retry(run, pauses, emit, effectId).begin(fiber)
  }
}

class Repeat extends Frame {
  readonly #run: Op
  readonly #times: number
  readonly #goOn: ((value: never, runs: number) => boolean) | undefined
  /** The pause before the next run. */
  readonly #pause: (fiber: Fiber) => number
  #runs = 0

  constructor(
    run: Op,
    limit: number,
    goOn: ((value: never, runs: number) => boolean) | undefined,
    pause: (fiber: Fiber) => number,
  ) {
    super()
    this.#run = run
    this.#times = limit
    this.#goOn = goOn
    this.#pause = pause
  }

  begin(fiber: Fiber): Op {
    fiber.push(this)
    return this.#run
  }

  exit(fiber: Fiber, kind: ExitKind, value: unknown): Op | undefined {
    if (kind !== OK) return undefined
    const runs = ++this.#runs
    if (runs >= this.#times || (this.#goOn !== undefined && !this.#goOn(value as never, runs))) return undefined
    return after(this.#pause(fiber), new Op(ENTER, undefined, (again: Fiber) => this.begin(again), undefined))
  }
}

/** Runs again after each success. */
export function repeating(source: Op, policy: RepeatPolicy | number): Enter {
  const given = typeof policy === 'number' ? { times: policy } : checkOptions('policy', policy)
  known('policy', given, ['times', 'delayMs', 'while'])
  const limit = times('policy.times', given.times ?? Infinity)
  const delayMs = duration('policy.delayMs', given.delayMs ?? 0)
  const goOn = given.while === undefined ? undefined : callable<(value: never) => boolean>('policy.while', given.while)
  const run = childOp(source, 'a run of repeat')
  return (fiber) => new Repeat(run, limit, goOn, () => delayMs).begin(fiber)
}

/** Runs on a cadence that does not drift. */
export function scheduled(source: Op, schedule: Schedule): Enter {
  const given = checkOptions('schedule', schedule)
  known('schedule', given, ['everyMs', 'times', 'initialDelayMs', 'while'])
  const everyMs = duration('schedule.everyMs', given.everyMs)
  if (everyMs === 0) throw new InvalidArgumentError('schedule.everyMs', 'above zero', everyMs)
  const limit = times('schedule.times', given.times ?? Infinity)
  const initialDelayMs = duration('schedule.initialDelayMs', given.initialDelayMs ?? 0)
  const goOn =
    given.while === undefined ? undefined : callable<(value: never) => boolean>('schedule.while', given.while)
  const run = childOp(source, 'a run of schedule')
  return (fiber) => {
    const startMs = fiber.clock.monoMs() + initialDelayMs
    const pause = (at: Fiber): number => {
      const now = at.clock.monoMs()
      const next = startMs + (Math.floor((now - startMs) / everyMs) + 1) * everyMs
      return next - now
    }
    const repeat = new Repeat(run, limit, goOn, pause)
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
