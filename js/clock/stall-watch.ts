import { ifRejected } from '../internal/thenable.ts'
import { afterRealTime, isIdle, onLoopEnd } from './host.ts'
import { describeSleeper, type Sleeper } from './sleepers.ts'

interface Watched {
  readonly closed: boolean
  /** Counts moves. */
  readonly moves: number
  /** Counts moves, timers that were made, fired or cancelled, and what went in flight. */
  readonly activity: number
  /** Returns whether an asynchronous advance is under way. */
  readonly advancing: boolean
  /** Returns whether work of the package is in flight. */
  readonly held: boolean
  report(error: unknown, origin: string): void
  sleepers(): Sleeper[]
}

/** The state of the clock when the watch began. */
interface ClockState {
  readonly moves: number
  readonly activity: number
}

const SHOWN = 10
/** After a blocked event loop, the program gets this long to move its clock before it counts as stalled. */
const SECOND_LOOK_MS = 25

/** The watches of clocks with a wait. */
const armed = new Set<StallWatch>()
let isListening = false

function loopEnded(): void {
  // What a report does may arm a watch again.
  const before = [...armed]
  for (const watch of before) watch.loopEnded()
}

/**
 * Reports, once a stall, the waits on a clock that nobody moves: the usual reason why a test hangs. Sleeps and pauses
 * wait for the clock alone. A limit bounds work that may end by itself, so limits are reported only when nothing else
 * goes on. When the event loop has nothing left to do, nobody moves the clock any more: then all of them are reported at
 * once, because the program ends, or its test runner gives up.
 */
export class StallWatch {
  readonly #clock: Watched
  readonly #afterMs: number
  readonly #report: (sleepers: Sleeper[]) => unknown
  #cancelLook: (() => void) | undefined

  constructor(clock: Watched, afterMs: number, report: ((sleepers: Sleeper[]) => unknown) | undefined) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#report = report ?? warn
  }

  /** Somebody waits. */
  watch(): void {
    if (armed.has(this)) return
    armed.add(this)
    if (!isListening) {
      isListening = true
      onLoopEnd(loopEnded)
    }
    const { moves, activity } = this.#clock
    const seen: ClockState = { moves, activity }
    this.#lookAfter(this.#afterMs, seen, () => this.#lookAfter(SECOND_LOOK_MS, seen, (stalled) => this.#tell(stalled)))
  }

  /** Nothing can move the clock any more. */
  loopEnded(): void {
    const waits = this.#waits().filter(({ kind }) => kind !== 'schedule')
    if (waits.length > 0 && !this.#clock.advancing && !this.#clock.held) this.#tell(waits)
  }

  #lookAfter(delay: number, seen: ClockState, then: (stalled: Sleeper[]) => void): void {
    this.#cancelLook = afterRealTime(delay, () => this.#look(seen, then))
  }

  #waits(): Sleeper[] {
    return this.#clock.closed ? [] : this.#clock.sleepers().filter(({ kind }) => kind !== 'interval')
  }

  /** Calls `then` when a wait hangs. */
  #look(seen: ClockState, then: (stalled: Sleeper[]) => void): void {
    const waits = this.#waits()
    const stalled = this.#stalled(waits, seen)
    if (stalled.length > 0) {
      then(stalled)
      return
    }
    armed.delete(this)
    if (waits.some(({ kind }) => kind !== 'schedule')) this.watch()
  }

  #stalled(waits: Sleeper[], { moves, activity }: ClockState): Sleeper[] {
    const clock = this.#clock
    if (clock.moves !== moves || clock.advancing || clock.held) return []
    const isQuiet = clock.activity === activity && waits.some(({ kind }) => kind === 'limit') && isIdle()
    return waits.filter(({ kind }) => kind !== 'schedule' && (kind !== 'limit' || isQuiet))
  }

  #tell(stalled: Sleeper[]): void {
    armed.delete(this)
    this.#cancelLook?.()
    try {
      ifRejected(this.#report(stalled), (error) => this.#clock.report(error, 'onStall'))
    } catch (error) {
      this.#clock.report(error, 'onStall')
    }
  }
}

function warn(sleepers: Sleeper[]): void {
  const shown = sleepers.slice(0, SHOWN).map((sleeper) => `  ${describeSleeper(sleeper)}`)
  const more = sleepers.length > SHOWN ? `\n  and ${sleepers.length - SHOWN} more` : ''
  process.emitWarning(
    `a controlled clock stands still while ${sleepers.length} wait on it (${counts(sleepers)}); ` +
      `advance it, or set autoAdvance:\n${shown.join('\n')}${more}`,
    { type: 'KeelsonWarning', code: 'KEELSON_STALLED' },
  )
}

/** Counts the waits of each kind: `2 sleep, 1 limit`. */
function counts(sleepers: readonly Sleeper[]): string {
  const found = new Map<string, number>()
  for (const { kind } of sleepers) found.set(kind, (found.get(kind) ?? 0) + 1)
  return [...found].map(([kind, count]) => `${count} ${kind}`).join(', ')
}
