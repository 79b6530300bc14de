import { afterRealTime } from './host.ts'
import { describeSleeper, type Sleeper } from './sleepers.ts'

interface Watched {
  readonly closed: boolean
  /** Counts moves. */
  readonly moves: number
  /** Whether an asynchronous advance is under way. */
  readonly advancing: boolean
  report(error: unknown, origin: string): void
  sleepers(): Sleeper[]
}

const SHOWN = 10
/** After a blocked event loop, the program gets this long to move its clock before it counts as stalled. */
const SECOND_LOOK_MS = 25

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
    afterRealTime(this.#afterMs, () =>
      this.#look(moves, () => afterRealTime(SECOND_LOOK_MS, () => this.#look(moves, () => this.#tell()))),
    )
  }

  /** Goes on to `stalled` when somebody sleeps and nothing moved since. */
  #look(moves: number, stalled: () => void): void {
    const moved = this.#clock.moves !== moves || this.#clock.advancing
    if (!moved && this.#waits().length > 0) {
      stalled()
      return
    }
    this.#armed = false
    if (this.#waits().length > 0) this.watch()
  }

  #tell(): void {
    this.#armed = false
    try {
      this.#report(this.#waits())
    } catch (error) {
      this.#clock.report(error, 'onStall')
    }
  }

  #waits(): Sleeper[] {
    if (this.#clock.closed) return []
    return this.#clock.sleepers().filter(({ kind }) => kind === 'sleep' || kind === 'deadline')
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
