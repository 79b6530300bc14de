import { afterRealTime } from './host.ts'
import { describeSleeper, type Sleeper } from './sleepers.ts'

interface Watched {
  readonly closed: boolean
  readonly moves: number
  sleepers(): Sleeper[]
}

const SHOWN = 10

/** Tells, once a stall, who sleeps on a clock that nobody moves: the usual reason why a test hangs. */
export class StallWatch {
  readonly #clock: Watched
  readonly #afterMs: number
  readonly #report: (sleepers: Sleeper[]) => void
  #armed = false

  constructor(clock: Watched, afterMs: number, report: ((sleepers: Sleeper[]) => void) | undefined) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#report = report ?? warn
  }

  /** Somebody went to sleep. */
  watch(): void {
    if (this.#armed) return
    this.#armed = true
    const moves = this.#clock.moves
    afterRealTime(this.#afterMs, () => {
      this.#armed = false
      if (this.#clock.closed) return
      const waits = this.#clock.sleepers().filter(({ kind }) => kind === 'sleep' || kind === 'deadline')
      if (waits.length === 0) return
      if (this.#clock.moves === moves) this.#report(waits)
      else this.watch()
    })
  }
}

function warn(sleepers: Sleeper[]): void {
  const shown = sleepers.slice(0, SHOWN).map((sleeper) => `  ${describeSleeper(sleeper)}`)
  const more = sleepers.length > SHOWN ? `\n  and ${sleepers.length - SHOWN} more` : ''
  process.emitWarning(
    `a controlled clock stands still while ${sleepers.length} wait on it; advance it, or set autoAdvance:\n${shown.join('\n')}${more}`,
    { type: 'KeelsonWarning', code: 'KEELSON_STALLED' },
  )
}
