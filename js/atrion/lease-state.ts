import type { Budget } from './profiles.ts'

/** How a task ended. */
export type TaskOutcome = 'completed' | 'failed' | 'timeout' | 'aborted'

/** This many heartbeats may be missing. */
const MISSED = 3
/** Where progress is required, it renews a task's time, up to this many times it in all. */
const RENEWALS = 10

/** When a task under a lease has to end: a function of what it said and when. Times are monotonic milliseconds. */
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
    this.#lastAt = needsProgress ? now + RENEWALS * budget.maxDurationMs : Infinity
  }

  /** The most progress that was reported, 0 to 1. */
  get progress(): number {
    return this.#progress
  }

  /** It is alive, which starts its time afresh; where progress is required, only progress beyond what was reported does. */
  beat(progress: number | undefined, now: number): void {
    this.#beatAt = now
    const isProgress = progress !== undefined && progress > this.#progress
    if (isProgress) this.#progress = progress
    if (this.#needsProgress && !isProgress) return
    this.#expiresAt = Math.min(now + this.#budget.maxDurationMs, this.#lastAt)
  }

  /** When it is over unless something is heard of it. */
  get endsAt(): number {
    const { heartbeatMs } = this.#budget
    return heartbeatMs > 0 ? Math.min(this.#expiresAt, this.#beatAt + MISSED * heartbeatMs) : this.#expiresAt
  }

  /** Which of its duties it failed, at its end. */
  overdue(now: number): 'time' | 'heartbeat' {
    return now >= this.#expiresAt ? 'time' : 'heartbeat'
  }
}
