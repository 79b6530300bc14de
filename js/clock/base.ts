import { NativeHandles } from '../internal/native-handles.ts'
import {
  abortSignal,
  callable,
  fieldOf,
  flag,
  known,
  MAX_DURATION_MS,
  millis,
  options as checkOptions,
} from '../internal/validate.ts'
import { ClosedError, InvalidArgumentError } from '../errors/errors.ts'
import { hot, native } from '../native.ts'
import {
  PENDING_TIMER_CELLS,
  PENDING_TIMER_DEADLINE,
  PENDING_TIMER_IS_WALL,
  PENDING_TIMER_SLOT,
} from '../protocol/clock.ts'
import type { Tracer } from '../internal/tracer.ts'
import type { ClockEvent } from './events.ts'
import { soon } from './host.ts'
import type { Instant } from './instant.ts'
import { Interval } from './interval.ts'
import type { Millis } from './millis.ts'
import { type ErrorOwner, tellOwner } from '../internal/report-error.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import { ifRejected } from '../internal/thenable.ts'
import { nameOf, type Sleeper, sleeperOf } from './sleepers.ts'
import { TimerSlots, type TimerInfo } from './timer-slots.ts'
import type { Clock, DeadlineTarget, EmitFn, ScheduleOptions, TimerHandle, WaitOptions } from './types.ts'

const nothing = (): void => undefined
const handles = new NativeHandles((handle) => hot.clockClose(handle))

/**
 * Beyond this many pending timers, new ones get no trace: a trace costs microseconds, and a report of so many is not
 * read.
 */
const TRACED = 1000

/** A timer as its caller holds it. */
class ClockTimer implements TimerHandle {
  readonly #clock: BaseClock
  readonly #id: number
  constructor(clock: BaseClock, id: number) {
    this.#clock = clock
    this.#id = id
  }
  cancel(): void {
    this.#clock.cancelTimer(this.#id)
  }
}

/** Returns whether a clock is closed. A clock that is not ours does not say. */
export const isClosed = (clock: Clock): boolean => clock instanceof BaseClock && clock.closed

/**
 * Implements what the system clock and the controlled clock share: waits as promises, intervals, and the callbacks of
 * the core's timers.
 */
export abstract class BaseClock implements Clock {
  /** @internal */
  readonly slots: TimerSlots = new TimerSlots()
  /** @internal */
  readonly handle: number
  /** @internal Takes errors that have no caller; a `System` puts itself here. */
  owner: ErrorOwner
  /** @internal Keeps timers out of traces. Set by `keelson/opentelemetry`. */
  tracer: Tracer | undefined
  readonly #emit: EmitFn | undefined
  readonly #trace: boolean
  readonly #atClose = new Set<() => void>()
  #closed = false

  constructor(handle: number, emit: EmitFn | undefined, owner: ErrorOwner, trace: boolean) {
    this.handle = handle
    this.#emit = emit
    this.owner = owner
    this.#trace = trace
    handles.own(this, handle)
  }

  /** @internal Whether time passes by itself. */
  abstract get passes(): boolean
  /** See {@link Clock.now}. */
  abstract now(): Instant
  /** See {@link Clock.monoMs}. */
  abstract monoMs(): number
  /**
   * @internal Returns a time for a commit, never before any time read from this clock. A clock may read it once for
   * `by` commits.
   */
  recent(_by?: number): Instant {
    return this.now()
  }

  /** @internal Wall time alone. */
  abstract wallMs(): number
  /** @internal Schedules on the monotonic track; the id. */
  abstract arm(delay: number, callback: () => unknown, info?: TimerInfo): number
  /** @internal Schedules on the wall track; the id. */
  abstract armWall(target: number, callback: () => unknown, info: TimerInfo): number
  /** @internal After a timer was cancelled. */
  abstract disarmed(): void
  /** @internal Holds time back until the returned function is called. Time that passes by itself is not held. */
  hold(_what: string, _mostMs?: number): () => void {
    return nothing
  }
  /** @internal How late a wall deadline may be met, in ms, and still count as met. */
  abstract readonly toleranceMs: number
  /** @internal Whether a tick that finds its callback still running is skipped. */
  abstract skipsOverlap(): boolean

