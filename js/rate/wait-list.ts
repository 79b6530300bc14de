/**
 * The JavaScript half of those who wait for limiters: their promises, their signals, and one timer for all limiters of a
 * system. The core decides who is admitted when.
 */
import { pauseOn } from '../clock/internal-timers.ts'
import type { TimerHandle } from '../clock/types.ts'
import { ClosedError } from '../errors/errors.ts'
import { nothing, whenAborted } from '../internal/abort-hub.ts'
import { hot, scratch } from '../native.ts'
import { NONE } from '../protocol/lane.ts'
import * as protocol from '../protocol/rate.ts'
import type { System } from '../system/system.ts'
import { answersOf, wholeMs } from './answer.ts'
import { RateLimitExceededError, RateLimitQueueFullError } from './errors.ts'
import type { RateLimitResult } from './types.ts'

/** A limiter, as far as those who wait for it use it. */
export interface AwaitedLimiter {
  /** The most that a key can take at once. */
  readonly limit: number
  /** The handle of the limiter. */
  readonly core: number
  /** The calls that wait for one of its keys. */
  readonly waiters: Set<LimiterWaiter>
}

/** A wait: for a cost of the same key of one or several limiters. */
export interface WaitRequest {
  readonly limiters: readonly AwaitedLimiter[]
  /** The slots of the key in the limiters. */
  readonly slots: readonly number[]
  readonly key: string
  readonly cost: number
  readonly maxWaitMs: number
  readonly signal: AbortSignal | undefined
}

/** A call that waits. */
export class LimiterWaiter {
  readonly limiters: readonly AwaitedLimiter[]
  readonly key: string
  id: number = NONE
  stopListening: () => void = nothing
  readonly #resolve: (results: RateLimitResult[]) => void
  readonly #reject: (error: unknown) => void

  constructor(request: WaitRequest, resolve: (results: RateLimitResult[]) => void, reject: (error: unknown) => void) {
    this.limiters = request.limiters
    this.key = request.key
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Resolves the call with the answers in the scratch memory. */
  admitted(): void {
    this.#resolve(answersOf(this.limiters))
  }

  /** Rejects the call. */
  failed(error: unknown): void {
    this.#reject(error)
  }
}

/** Writes the places of a call to the scratch memory. */
export function writePlaces(limiters: readonly { readonly core: number }[], slots: readonly number[]): void {
  let cell = protocol.PLACE_CELLS
  for (const [index, { core }] of limiters.entries()) {
    scratch[cell++] = core
    scratch[cell++] = slots[index] as number
  }
}

/** Those who wait for limiters of one system. It holds an object of the core only while somebody waits. */
class WaitList {
  readonly #system: System
  readonly #waiters = new Map<number, LimiterWaiter>()
  #handle: number = NONE
  #timer: TimerHandle | undefined
  #timerAt = NONE
  #isHeld = false

  constructor(system: System) {
    this.#system = system
  }

  /**
   * Resolves with the answers of the limiters once all of them admit the cost. Rejects at once when that is too late, or
   * too many wait.
   */
  wait(request: WaitRequest): Promise<RateLimitResult[]> {
    return new Promise((resolve, reject) => {
      const waiter = new LimiterWaiter(request, resolve, reject)
      if (request.signal?.aborted === true) {
        reject(request.signal.reason)
        return
      }
      this.serve()
      if (this.#handle < 0) this.#handle = hot.rateWaitOpen()
      try {
        this.#join(waiter, request)
      } catch (error) {
        this.#leave(waiter)
        reject(error)
      }
    })
  }

  /** Ends the waits that end now. Afterwards the verdicts of keys that others wait for are exact. */
  serve(): void {
    if (this.#handle < 0 || this.#isHeld) return
    const now = this.#system.clock.monoMs()
    for (;;) {
      const id = hot.rateWaitServe(this.#handle, now)
      if (id < 0) break
      const waiter = this.#waiters.get(id)
      if (waiter === undefined) continue
      this.#forget(waiter)
      if (scratch[protocol.ENDED_ADMITTED] === 1) waiter.admitted()
      else waiter.failed(new RateLimitExceededError(waiter.key, wholeMs(scratch[protocol.ENDED_RETRY] as number)))
    }
    this.#arm(now)
  }

  /** Changes quotas of several limiters, and serves those who wait only when all are changed. */
  together(change: () => void): void {
    this.#isHeld = true
    try {
      change()
    } finally {
      this.#isHeld = false
      this.serve()
    }
  }

  /** Takes into account that the quota of a key was changed. */
  recheck(limiter: AwaitedLimiter, slot: number): void {
    if (this.#handle < 0) return
    hot.rateWaitRecheck(this.#handle, limiter.core, slot, this.#system.clock.monoMs())
    this.serve()
  }

  /** Rejects all who wait for a limiter that is about to be closed. */
  close(limiter: AwaitedLimiter): void {
    for (const waiter of limiter.waiters) {
      this.#leave(waiter)
      waiter.failed(new ClosedError('the rate limiter'))
    }
  }

  #join(waiter: LimiterWaiter, { limiters, slots, key, cost, maxWaitMs, signal }: WaitRequest): void {
    const now = this.#system.clock.monoMs()
    writePlaces(limiters, slots)
    const code = hot.rateWaitJoin(this.#handle, limiters.length, cost, maxWaitMs, now)
    if (code === protocol.JOIN_WAITS) {
      waiter.id = scratch[protocol.JOINED_ID] as number
      this.#waiters.set(waiter.id, waiter)
      for (const limiter of limiters) limiter.waiters.add(waiter)
      waiter.stopListening = whenAborted(signal, (reason) => {
        this.#leave(waiter)
        waiter.failed(reason)
      })
    } else if (code === protocol.JOIN_ADMITTED) {
      waiter.admitted()
    } else if (code === protocol.JOIN_LATE) {
      waiter.failed(new RateLimitExceededError(key, wholeMs(scratch[protocol.JOINED_RETRY] as number)))
    } else if (code === protocol.JOIN_FULL) {
      waiter.failed(new RateLimitQueueFullError(key))
    } else {
      throw new ClosedError('the rate limiter')
    }
    this.#arm(now)
  }

  #leave(waiter: LimiterWaiter): void {
    if (waiter.id >= 0) hot.rateWaitCancel(this.#handle, waiter.id, this.#system.clock.monoMs())
    this.#forget(waiter)
    this.#arm(this.#system.clock.monoMs())
  }

  #forget(waiter: LimiterWaiter): void {
    this.#waiters.delete(waiter.id)
    waiter.stopListening()
    for (const limiter of waiter.limiters) limiter.waiters.delete(waiter)
  }

  /** Sets the timer to the next end of a wait, or closes the list when nobody waits. */
  #arm(now: number): void {
    if (this.#handle < 0) return
    if (this.#waiters.size === 0) {
      this.#stopTimer()
      hot.rateWaitClose(this.#handle)
      this.#handle = NONE
      return
    }
    const next = hot.rateWaitNext(this.#handle)
    const at = now + next
    if (this.#timer !== undefined && at === this.#timerAt) return
    this.#stopTimer()
    this.#timerAt = at
    this.#timer = pauseOn(this.#system.clock, Math.max(next, 0), 'a wait for a rate limit', () => {
      this.#timer = undefined
      this.serve()
    })
  }

  #stopTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

const lists = new WeakMap<System, WaitList>()

/** Returns the list of those who wait for limiters of a system. */
export function waitListOf(system: System): WaitList {
  let list = lists.get(system)
  if (list === undefined) lists.set(system, (list = new WaitList(system)))
  return list
}
