import { options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { TimerHandle } from '../clock/types.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { TimeoutError } from '../errors/errors.ts'
import { BasePolicy, knownOptions } from './pipeline/base-policy.ts'
import { type Call, isEcho, reportLate, type Sink } from './pipeline/call.ts'
import { fromHere } from './pipeline/async-stack.ts'
import { Scope } from './pipeline/scope.ts'
import type { PolicyOptions } from './pipeline/types.ts'

/** What becomes of a call whose time is over. */
export type TimeoutStrategy =
  /** It rejects at once, and the task's signal aborts. What the task does later changes nothing. */
  | 'aggressive'
  /** The task's signal aborts, and the call ends when the task does. */
  | 'cooperative'

/** Options of {@link timeout}. */
export interface TimeoutOptions extends PolicyOptions {
  /** Default `'aggressive'`. */
  readonly strategy?: TimeoutStrategy
}

/** What a {@link TimeoutPolicy} tells. */
export interface TimeoutEvents {
  readonly success: { readonly value: unknown }
  readonly failure: { readonly error: unknown }
  /** The time of a call is over. */
  readonly timeout: { readonly timeoutMs: number }
  /** A task ended after its call had been rejected; `error` is there if it failed. */
  readonly late: { readonly error?: unknown }
}

/** What a {@link TimeoutPolicy} has counted. */
export interface TimeoutStats {
  readonly succeeded: number
  /** Failures of the task, within its time. */
  readonly failed: number
  readonly timedOut: number
}

const EVENTS: readonly (keyof TimeoutEvents)[] = ['success', 'failure', 'timeout', 'late']

/** Gives work a time. Made by {@link timeout}. */
export class TimeoutPolicy extends BasePolicy<TimeoutEvents> {
  /** The time, in milliseconds. */
  readonly timeoutMs: number
  /** @internal */
  readonly cooperative: boolean
  /** @internal */
  succeeded = 0
  /** @internal */
  failed = 0
  /** @internal */
  timedOut = 0

  /** @internal */
  constructor(timeoutMs: number, options: TimeoutOptions) {
    super('timeout', EVENTS, options)
    this.timeoutMs = timeoutMs
    this.cooperative = options.strategy === 'cooperative'
  }

  /** What was counted since it was made. */
  get stats(): TimeoutStats {
    return { succeeded: this.succeeded, failed: this.failed, timedOut: this.timedOut }
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    const frame = new Frame(this, scope, sink)
    call.start(inside, frame, attempt, frame)
    frame.arm()
  }
}

/** One call under a timeout: the scope of what is inside, too. */
class Frame extends Scope implements Sink {
  readonly #policy: TimeoutPolicy
  readonly #outer: Scope
  #sink: Sink | undefined
  #timer: TimerHandle | undefined
  #error: TimeoutError | undefined

  constructor(policy: TimeoutPolicy, outer: Scope, sink: Sink) {
    super(true)
    this.#policy = policy
    this.#outer = outer
    this.#sink = sink
  }

  /** Starts the time, once what is inside waits for something: what ended at once needs none, and a refusal costs half. */
  arm(): void {
    if (this.#sink === undefined) return
    if (this.#outer.isAborted) {
      this.abort(this.#outer.reason)
      return
    }
    const { clock } = this.#policy.system
    const ring = fromHere(() => this.#over())
    try {
      this.#timer = limitOn(clock, this.#policy.timeoutMs, this.#policy.name, ring)
    } catch (error) {
      // The clock is closed: there will be no deadline, so there is to be no work.
      const sink = this.#sink as Sink
      this.#end()
      sink.failed(error)
      this.abort(error)
      return
    }
    this.#outer.enter(this)
  }

  succeeded(value: unknown): void {
    const sink = this.#sink
    const policy = this.#policy
    if (sink === undefined) {
      if (policy.observed) policy.tell('late', {})
      return
    }
    this.#end()
    policy.succeeded++
    if (policy.observed) policy.tell('success', { value })
    sink.succeeded(value)
  }

  failed(error: unknown): void {
    const sink = this.#sink
    const policy = this.#policy
    if (sink === undefined) {
      if (policy.observed) policy.tell('late', { error })
      reportLate(policy.system, this.reason, error)
      return
    }
    this.#end()
    const why = this.#error !== undefined && isEcho(error, this.#error) ? this.#error : error
    if (!this.isAborted) policy.failed++
    if (policy.observed) policy.tell('failure', { error: why })
    sink.failed(why)
  }

  override aborted(reason: unknown): void {
    this.#timer?.cancel()
    super.aborted(reason)
  }

  /** Runs as a promise's reaction, after the clock's callback, so the call may have ended meanwhile. */
  #over(): void {
    const sink = this.#sink
    if (sink === undefined || this.isAborted) return
    const policy = this.#policy
    const error = new TimeoutError(policy.name === 'timeout' ? 'the call' : policy.name, policy.timeoutMs)
    this.#error = error
    policy.timedOut++
    if (policy.observed) policy.tell('timeout', { timeoutMs: policy.timeoutMs })
    if (policy.cooperative) {
      this.abort(error)
      return
    }
    this.#end()
    // First what is inside: an effect whose policy has ended would stop it too, and not say why.
    this.abort(error)
    sink.failed(error)
  }

  #end(): void {
    this.#sink = undefined
    this.#timer?.cancel()
    this.#outer.leave(this)
  }
}

/**
 * Gives work a time, on the system's clock. When it is over the call rejects with `TimeoutError`, the task's signal
 * aborts, and a later failure of the task goes to the system's `onError`, unless it only says that it was aborted.
 *
 * @param ms - The time, in milliseconds, above zero.
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const page = await timeout(500).execute(({ signal }) => fetch(url, { signal }))
 * ```
 */
export function timeout(ms: number, options?: TimeoutOptions): TimeoutPolicy {
  const timeoutMs = positiveMillis('ms', ms)
  const given = checkOptions('options', options)
  knownOptions(given, ['strategy'])
  const { strategy } = given
  if (strategy !== undefined && strategy !== 'aggressive' && strategy !== 'cooperative') {
    throw new InvalidArgumentError('options.strategy', "'aggressive' or 'cooperative'", strategy)
  }
  return new TimeoutPolicy(timeoutMs, given)
}
