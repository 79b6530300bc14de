import { flag, known, optionalCallable, options as checkOptions } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import { NEXT_TIMER_DUE } from '../protocol/clock.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import { BaseClock } from './base.ts'
import { Alarm, HostTime, MAX_HOST_DELAY_MS } from './host.ts'
import { type Instant, instant } from './instant.ts'
import { type ErrorOwner, warnOwner } from '../internal/report-error.ts'
import type { TimerInfo } from './timer-slots.ts'
import type { EmitFn } from './types.ts'

/** Options of {@link createSystemClock}. */
export interface SystemClockOptions {
  /** Receives every event. What it throws goes to `onError`. */
  readonly emit?: EmitFn
  /** Owns errors of callbacks. Default: a process warning. */
  readonly onError?: ErrorOwner
  /** Records where waits are made, for `sleepers()`. Costs microseconds a wait. Default false. */
  readonly trace?: boolean
}

/** With wall deadlines pending, wall time is looked at this often, because nothing announces its jumps. */
const WALL_POLL_MS = 1000
/** The pause, in ms, after a host timer that fired early. */
const SHORTEST_DELAY_MS = 1
/** Between yields to I/O, so that a backlog of due timers does not hold the event loop. */
const FIRES_A_WAKE = 4096

/** Reading the clocks costs more than committing to an atom; so many commits of one run share a reading. */
const SHARED_BY = 1024
/** A promise's reaction runs when the run of JavaScript that asked for it has ended. Nobody fakes promises. */
const RUN_ENDS: Promise<void> = Promise.resolve()

let makeSystemClock: (options: SystemClockOptions) => SystemClock

/**
 * A clock of the host's time, see `createSystemClock`, which makes one; there is no public constructor.
 */
export class SystemClock extends BaseClock {
  static {
    makeSystemClock = (options) => new SystemClock(INTERNAL, options)
  }

  readonly #host: HostTime
  readonly #alarm: Alarm = new Alarm(() => this.#wake())
  /** Monotonic time of the armed alarm. */
  #armedFor = Infinity
  #armedAt = 0
  #waking = false
  /** A reading that the commits of this uninterrupted run share, and how many have. */
  #shared: Instant | undefined
  #sharers = 0
  readonly #endRun = (): void => {
    this.#shared = undefined
  }
  /** @internal A host timer has a granularity of a millisecond and waits its turn in the loop. */
  readonly toleranceMs = 5

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, options: SystemClockOptions) {
    assertInternal(internal, 'SystemClock', 'createSystemClock()')
    super(hot.hostOpen(), options.emit, options.onError ?? warnOwner, options.trace ?? false)
    this.#host = new HostTime()
  }

  /** @internal */
  get passes(): boolean {
    return this.#host.real
  }

  /** See {@link Clock.now}. */
  now(): Instant {
    const at = instant(this.#host.wall(), this.#host.mono())
    // A commit after this reading is not earlier than it.
    this.#sharers = SHARED_BY
    return at
  }

  /** @internal */
  override recent(by: number = SHARED_BY): Instant {
    if (this.#shared !== undefined && this.#sharers < by && this.#host.real) {
      this.#sharers++
      return this.#shared
    }
    if (this.#shared === undefined) void RUN_ENDS.then(this.#endRun)
    this.#sharers = 1
    this.#shared = instant(this.#host.wall(), this.#host.mono())
    return this.#shared
  }

  /** See {@link Clock.monoMs}. */
  monoMs(): number {
    this.#sharers = SHARED_BY
    return this.#host.mono()
  }

  /** @internal */
  wallMs(): number {
    this.#sharers = SHARED_BY
    return this.#host.wall()
  }

  /** @internal */
  skipsOverlap(): boolean {
    return true
  }

  /** @internal */
  arm(delay: number, callback: () => unknown, info?: TimerInfo): number {
    this.assertOpen()
    const now = this.#host.mono()
    const id = hot.hostAfter(this.handle, now + delay, now)
    this.slots.put(id, callback, info)
    this.#armFor(now + delay, now)
    return id
  }

  /** @internal */
  armWall(target: number, callback: () => unknown, info: TimerInfo): number {
    const now = this.#host.mono()
    const id = hot.hostAtWall(this.handle, target, now)
    this.slots.put(id, callback, info)
    this.#armFor(now + Math.min(target - this.#host.wall(), WALL_POLL_MS), now)
    return id
  }

  /** @internal */
  disarmed(): void {
    this.#alarm.hold(this.slots.holding > 0)
    if (this.closed) this.#alarm.clear()
  }

  #armFor(deadline: number, now: number): void {
    this.#alarm.hold(this.slots.holding > 0)
    if (this.#waking || (deadline >= this.#armedFor && this.#alarm.armed)) return
    // An alarm of a `setTimeout` that has been replaced will not come, and what it was for is still due.
    deadline = Math.min(deadline, this.#armedFor)
    this.#armedFor = deadline
    this.#armedAt = now
    // Host timers count whole milliseconds and drop the fraction, which would wake early.
    this.#alarm.set(Math.ceil(deadline - now))
  }

  #wake(): void {
    // A delay beyond the host's limit wakes on the way, where nothing was reached.
    if (this.#armedFor - this.#armedAt <= MAX_HOST_DELAY_MS) this.#host.reached(this.#armedFor)
    this.#armedFor = Infinity
    this.#waking = true
    let fired = 0
    // What a chain of callbacks sees as due is fixed at the wake: a callback that schedules for now waits its turn.
    const now = this.#host.mono()
    const offset = this.#host.wall() - now
    try {
      let id = hot.hostPop(this.handle, now, offset)
      while (id >= 0) {
        this.fire(id)
        if (++fired === FIRES_A_WAKE || this.closed) break
        id = hot.hostPop(this.handle, now, offset)
      }
    } finally {
      this.#waking = false
      this.#rearm()
    }
  }

  /** @internal */
  get nextDueMs(): number {
    const now = this.#host.mono()
    if (this.closed || hot.hostNext(this.handle, this.#host.wall() - now) === 0) return NaN
    return Math.max((scratch[NEXT_TIMER_DUE] as number) - now, 0)
  }

  #rearm(): void {
    if (this.closed) return
    const now = this.#host.mono()
    if (hot.hostNext(this.handle, this.#host.wall() - now) === 0) return
    let next = Math.max(scratch[NEXT_TIMER_DUE] as number, now + SHORTEST_DELAY_MS)
    if (this.slots.deadlines > 0) next = Math.min(next, now + WALL_POLL_MS)
    this.#armFor(next, now)
  }
}

const OPTIONS = ['emit', 'onError', 'trace']

/**
 * Creates a clock of the host's time. It follows `Date`, `performance` and `setTimeout` of the moment, so fake timers
 * of jest, vitest and sinon move it. Sleeps never end early and may last a year; pending ones hold the event loop as
 * host timers do.
 *
 * @example
 * ```ts
 * const clock = createSystemClock()
 * await clock.sleep(1000)
 * ```
 */
export function createSystemClock(options?: SystemClockOptions): SystemClock {
  const settings = checkOptions('options', options)
  known('options', settings, OPTIONS)
  optionalCallable('options.emit', settings.emit)
  optionalCallable('options.onError', settings.onError)
  flag('options.trace', false, settings.trace)
  return makeSystemClock(settings)
}
