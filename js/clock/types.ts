import type { ClockEvent } from './events.ts'
import type { Instant } from './instant.ts'
import type { Millis } from './millis.ts'

/** Receives the clock's events, in order, on the caller's stack. */
export type EmitFn = (event: ClockEvent) => unknown

/** A point in wall time. Any `Instant` is one. */
export interface DeadlineTarget {
  /** Wall time in milliseconds since the epoch. */
  readonly wallMs: number
}

/** A pending timer or interval. */
export interface TimerHandle {
  /** Forgets the timer at once; repeated calls do nothing. */
  cancel(): void
}

/** Options of every wait. */
export interface WaitOptions {
  /** Ends the wait early: the promise rejects with `signal.reason`, and the timer is gone. */
  readonly signal?: AbortSignal | undefined
}

/** Options of a scheduled callback. */
export interface ScheduleOptions {
  /** Named in reports instead of the callback's name. */
  readonly label?: string | undefined
  /** Keeps the event loop open until it fires (system clock). Default true. */
  readonly ref?: boolean | undefined
}

/**
 * Time that can be injected. Timers fire in (deadline, insertion) order, never early, and exactly once.
 *
 * All durations are milliseconds; NaN and infinities are refused with {@link InvalidArgumentError}.
 */
export interface Clock {
  /** Both tracks of time, now. */
  now(): Instant
  /** Monotonic milliseconds, without making an `Instant`. */
  monoMs(): number
  /**
   * Resolves after `ms` milliseconds. Zero or less takes no time, only a turn of the real event loop, so that a loop of
   * waits blocks nothing; it emits nothing.
   */
  sleep(ms: Millis, options?: WaitOptions): Promise<void>
  /** The same as {@link sleep}. */
  timeout(ms: Millis, options?: WaitOptions): Promise<void>
  /**
   * Resolves when wall time reaches the target, also when it gets there by a jump. One in the past takes a turn of the
   * event loop.
   */
  deadline(target: DeadlineTarget, options?: WaitOptions): Promise<void>
  /**
   * Calls back every `ms` milliseconds at a fixed cadence. While an asynchronous callback runs, ticks are skipped and
   * not counted. Its errors become `time:interval:error`, or go to the error owner when `emit` has no listener; the
   * interval goes on.
   */
  interval(ms: Millis, callback: () => unknown): TimerHandle
  /** Calls back once after `ms`, at the earliest now. What it throws or rejects with goes to the error owner. */
  schedule(ms: Millis, callback: () => unknown, options?: ScheduleOptions): TimerHandle
  /** Timers that have not fired and were not cancelled. */
  getPendingTimerCount(): number
  /** Forgets all timers: pending waits never settle, new ones are refused. Idempotent. */
  close(): void
}
