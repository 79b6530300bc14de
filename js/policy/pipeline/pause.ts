import { soon } from '../../clock/host.ts'
import { pauseOn } from '../../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import { fromHere } from './async-stack.ts'
import { Abortable, type Scope } from './scope.ts'

/** Pauses that take no time, before the event loop gets a turn. */
const MOST_ZEROS = 64
let zeros = 0

/** A call that can wait for time to pass; its scope ends the wait. One wait at a time. */
export abstract class Pause extends Abortable {
  /** What can give it up. */
  declare readonly scope: Scope
  declare private timer: TimerHandle | undefined
  declare private waiting: boolean

  constructor(scope: Scope) {
    super()
    this.scope = scope
    this.timer = undefined
    this.waiting = false
  }

  /** The wait is over, in the asynchronous context that asked for it. */
  abstract resumed(): void

  /** It was given up before that. */
  abstract abandoned(reason: unknown): void

  /** Waits; whether the clock still runs. */
  pause(clock: Clock, ms: number): boolean {
    const wake = fromHere(() => this.#awake())
    if (ms > 0) {
      try {
        this.timer = pauseOn(clock, ms, 'between tries', wake)
      } catch {
        // A closed clock wakes nobody; the caller has the failure for which this was to be a remedy.
        return false
      }
    } else if (++zeros % MOST_ZEROS === 0) {
      // A loop of pauses that take no time lets the event loop turn.
      soon(wake)
    } else {
      wake()
    }
    this.waiting = true
    this.scope.enter(this)
    return true
  }

  aborted(reason: unknown): void {
    if (!this.waiting) return
    this.waiting = false
    this.timer?.cancel()
    this.abandoned(reason)
  }

  #awake(): void {
    // Given up after the timer, before this reaction.
    if (!this.waiting) return
    this.waiting = false
    this.scope.leave(this)
    this.resumed()
  }
}
