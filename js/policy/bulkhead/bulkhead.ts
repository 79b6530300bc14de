import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import { integer, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import type { AbortScope } from '../pipeline/abort-scope.ts'
import { assertPolicyOptions, BasePolicy, type MeasuredStats, type PolicyReading } from '../pipeline/base-policy.ts'
import type { PolicyCall, Sink } from '../pipeline/call.ts'
import type { PolicyOptions } from '../pipeline/types.ts'
import type { BulkheadRefusal } from '../rejection-reasons.ts'
import { bulkheadRejectedError } from '../rejections.ts'
import { Permits } from './permits.ts'
import { PermitWaiter } from './permit-queue.ts'

/** Options of {@link bulkhead}. */
export interface BulkheadOptions extends PolicyOptions {
  /** The most tasks that run at a time: an integer from 1. */
  readonly limit: number
  /** The most calls that wait for a permit: an integer from 0, or `Infinity`. Default 0. */
  readonly queue?: number
  /** The longest wait for a permit, in milliseconds, above 0. Default: no bound. */
  readonly queueTimeoutMs?: number
  /**
   * The priority of calls that wait: a finite number, or a function of the arguments of the wrapped function, or of
   * `fetch`. Higher priorities go first, then older calls. A call's own `priority` precedes it. What the function
   * throws, or a result that is no finite number, goes to the system's `onError`, and the priority is 0. Default 0.
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the function that is wrapped later decides their types
  readonly priority?: number | ((...args: any[]) => number)
}

/** Events of a {@link Bulkhead}, by name. */
export interface BulkheadEvents {
  /** A call has to wait. `queued` is the length of the queue, with this call. */
  readonly queue: { readonly queued: number }
  /** A task starts. `active` is the number of running tasks, with this one. */
  readonly start: { readonly active: number }
  /** A task succeeded. */
  readonly success: { readonly value: unknown }
  /** A task failed. */
  readonly failure: { readonly error: unknown }
  /** A call was rejected; its task was not run. */
  readonly reject: { readonly reason: BulkheadRefusal }
}

/** The state of a {@link Bulkhead}, and its counters since its creation. */
export interface BulkheadStats extends MeasuredStats {
  /** Running tasks, with those whose callers were answered already. */
  readonly active: number
  /** Calls that wait for a permit. */
  readonly queued: number
  /** The most tasks that run at a time. */
  readonly limit: number
  /** Tasks that were started. */
  readonly started: number
  /** Calls that were rejected. */
  readonly rejected: number
}

const EVENTS: readonly (keyof BulkheadEvents)[] = ['queue', 'start', 'success', 'failure', 'reject']

/** Bounds how many tasks run at a time. Created by {@link bulkhead}. */
export class Bulkhead extends BasePolicy<BulkheadEvents> {
  /** @internal */
  readonly permits: Permits
  /** @internal */
  readonly queueTimeoutMs: number
  /** @internal */
  started = 0
  readonly #priority: number | ((...args: never[]) => number)
  #rejected = 0
  #draining = false
  readonly #idleResolvers: (() => void)[] = []

  /** @internal */
  constructor(options: BulkheadOptions) {
    super('bulkhead', EVENTS, options)
    const { limit, queue = 0, queueTimeoutMs, priority = 0 } = options
    this.permits = new Permits(
      integer('options.limit', 1, Number.MAX_SAFE_INTEGER, limit),
      queue === Infinity ? Infinity : integer('options.queue', 0, Number.MAX_SAFE_INTEGER, queue),
    )
    if (typeof priority !== 'function' && !Number.isFinite(priority)) {
      throw new InvalidArgumentError('options.priority', 'a finite number, or a function that returns one', priority)
    }
    this.#priority = priority
    this.queueTimeoutMs =
      queueTimeoutMs === undefined ? Infinity : positiveMillis('options.queueTimeoutMs', queueTimeoutMs)
  }

  /** A snapshot of the state and the counters. */
  get stats(): BulkheadStats {
    const { inUse, queued, limit } = this.permits
    return { active: inUse, queued, limit, started: this.started, rejected: this.#rejected, ...this.measured }
  }

  /** @internal */
  override get isMade(): boolean {
    return (this.permits as Permits | undefined) !== undefined
  }

  /** @internal */
  override get reading(): PolicyReading {
    const { inUse: active, queued } = this.permits
    return { active, queued, calls: this.started + this.#rejected, rejected: this.#rejected }
  }

  /** True from {@link pause} until {@link resume}. */
  get isPaused(): boolean {
    return this.permits.isPaused
  }

  /**
   * Sets the most tasks that run at a time. Waiting calls start at once if it grows. If it shrinks, running tasks go on,
   * and the next call starts when fewer than `limit` run.
   *
   * @param limit - An integer from 1.
   * @throws InvalidArgumentError for any other value; nothing changes.
   */
  resize(limit: number): void {
    this.permits.resize(integer('limit', 1, Number.MAX_SAFE_INTEGER, limit))
    this.#grantPermits()
  }

  /**
   * Starts no more tasks until {@link resume}. Running tasks go on. New calls wait, if the queue has room; their
   * `queueTimeoutMs` and signals end their waits as ever.
   */
  pause(): void {
    this.permits.pause()
  }

  /** Ends a {@link pause}: waiting calls start, as far as there are permits. */
  resume(): void {
    this.permits.resume()
    this.#grantPermits()
  }

  /**
   * Rejects all waiting calls, in the order of the queue, with `BulkheadRejectedError` (`'cleared'`). Running tasks go
   * on.
   */
  clear(): void {
    this.#rejectQueued('cleared')
  }

  /**
   * Takes no more work, for good: rejects waiting and new calls with `BulkheadRejectedError` (`'draining'`). Resolves
   * when all running tasks have ended.
   */
  drain(): Promise<void> {
    this.#draining = true
    this.#rejectQueued('draining')
    return this.whenIdle()
  }

  /** Resolves when no task runs and no call waits: at once, or the next time that is so. */
  whenIdle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idleResolvers.push(resolve)
    })
  }

  /** @internal */
  enter(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): void {
    if (this.#enterNow(call, next, scope, attempt, sink)) return
    const priority = this.#priorityOf(call)
    // A function for the priority may have taken or freed what there was.
    if (typeof this.#priority === 'function' && this.#enterNow(call, next, scope, attempt, sink)) return
    new QueuedCall(this, call, next, scope, attempt, sink).wait(priority)
  }

  /** Starts or rejects a call that need not wait. Returns whether it was one. */
  #enterNow(call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink): boolean {
    if (this.#draining) sink.failed(this.rejection('draining'))
    else if (this.permits.tryAcquire()) new RunningTask(this, sink).start(call, next, scope, attempt)
    else if (this.permits.isFull) sink.failed(this.rejection('full'))
    else return false
    return true
  }

  /** @internal */
  rejection(reason: BulkheadRefusal): Error {
    this.#rejected++
    if (this.isObserved) this.emit('reject', { reason })
    return bulkheadRejectedError(this.name, reason)
  }

  /** @internal Releases the permit of a task that has ended. */
  release(): void {
    const waiter = this.permits.release() as QueuedCall | undefined
    if (waiter !== undefined) waiter.granted()
    else this.checkIdle()
  }

  /** @internal Resolves the promises of {@link whenIdle} if nothing runs or waits. */
  checkIdle(): void {
    if (this.#idleResolvers.length > 0 && this.#isIdle) for (const resolve of this.#idleResolvers.splice(0)) resolve()
  }

  /** Returns the priority of a call that has to wait. */
  #priorityOf(call: PolicyCall): number {
    if (call.priority !== undefined) return call.priority
    if (typeof this.#priority === 'number') return this.#priority
    try {
      const priority = this.#priority(...(call.args as never[])) as unknown
      if (Number.isFinite(priority)) return priority as number
      throw new InvalidArgumentError('the result of options.priority', 'a finite number', priority)
    } catch (error) {
      this.system.report(error, `priority of ${this.name}`)
      return 0
    }
  }

  get #isIdle(): boolean {
    return this.permits.inUse === 0 && this.permits.queued === 0
  }

  #grantPermits(): void {
    for (let waiter = this.permits.grant(); waiter !== undefined; waiter = this.permits.grant()) {
      ;(waiter as QueuedCall).granted()
    }
  }

  #rejectQueued(reason: BulkheadRefusal): void {
    // Only the calls that wait now: a listener of the event may queue more.
    for (let left = this.permits.queued; left > 0; left--)
      (this.permits.first as QueuedCall | undefined)?.reject(reason)
  }
}

/** A running task. It holds its permit until it ends, also when its caller was answered earlier. */
class RunningTask implements Sink {
  readonly #policy: Bulkhead
  readonly #sink: Sink

  constructor(policy: Bulkhead, sink: Sink) {
    this.#policy = policy
    this.#sink = sink
  }

  start(call: PolicyCall, next: number, scope: AbortScope, attempt: number): void {
    const policy = this.#policy
    policy.started++
    if (policy.isObserved) policy.emit('start', { active: policy.permits.inUse })
    call.start(next, scope, attempt, this)
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    policy.release()
    if (policy.isObserved) policy.emit('success', { value })
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    policy.release()
    if (policy.isObserved) policy.emit('failure', { error })
    this.#sink.failed(error)
  }
}

/** A call that waits for a permit. */
class QueuedCall extends PermitWaiter {
  readonly #policy: Bulkhead
  readonly #call: PolicyCall
  readonly #next: number
  readonly #scope: AbortScope
  readonly #attempt: number
  readonly #sink: Sink
  #settleWait: ((refusal: BulkheadRefusal | undefined) => void) | undefined
  #timer: TimerHandle | undefined
  #isSettled = false
  /** A permit was granted before the abort, and is not used. */
  #mustRelease = false

  constructor(policy: Bulkhead, call: PolicyCall, next: number, scope: AbortScope, attempt: number, sink: Sink) {
    super()
    this.#policy = policy
    this.#call = call
    this.#next = next
    this.#scope = scope
    this.#attempt = attempt
    this.#sink = sink
  }

  wait(priority: number): void {
    const policy = this.#policy
    const { system, queueTimeoutMs } = policy
    if (queueTimeoutMs < Infinity) {
      try {
        this.#timer = limitOn(system.clock, queueTimeoutMs, policy.name, () => this.reject('queue-timeout'))
      } catch (error) {
        this.#sink.failed(error)
        return
      }
    }
    policy.permits.enqueue(this, priority)
    this.#scope.enter(this)
    void new Promise<BulkheadRefusal | undefined>((resolve) => {
      this.#settleWait = resolve
    }).then((refusal) => this.#waitEnded(refusal))
    if (policy.isObserved) policy.emit('queue', { queued: policy.permits.queued })
  }

  /** The call owns a permit from now on. */
  granted(): void {
    this.#timer?.cancel()
    this.#settleWait?.(undefined)
  }

  /** Takes the call out of the queue and rejects it. */
  reject(reason: BulkheadRefusal): void {
    if (!this.#policy.permits.dequeue(this)) return
    this.#timer?.cancel()
    this.#settleWait?.(reason)
    this.#policy.checkIdle()
  }

  /** The call was aborted: in the queue, or after a permit was granted and before it was used. */
  aborted(reason: unknown): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#timer?.cancel()
    if (this.#policy.permits.dequeue(this)) this.#policy.checkIdle()
    else this.#mustRelease = true
    this.#sink.failed(reason)
  }

  #waitEnded(refusal: BulkheadRefusal | undefined): void {
    const policy = this.#policy
    if (this.#isSettled) {
      if (refusal === undefined && this.#mustRelease) policy.release()
      return
    }
    this.#isSettled = true
    this.#scope.leave(this)
    if (refusal === undefined) {
      new RunningTask(policy, this.#sink).start(this.#call, this.#next, this.#scope, this.#attempt)
    } else this.#sink.failed(policy.rejection(refusal))
  }
}

/**
 * Creates a policy that bounds how many tasks run at a time. A call that finds no free permit waits in the queue: higher
 * priorities first, then first come, first served. A call that finds the queue full, or waits too long, rejects with
 * `BulkheadRejectedError`.
 *
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const limited = bulkhead({ limit: 10, queue: 100, queueTimeoutMs: 250 })
 * const thumbnail = await limited.execute(() => resize(image))
 * ```
 */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  const settings = checkOptions('options', options)
  assertPolicyOptions(settings, ['limit', 'queue', 'queueTimeoutMs', 'priority'])
  return new Bulkhead(settings)
}
