import type { Budget } from './profiles.ts'

/** The end of a task: released as done or failed, out of time, or aborted. */
export type TaskOutcome = 'completed' | 'failed' | 'timeout' | 'aborted'

/** A task ends when it has missed this many heartbeats. */
const MAX_MISSED = 3
/** A task that must make progress runs at most this many times its `maxDurationMs`. */
const MAX_RENEWALS = 10

/** Computes when a task under a lease must end, from its heartbeats. Times are monotonic milliseconds. */
export class LeaseState {
  readonly startedAt: number
  readonly #budget: Budget
  readonly #needsProgress: boolean
  readonly #lastAt: number
  #beatAt: number
  #expiresAt: number
  #progress = 0

  constructor(budget: Budget, now: number, needsProgress: boolean) {
    this.#budget = budget
    this.#needsProgress = needsProgress
    this.startedAt = now
    this.#beatAt = now
    this.#expiresAt = now + budget.maxDurationMs
    this.#lastAt = needsProgress ? now + MAX_RENEWALS * budget.maxDurationMs : Infinity
  }

  /** The most progress that was reported, 0 to 1. */
  get progress(): number {
    return this.#progress
  }

  /**
   * Takes a heartbeat, which renews the task's time. Where progress is required, only more progress than before does.
   */
  beat(progress: number | undefined, now: number): void {
    this.#beatAt = now
    const isProgress = progress !== undefined && progress > this.#progress
    if (isProgress) this.#progress = progress
    if (this.#needsProgress && !isProgress) return
    this.#expiresAt = Math.min(now + this.#budget.maxDurationMs, this.#lastAt)
  }

  /** The time at which the task ends without another heartbeat. */
  get endsAt(): number {
    const { heartbeatMs } = this.#budget
    return heartbeatMs > 0 ? Math.min(this.#expiresAt, this.#beatAt + MAX_MISSED * heartbeatMs) : this.#expiresAt
  }

  /** Returns which deadline the task missed, at its end. */
  missedDeadline(now: number): 'time' | 'heartbeat' {
    return now >= this.#expiresAt ? 'time' : 'heartbeat'
  }
}
