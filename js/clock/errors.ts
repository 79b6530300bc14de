/** The error of a controlled clock. */
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
