import { integer, options as checkOptions, positiveMillis } from '../../internal/validate.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { BasePolicy, knownOptions } from '../pipeline/base-policy.ts'
import type { Call, Sink } from '../pipeline/call.ts'
import type { BulkheadRefusal } from '../rejection-reasons.ts'
import { bulkheadRefused } from '../rejections.ts'
import { Places, Waiter } from './permits.ts'
import type { Scope } from '../pipeline/scope.ts'
import type { PolicyOptions } from '../pipeline/types.ts'

/** Options of {@link bulkhead}. */
export interface BulkheadOptions extends PolicyOptions {
  /** How many tasks may run at a time. */
  readonly limit: number
  /** How many calls may wait for a place. Default 0. */
  readonly queue?: number
  /** The longest wait, in milliseconds. Default: none. */
  readonly queueTimeoutMs?: number
}

/** What a {@link Bulkhead} tells. */
export interface BulkheadEvents {
  /** A call has to wait; `queued` counts it. */
  readonly queue: { readonly queued: number }
  /** A task begins; `active` counts it. */
  readonly start: { readonly active: number }
  readonly success: { readonly value: unknown }
  readonly failure: { readonly error: unknown }
  readonly reject: { readonly reason: BulkheadRefusal }
}

/** What a {@link Bulkhead} has counted, and what is in it. */
export interface BulkheadStats {
  /** Tasks that run, with those whose callers wait no more. */
  readonly active: number
  readonly queued: number
  readonly limit: number
  /** Tasks that were begun. */
  readonly started: number
  readonly rejected: number
}

const EVENTS: readonly (keyof BulkheadEvents)[] = ['queue', 'start', 'success', 'failure', 'reject']

/** Bounds how much runs at a time. Made by {@link bulkhead}. */
export class Bulkhead extends BasePolicy<BulkheadEvents> {
  /** @internal */
  readonly places: Places
  /** @internal */
  readonly queueTimeoutMs: number
  /** @internal */
  started = 0
  #rejected = 0
  #draining = false
  readonly #idle: (() => void)[] = []

  /** @internal */
  constructor(options: BulkheadOptions) {
    super('bulkhead', EVENTS, options)
    const { limit, queue = 0, queueTimeoutMs } = options
    this.places = new Places(
      integer('options.limit', 1, Number.MAX_SAFE_INTEGER, limit),
      integer('options.queue', 0, Number.MAX_SAFE_INTEGER, queue),
    )
    this.queueTimeoutMs =
      queueTimeoutMs === undefined ? Infinity : positiveMillis('options.queueTimeoutMs', queueTimeoutMs)
  }

