/** The errors of a controlled clock. */
import { isCode, KeelsonError } from '../errors/base.ts'

/** A controlled clock stopped because timers keep scheduling timers for the same instant. */
export class TimerLoopError extends KeelsonError {
  static readonly code = 'KEELSON_TIMER_LOOP'
  readonly code = 'KEELSON_TIMER_LOOP'
  /** The timer that would have fired next: its kind, callback and, where known, its place of creation. */
  readonly timer: string
  constructor(limit: number, atMs: number, timer: string) {
    super(
      `${limit} timers in a row were scheduled for the instant in which they were made (${atMs} ms); the next is ${timer}`,
    )
    this.timer = timer
  }
}

/** Returns whether a value is a {@link TimerLoopError}, of any copy of the package. */
export const isTimerLoopError: (error: unknown) => error is TimerLoopError = isCode(TimerLoopError.code)

/** `runUntilIdle()` fired as many timers as it may, and timers are left. */
export class ClockNotIdleError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_IDLE'
  readonly code = 'KEELSON_NOT_IDLE'
  /** How many timers were fired. */
  readonly timers: number
  /** A timer that is left, an interval if there is one: its kind, callback and, where known, its place of creation. */
  readonly timer: string
  constructor(timers: number, movedMs: number, timer: string) {
    super(`the clock is not idle after ${timers} timers in ${movedMs} ms; left is ${timer}`)
    this.timers = timers
    this.timer = timer
  }
}

/** The host's time is replaced already: by a clock that `installClock()` installed, or by other fake timers. */
export class ClockInstalledError extends KeelsonError {
  static readonly code = 'KEELSON_CLOCK_INSTALLED'
  readonly code = 'KEELSON_CLOCK_INSTALLED'
  constructor(what: string) {
    super(`${what}: restore the host's time first`)
  }
}

/** Returns whether a value is a {@link ClockNotIdleError}, of any copy of the package. */
export const isClockNotIdleError: (error: unknown) => error is ClockNotIdleError = isCode(ClockNotIdleError.code)
/** Returns whether a value is a {@link ClockInstalledError}, of any copy of the package. */
export const isClockInstalledError: (error: unknown) => error is ClockInstalledError = isCode(ClockInstalledError.code)
