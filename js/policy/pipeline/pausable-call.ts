/** Pauses between attempts, on the clock of the policy. */
import { soon } from '../../clock/host.ts'
import { pauseOn } from '../../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../../clock/types.ts'
import { Abortable, type AbortScope } from './abort-scope.ts'
import { bindContext } from './bind-context.ts'

/** Pauses of zero milliseconds in a row, over all calls, after which the event loop gets a turn. */
const ZERO_PAUSES_PER_TURN = 64
let zeroPauses = 0

/** A call that can pause between attempts. Its scope ends the pause. One pause at a time. */
export abstract class PausableCall extends Abortable {
  /** The scope that can abort the pause. */
  declare readonly scope: AbortScope
  declare private timer: TimerHandle | undefined
  declare private isPaused: boolean

  constructor(scope: AbortScope) {
    super()
    this.scope = scope
    this.timer = undefined
    this.isPaused = false
  }

  /** Called when the pause is over, in the asynchronous context that began it. */
  abstract resumed(): void

  /** Called instead when the scope was aborted during the pause. */
  abstract abandoned(reason: unknown): void

  /**
   * Begins a pause. Returns false when the clock is closed: then there is no pause, and nothing will be called.
   *
   * @param policy The name of the policy, for reports.
   */
  pause(clock: Clock, ms: number, policy: string): boolean {
    const wake = bindContext(() => this.#awake())
    if (ms > 0) {
      try {
        this.timer = pauseOn(clock, ms, `of ${policy} between tries`, wake)
      } catch {
        // The caller then answers with the failure after which it wanted to pause.
        return false
      }
    } else if (++zeroPauses % ZERO_PAUSES_PER_TURN === 0) {
      // A loop of pauses that take no time lets the event loop turn.
      soon(wake)
    } else {
      wake()
    }
    this.isPaused = true
    this.scope.enter(this)
    return true
  }

  aborted(reason: unknown): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.timer?.cancel()
    this.abandoned(reason)
  }

  #awake(): void {
    // The scope was aborted between the timer and this reaction.
    if (!this.isPaused) return
    this.isPaused = false
    this.scope.leave(this)
    this.resumed()
  }
}