  /** What was counted since it was made, and what is in it now. */
  get stats(): BulkheadStats {
    const { taken, queued, limit } = this.places
    return { active: taken, queued, limit, started: this.started, rejected: this.#rejected }
  }

  /** Rejects all calls that wait, oldest first, with `BulkheadRejectedError` (`'cleared'`). What runs goes on. */
  clear(): void {
    this.#empty('cleared')
  }

  /**
   * Takes no more work for good: rejects what waits and what comes, with `BulkheadRejectedError` (`'draining'`), and resolves
   * when what runs has ended.
   */
  drain(): Promise<void> {
    this.#draining = true
    this.#empty('draining')
    return this.whenIdle()
  }

  /** Resolves when nothing runs and nothing waits: at once, or the next time it is so. */
  whenIdle(): Promise<void> {
    if (this.places.taken === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  /** @internal */
  enter(call: Call, inside: number, scope: Scope, attempt: number, sink: Sink): void {
    if (this.#draining) sink.failed(this.refusal('draining'))
    else if (this.places.take()) new Running(this, sink).start(call, inside, scope, attempt)
    else if (this.places.isFull) sink.failed(this.refusal('full'))
    else new Queued(this, call, inside, scope, attempt, sink).wait()
  }

  /** @internal */
  refusal(reason: BulkheadRefusal): Error {
    this.#rejected++
    if (this.observed) this.tell('reject', { reason })
    return bulkheadRefused(this.name, reason)
  }

  /** @internal A task has ended. */
  release(): void {
    const next = this.places.release() as Queued | undefined
    if (next !== undefined) next.seated()
    else if (this.places.taken === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #empty(reason: BulkheadRefusal): void {
    // Only who waits now: an event's listener may queue more.
    for (let left = this.places.queued; left > 0; left--) (this.places.first as Queued | undefined)?.refuse(reason)
  }
}

/** A task that runs. Its place is free when it has ended, not when its caller waits no more. */
class Running implements Sink {
  readonly #policy: Bulkhead
  readonly #sink: Sink

  constructor(policy: Bulkhead, sink: Sink) {
    this.#policy = policy
    this.#sink = sink
  }

  start(call: Call, inside: number, scope: Scope, attempt: number): void {
    const policy = this.#policy
    policy.started++
    if (policy.observed) policy.tell('start', { active: policy.places.taken })
    call.start(inside, scope, attempt, this)
  }

  succeeded(value: unknown): void {
    const policy = this.#policy
    policy.release()
    if (policy.observed) policy.tell('success', { value })
    this.#sink.succeeded(value)
  }

  failed(error: unknown): void {
    const policy = this.#policy
    policy.release()
    if (policy.observed) policy.tell('failure', { error })
    this.#sink.failed(error)
  }
}

/** A call that waits for a place. */
class Queued extends Waiter {
  readonly #policy: Bulkhead
  readonly #call: Call
  readonly #inside: number
  readonly #scope: Scope
  readonly #attempt: number
  readonly #sink: Sink
  #wake: ((refusal: BulkheadRefusal | undefined) => void) | undefined
  #timer: TimerHandle | undefined
  #isOver = false
  /** A place became its own when it was given up already. */
  #giveBack = false

  constructor(policy: Bulkhead, call: Call, inside: number, scope: Scope, attempt: number, sink: Sink) {
    super()
    this.#policy = policy
    this.#call = call
    this.#inside = inside
    this.#scope = scope
    this.#attempt = attempt
    this.#sink = sink
  }

  wait(): void {
    const policy = this.#policy
    const { system, queueTimeoutMs } = policy
    if (queueTimeoutMs < Infinity) {
      try {
        this.#timer = limitOn(system.clock, queueTimeoutMs, policy.name, () => this.refuse('queue-timeout'))
      } catch (error) {
        this.#sink.failed(error)
        return
      }
    }
    policy.places.queue(this)
    this.#scope.enter(this)
    void new Promise<BulkheadRefusal | undefined>((resolve) => {
      this.#wake = resolve
    }).then((refusal) => this.#woken(refusal))
    if (policy.observed) policy.tell('queue', { queued: policy.places.queued })
  }

  /** A place is this call's, from now on. */
  seated(): void {
    this.#timer?.cancel()
    this.#wake?.(undefined)
  }

  /** It waits no more. */
  refuse(reason: BulkheadRefusal): void {
    if (!this.#policy.places.leave(this)) return
    this.#timer?.cancel()
    this.#wake?.(reason)
  }

  /** Given up, in the queue or between the gift of a place and its use. */
  aborted(reason: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    if (!this.#policy.places.leave(this)) this.#giveBack = true
    this.#sink.failed(reason)
  }

  #woken(refusal: BulkheadRefusal | undefined): void {
    const policy = this.#policy
    if (this.#isOver) {
      if (refusal === undefined && this.#giveBack) policy.release()
      return
    }
    this.#isOver = true
    this.#scope.leave(this)
    if (refusal === undefined) {
      new Running(policy, this.#sink).start(this.#call, this.#inside, this.#scope, this.#attempt)
    } else this.#sink.failed(policy.refusal(refusal))
  }
}

/**
 * Bounds how much runs at a time; what comes when it is full waits, first come first served, or is refused with
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
  const given = checkOptions('options', options)
  knownOptions(given, ['limit', 'queue', 'queueTimeoutMs'])
  return new Bulkhead(given)
}