  /** Returns whether the clock was closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** See {@link Clock.schedule}. */
  schedule(delay: Millis, callback: () => unknown, options?: ScheduleOptions): TimerHandle {
    // The usual case in line: a timer costs a few hundred nanoseconds.
    if (typeof delay !== 'number' || !(delay >= 0 && delay <= MAX_DURATION_MS)) delay = Math.max(millis('ms', delay), 0)
    if (typeof callback !== 'function') callable('callback', callback)
    const info = options === undefined ? undefined : scheduleInfo(options)
    return new ClockTimer(this, this.arm(delay, callback, info))
  }

  /** @internal A timer of the package's own, which reports call by its kind and label. */
  timer(delay: number, callback: () => unknown, info: TimerInfo): TimerHandle {
    return new ClockTimer(this, this.arm(delay, callback, info))
  }

  /** See {@link Clock.sleep}. */
  sleep(delay: Millis, options?: WaitOptions): Promise<void> {
    return this.#wait(
      'sleep',
      () => {
        const durationMs = millis('ms', delay)
        if (durationMs <= 0) return undefined
        const startedAt = this.monoMs()
        this.emit(() => ({ type: 'time:sleep:start', durationMs, at: this.now() }))
        return {
          arm: (wake, info) => this.arm(durationMs, wake, info),
          end: () => {
            this.emit(() => ({
              type: 'time:sleep:end',
              durationMs,
              actualMs: this.monoMs() - startedAt,
              at: this.now(),
            }))
          },
          abort: () => this.emit(() => ({ type: 'time:sleep:abort', durationMs, at: this.now() })),
        }
      },
      options,
    )
  }

  /** See {@link Clock.timeout}. */
  timeout(delay: Millis, options?: WaitOptions): Promise<void> {
    return this.sleep(delay, options)
  }

  /** See {@link Clock.deadline}. */
  deadline(target: DeadlineTarget, options?: WaitOptions): Promise<void> {
    return this.#wait(
      'deadline',
      () => {
        if (typeof target !== 'object' || target === null) {
          throw new InvalidArgumentError('target', 'an object with wallMs', target)
        }
        const targetMs = millis('target.wallMs', fieldOf(target, 'wallMs'))
        const delayMs = targetMs - this.wallMs()
        this.emit(() => ({ type: 'time:deadline:start', targetMs, delayMs, at: this.now() }))
        const end = (): void => {
          this.emit(() => {
            const actualMs = this.wallMs()
            const driftMs = actualMs - targetMs
            const met = delayMs >= 0 && driftMs <= this.toleranceMs
            return { type: met ? 'time:deadline:ok' : 'time:deadline:err', targetMs, actualMs, driftMs, at: this.now() }
          })
        }
        if (delayMs <= 0) {
          end()
          return undefined
        }
        return {
          arm: (wake, info) => this.armWall(targetMs, wake, info),
          end,
          abort: () => this.emit(() => ({ type: 'time:deadline:abort', targetMs, at: this.now() })),
        }
      },
      options,
    )
  }

  /** See {@link Clock.interval}. */
  interval(period: Millis, callback: () => unknown): TimerHandle {
    const intervalMs = millis('ms', period)
    if (intervalMs <= 0) throw new InvalidArgumentError('ms', 'positive: Interval must be positive', period)
    callable('callback', callback)
    this.assertOpen()
    return new Interval(this, intervalMs, callback, this.site())
  }

  /** See {@link Clock.getPendingTimerCount}. */
  getPendingTimerCount(): number {
    return this.#closed ? 0 : hot.timerCount(this.handle)
  }

  /** @internal The number of timers that have fired. */
  get firedCount(): number {
    return this.#closed ? 0 : hot.timerFired(this.handle)
  }

  /** @internal The time until the next timer is due, in ms; NaN when none is pending. */
  abstract get nextDueMs(): number

  /** Lists the pending waits in order of insertion: their kind, due time and place of creation. */
  sleepers(): Sleeper[] {
    if (this.#closed) return []
    const flat = native.pendingTimers(this.handle)
    const all: Sleeper[] = []
    for (let at = 0; at < flat.length; at += PENDING_TIMER_CELLS) {
      const slot = flat[at + PENDING_TIMER_SLOT] as number
      const track = flat[at + PENDING_TIMER_IS_WALL] === 1 ? 'wall' : 'mono'
      all.push(sleeperOf(this.slots.describe(slot), track, flat[at + PENDING_TIMER_DEADLINE] as number))
    }
    return all
  }

  /** See {@link Clock.close}. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    handles.close(this, this.handle)
    this.slots.clear()
    this.disarmed()
    for (const end of this.#atClose) end()
    this.#atClose.clear()
  }

  /** @internal Calls back when the clock is closed. The returned function forgets that. */
  atClose(end: () => void): () => void {
    this.#atClose.add(end)
    return () => void this.#atClose.delete(end)
  }

  /** @internal */
  cancelTimer(id: number): boolean {
    if (this.#closed || hot.timerCancel(this.handle, id) !== 1) return false
    this.slots.take(id)
    this.disarmed()
    return true
  }

  /** @internal Runs a fired timer's callback; its throw has no caller, so it goes to the owner. */
  fire(id: number): void {
    const callback = this.slots.take(id)
    try {
      const result = this.tracer === undefined ? callback() : this.tracer.detached(callback)
      if (result !== undefined) ifRejected(result, (error) => this.#failed(error, callback))
    } catch (error) {
      this.#failed(error, callback)
    }
  }

  #failed(error: unknown, callback: () => unknown): void {
    this.report(error, `a timer callback (${nameOf(callback) ?? 'anonymous'})`)
  }

  /** @internal Tells the listener; building the event costs nothing when there is none. */
  emit(event: () => ClockEvent): void {
    if (this.#emit === undefined) return
    const failed = (error: unknown): void => this.report(error, "a clock's emit function")
    try {
      ifRejected(this.#emit(event()), failed)
    } catch (error) {
      failed(error)
    }
  }

  /** @internal Hands an error to its owner. An owner that throws is no reason to stop. */
  report(error: unknown, origin: string): void {
    tellOwner(this.owner, error, origin)
  }

  /** @internal Returns whether `emit` has a listener. */
  get observed(): boolean {
    return this.#emit !== undefined
  }

  /** @internal */
  assertOpen(): void {
    if (this.#closed) throw new ClosedError('the clock')
  }

  /** @internal Where the caller stands, when traces are wanted. */
  site(): Error | undefined {
    return this.#trace && this.slots.waiting < TRACED ? new Error('created here') : undefined
  }

  /** A promise over one timer: checks reject, an abort removes the timer, and no listener outlives the wait. */
  #wait(kind: 'sleep' | 'deadline', begin: () => Wait | undefined, options: WaitOptions | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.assertOpen()
      const signal = options === undefined ? undefined : signalOf(options)
      if (signal?.aborted) throw signal.reason
      const wait = begin()
      if (wait === undefined) {
        // A loop of waits for nothing lets the event loop turn.
        soon(resolve)
        return
      }
      // The listener of the start may have closed the clock or aborted.
      this.assertOpen()
      if (signal?.aborted) {
        wait.abort()
        throw signal.reason
      }
      const info: TimerInfo = { kind, ref: true, site: this.site() }
      const id = wait.arm(() => {
        stop()
        resolve()
        wait.end()
      }, info)
      const stop = whenAborted(signal, (reason) => {
        // On a closed clock there is no timer left, and the signal is how its owner is told.
        if (!this.cancelTimer(id) && !this.#closed) return
        wait.abort()
        reject(reason)
      })
    })
  }
}

interface Wait {
  arm(wake: () => void, info: TimerInfo): number
  end(): void
  abort(): void
}

function signalOf(options: WaitOptions): AbortSignal | undefined {
  known('options', checkOptions('options', options), ['signal'])
  return abortSignal('options.signal', options.signal)
}

function scheduleInfo(options: ScheduleOptions): TimerInfo {
  const { label, ref } = checkOptions('options', options)
  known('options', options, ['label', 'ref'])
  if (label !== undefined && typeof label !== 'string')
    throw new InvalidArgumentError('options.label', 'a string', label)
  return { kind: 'schedule', label, ref: flag('options.ref', true, ref) }
}
