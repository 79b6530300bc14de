import { integer, optionalCallable, options as checkOptions } from '../../internal/validate.ts'
import { BasePolicy, knownOptions } from '../pipeline/base-policy.ts'
import type { Call, Sink } from '../pipeline/call.ts'
import { Pause } from '../pipeline/pause.ts'
import { ifRejected } from '../../internal/thenable.ts'
import { nextPause, type Pauses, type Schedule, scheduleOf } from './schedule.ts'
import type { Scope } from '../pipeline/scope.ts'
import type { PolicyOptions } from '../pipeline/types.ts'

/** Options of {@link repeat}: at least one of `times`, `until` and a schedule that ends, or it goes on until it fails. */
export interface RepeatOptions extends PolicyOptions {
  /** How often the task is run in all, at least once. Default: no bound. */
  readonly times?: number
  /** Pauses between runs: a plan, which ends the repeating when it ends, or milliseconds. */
  readonly every: Schedule | number
  /** Ends the repeating when it is true of a value. */
  readonly until?: (value: unknown, attempt: number) => boolean
}

/** What a {@link Repeat} tells. */
export interface RepeatEvents {
  /** The last run succeeded. */
  readonly success: { readonly value: unknown; readonly attempts: number }
  readonly failure: { readonly error: unknown; readonly attempt: number }
  /** A run succeeded, and another will follow. */
  readonly repeat: { readonly value: unknown; readonly attempt: number; readonly delayMs: number }
}

/** What a {@link Repeat} has counted. */
export interface RepeatStats {
  readonly calls: number
  readonly runs: number
}

const EVENTS: readonly (keyof RepeatEvents)[] = ['success', 'failure', 'repeat']

/** Runs again what succeeded. Made by {@link repeat}. */
export class Repeat extends BasePolicy<RepeatEvents> {
  /** @internal */
  readonly times: number
  /** @internal */
  readonly every: Schedule
  /** @internal */
  readonly until: ((value: unknown, attempt: number) => boolean) | undefined
  /** @internal */
  readonly counts: { calls: number; runs: number } = { calls: 0, runs: 0 }

  /** @internal */
  constructor(options: RepeatOptions) {
    super('repeat', EVENTS, options)
    const { times } = options
    this.times = times === undefined ? Infinity : integer('options.times', 1, Number.MAX_SAFE_INTEGER, times)
    this.every = scheduleOf('options.every', options.every)
    this.until = optionalCallable('options.until', options.until)
  }

  /** What was counted since it was made. */
  get stats(): RepeatStats {
    return { ...this.counts }
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, _attempt: number, sink: Sink): void {
    this.counts.calls++
    new Frame(this, call, inside, scope, sink).resumed()
  }
}

/** One call with its runs. */
class Frame extends Pause implements Sink {
  readonly #policy: Repeat
  readonly #call: Call
  readonly #inside: number
  readonly #sink: Sink
  #attempt = 0
  #pauses: Pauses | undefined

  constructor(policy: Repeat, call: Call, inside: number, scope: Scope, sink: Sink) {
    super(scope)
    this.#policy = policy
    this.#call = call
    this.#inside = inside
    this.#sink = sink
  }

  resumed(): void {
    this.#attempt++
    this.#policy.counts.runs++
    this.#call.start(this.#inside, this.scope, this.#attempt, this)
  }

  abandoned(reason: unknown): void {
    this.#sink.failed(reason)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    if (policy.observed) policy.tell('failure', { error, attempt: this.#attempt })
    this.#sink.failed(error)
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    const attempt = this.#attempt
    let delayMs: number | undefined
    try {
      delayMs = this.#delay(value)
    } catch (error) {
      this.failed(error)
      return
    }
    if (delayMs !== undefined) {
      if (policy.observed) policy.tell('repeat', { value, attempt, delayMs })
      if (this.pause(policy.system.clock, delayMs)) return
    }
    if (policy.observed) policy.tell('success', { value, attempts: attempt })
    this.#sink.succeeded(value)
  }

  /** The pause before the next run; `undefined` when this was the last. What the user's functions throw fails the call. */
  #delay(value: unknown): number | undefined {
    const policy = this.#policy
    if (this.scope.isAborted || this.#attempt >= policy.times) return undefined
    const { until } = policy
    if (until !== undefined) {
      const answer: unknown = until(value, this.#attempt)
      if (answer === true) return undefined
      ifRejected(answer, (error) => policy.system.report(error, `until of ${policy.name}`))
    }
    this.#pauses ??= policy.every.begin(policy.system.random)
    return nextPause(this.#pauses)
  }
}

/**
 * Runs a task again as long as it succeeds, with pauses, and resolves with the last value. A failure ends it.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const polling = repeat({ every: 1000, until: (job) => job.done })
 * const job = await polling.execute(({ signal }) => api.job(id, { signal }))
 * ```
 */
export function repeat(options: RepeatOptions): Repeat {
  const given = checkOptions('options', options)
  knownOptions(given, ['times', 'every', 'until'])
  return new Repeat(given)
}
