/** The policy `timeout`. The effect operator of that name is separate: `effect/operators/timeout.ts` says why. */
import { limitOn } from '../clock/internal-timers.ts'
import type { TimerHandle } from '../clock/types.ts'
import { InvalidArgumentError, TimeoutError } from '../errors/errors.ts'
import { isAbortEcho } from '../internal/thrown-values.ts'
import { options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { AbortScope } from './pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from './pipeline/base-policy.ts'
import { bindContext } from './pipeline/bind-context.ts'
import { type PolicyCall, reportLate, type Sink } from './pipeline/call.ts'
import type { PolicyOptions } from './pipeline/types.ts'

/** The end of a call whose time is over. */
export type TimeoutStrategy =
  /** The call rejects at once, and the task's signal aborts. The task's own outcome no longer matters. */
  | 'aggressive'
  /** The task's signal aborts, and the call ends when the task does. */
  | 'cooperative'

/** Options of {@link timeout}. */
export interface TimeoutOptions extends PolicyOptions {
  /** The end of a call whose time is over. Default `'aggressive'`. */
  readonly strategy?: TimeoutStrategy
}

/** Events of a {@link TimeoutPolicy}, by name. */
export interface TimeoutEvents {
  /** The task succeeded within its time; under `'cooperative'`, also after it. */
  readonly success: { readonly value: unknown }
  /** The task failed before its call was over. */
  readonly failure: { readonly error: unknown }
  /** The time of a call is over. */
  readonly timeout: { readonly timeoutMs: number }
  /** A task ended after its call had been rejected; `error` is there if it failed. */
  readonly late: { readonly error?: unknown }
}

/** Counters of a {@link TimeoutPolicy} since its creation. */
export interface TimeoutStats extends MeasuredStats {
  /** Calls that resolved. */
  readonly succeeded: number
  /** Failures of the task, within its time. */
  readonly failed: number
  /** Calls whose time was over. */
  readonly timedOut: number
}

const EVENTS: readonly (keyof TimeoutEvents)[] = ['success', 'failure', 'timeout', 'late']

/** Bounds how long a call may take. Created by {@link timeout}. */
export class TimeoutPolicy extends BasePolicy<TimeoutEvents> {
  /** The time of each call, in milliseconds. */
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

  /** A snapshot of the counters. */
  get stats(): TimeoutStats {
    return { succeeded: this.succeeded, failed: this.failed, timedOut: this.timedOut, ...this.measured }
  }

  /** @internal */
  override get reading(): PolicyReading {
    const { failed, succeeded, timedOut } = this
    return { calls: succeeded + failed + timedOut, failures: failed + timedOut }
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    const frame = new TimeoutCall(this, scope, sink)
    call.start(next, frame, attempt, frame)
    frame.arm()
  }
}

/** One call under a timeout. It is also the scope of the policies inside, so that the timeout can abort them. */
class TimeoutCall extends AbortScope implements Sink {
  readonly #policy: TimeoutPolicy
  readonly #outer: AbortScope
  #sink: Sink | undefined
  #timer: TimerHandle | undefined
  #error: TimeoutError | undefined

  constructor(policy: TimeoutPolicy, outer: AbortScope, sink: Sink) {
    super(true)
    this.#policy = policy
    this.#outer = outer
    this.#sink = sink
  }

  /**
   * Arms the timer after the task was started: a task that ended at once needs none, which halves the cost of a
   * rejection.
   */
  arm(): void {
    if (this.#sink === undefined) return
    if (this.#outer.isAborted) {
      this.abort(this.#outer.reason)
      return
    }
    const { clock } = this.#policy.system
    const onTimer = bindContext(() => this.#timeIsUp())
    try {
      this.#timer = limitOn(clock, this.#policy.timeoutMs, this.#policy.name, onTimer)
    } catch (error) {
      // The clock is closed, so there will be no deadline; then there must be no work either.
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
      if (policy.isObserved) policy.emit('late', {})
      return
    }
    this.#end()
    policy.succeeded++
    if (policy.isObserved) policy.emit('success', { value })
    sink.succeeded(value)
  }

  failed(error: unknown): void {
    const sink = this.#sink
    const policy = this.#policy
    if (sink === undefined) {
      if (policy.isObserved) policy.emit('late', { error })
      reportLate(policy.system, this.reason, error)
      return
    }
    this.#end()
    const cause = this.#error !== undefined && isAbortEcho(error, this.#error) ? this.#error : error
    if (!this.isAborted) policy.failed++
    if (policy.isObserved) policy.emit('failure', { error: cause })
    sink.failed(cause)
  }

  override aborted(reason: unknown): void {
    this.#timer?.cancel()
    super.aborted(reason)
  }

  /**
   * Ends the call's time. Runs as a promise's reaction, after the clock's callback: the call may have ended meanwhile.
   */
  #timeIsUp(): void {
    const sink = this.#sink
    if (sink === undefined || this.isAborted) return
    const policy = this.#policy
    const error = new TimeoutError(policy.name === 'timeout' ? 'the call' : policy.name, policy.timeoutMs)
    this.#error = error
    policy.timedOut++
    if (policy.isObserved) policy.emit('timeout', { timeoutMs: policy.timeoutMs })
    if (policy.cooperative) {
      this.abort(error)
      return
    }
    this.#end()
    // Abort the inside first: an effect whose policy has ended would interrupt it without this error.
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
 * Creates a policy that bounds how long a call may take, on the system's clock. When the time is over the call rejects
 * with `TimeoutError` and the task's signal aborts. A later failure of the task goes to the system's `onError`, unless
 * it only says that the task was aborted.
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
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['strategy'])
  const { strategy } = settings
  if (strategy !== undefined && strategy !== 'aggressive' && strategy !== 'cooperative') {
    throw new InvalidArgumentError('options.strategy', "'aggressive' or 'cooperative'", strategy)
  }
  return new TimeoutPolicy(timeoutMs, settings)
}
