import {
  flag,
  integer,
  known,
  MAX_DURATION_MS,
  millis,
  optionalCallable,
  options as checkOptions,
} from '../internal/validate.ts'
import { InvalidArgumentError } from '../errors/errors.ts'
import { ClockNotIdleError, TimerLoopError } from './errors.ts'
import { keepOptimized } from '../internal/keep-optimized.ts'
import { assertInternal, INTERNAL } from '../internal/private-constructor.ts'
import { hot, scratch } from '../native.ts'
import {
  LOOPING,
  NEXT_TIMER_DUE,
  STEPPED_LOOPING_SLOT,
  STEPPED_MONO,
  STEPPED_WALL,
  UPCOMING,
} from '../protocol/clock.ts'
import { AutoAdvance } from './auto-advance.ts'
import { BaseClock } from './base.ts'
import { Holds } from './holds.ts'
import { turn } from './host.ts'
import { type Instant, instant } from './instant.ts'
import type { Millis } from './millis.ts'
import { type ErrorOwner, warnOwner } from '../internal/report-error.ts'
import { describeSleeper, type Sleeper, sleeperOf } from './sleepers.ts'
import type { TimerInfo } from './timer-slots.ts'
import { promiseOf } from '../internal/thenable.ts'
import { StallWatch } from './stall-watch.ts'
import type { EmitFn } from './types.ts'

/** Options of {@link createControlledClock}. */
export interface ControlledClockOptions {
  /** The start of monotonic and wall time, in milliseconds. Default 0. */
  readonly initialTime?: number
  /** Receives every event. What it throws goes to `onError`. */
  readonly emit?: EmitFn
  /** Owns errors of callbacks. Default: a process warning. */
  readonly onError?: ErrorOwner
  /** Records where waits and intervals are made, for reports. Default true. */
  readonly trace?: boolean
  /** The most timers in a row that may be scheduled for the instant in which they are made. Default 10 000. */
  readonly loopLimit?: number
  /**
   * After this much real time, in ms, in which a wait is pending and nothing moves, the clock calls `onStall`. 0 turns
   * that off. Default 1000.
   */
  readonly stallAfterMs?: number
  /** Receives the sleepers when nothing moves. Default: a process warning with their places of creation. */
  readonly onStall?: (sleepers: Sleeper[]) => unknown
}

/** Options of {@link ControlledClock.runUntilIdle}. */
export interface RunUntilIdleOptions {
  /** The most timers that are fired, from 1 to 1e9. Default 10 000. */
  readonly maxTimers?: number | undefined
}

const MAX_IDLE_TIMERS = 10_000

/** Timers beyond which callbacks fall out of the cache: measured, a third faster at a million. */
const MANY = 4096

let makeControlledClock: (options: ControlledClockOptions) => ControlledClock

/**
 * A {@link Clock} that moves only when told to, and then fires each timer at exactly its deadline.
 *
 * `createControlledClock` makes one; there is no public constructor.
 */
export class ControlledClock extends BaseClock {
  static {
    makeControlledClock = (options) => new ControlledClock(INTERNAL, options)
  }

  #wall: number
  #mono: number
  /** The end of the last asynchronous advance; the next one starts after it. */
  #advancing: Promise<void> = Promise.resolve()
  #draining = false
  /** Counts moves, to see that nothing moved. */
  #moves = 0
  #activity = 0
  readonly #loopLimit: number
  readonly #auto: AutoAdvance = new AutoAdvance(this)
  readonly #holds: Holds = new Holds((error, origin) => this.report(error, origin))
  readonly #stall: StallWatch | undefined
  /** @internal */
  readonly toleranceMs = 0

  /** @throws PrivateConstructorError outside the package. */
  private constructor(internal: typeof INTERNAL, options: ControlledClockOptions) {
    assertInternal(internal, 'ControlledClock', 'createControlledClock()')
    const initial = options.initialTime ?? 0
    const loopLimit = options.loopLimit ?? 10_000
    super(hot.controlledOpen(initial, loopLimit), options.emit, options.onError ?? warnOwner, options.trace ?? true)
    this.#wall = initial
    this.#mono = initial
    this.#loopLimit = loopLimit
    const stallAfterMs = options.stallAfterMs ?? 1000
    this.#stall = stallAfterMs === 0 ? undefined : new StallWatch(this, stallAfterMs, options.onStall)
  }

  /** @internal */
  get passes(): boolean {
    return false
  }

  /** See {@link Clock.now}. */
  now(): Instant {
    return instant(this.#wall, this.#mono)
  }

  /** See {@link Clock.monoMs}. */
  monoMs(): number {
    return this.#mono
  }

  /** @internal */
  wallMs(): number {
    return this.#wall
  }

  /** @internal How often the clock moved. */
  get moves(): number {
    return this.#moves
  }

  /** @internal How often a timer was made, fired or cancelled, or the clock moved. */
  get activity(): number {
    return this.#activity + this.#moves
  }

  /** @internal */
  override hold(what: string, mostMs?: number): () => void {
    this.#activity++
    return this.#holds.take(what, mostMs)
  }

  /** @internal Whether something of the package is in flight. */
  get held(): boolean {
    return this.#holds.any
  }

  /** @internal */
  settled(): Promise<void> {
    return this.#holds.settled()
  }

  /** @internal In a synchronous drain no promise can settle, so a callback that is still running says nothing. */
  skipsOverlap(): boolean {
    return !this.#draining
  }

  /** @internal */
  arm(delay: number, callback: () => unknown, info?: TimerInfo): number {
    this.assertOpen()
    const id = hot.controlledAfter(this.handle, delay)
    this.slots.put(id, callback, info)
    this.#armed(info)
    return id
  }

  /** @internal */
  armWall(target: number, callback: () => unknown, info: TimerInfo): number {
    const id = hot.controlledAtWall(this.handle, target)
    this.slots.put(id, callback, info)
    this.#armed(info)
    return id
  }

  /** @internal */
  disarmed(): void {
    this.#activity++
    if (!this.closed) return
    this.#auto.enabled = false
    this.#holds.end()
  }

  /**
   * Moves by `ms`, firing what is due in (deadline, insertion) order, and lets promises, `nextTick` and one turn of
   * the event loop run between timers, so that code which sleeps in a loop proceeds as it would in real time. Calls
   * made meanwhile queue up. Zero fires what is due now. Time stands while the package has something in flight (an
   * append to a journal on disk, a load by another thread, an exchange with Redis), so a program runs the same way each
   * time.
   *
   * @throws TimerLoopError when timers keep scheduling timers for the same instant.
   */
  advance(delay: Millis): Promise<void> {
    return this.#queue(() => this.#mono + atLeastZero('ms', delay))
  }

  /** Moves both tracks to an absolute monotonic time, like {@link advance}. A past time fires only what is due. */
  set(monoMs: number): Promise<void> {
    return this.#queue(() => millis('monoMs', monoMs))
  }

  /**
   * Moves by `ms` at once: timers fire in order, promise continuations run after it returns. Zero or less does nothing.
   * It cannot wait for what is in flight: where journals on disk, other threads or Redis take part, use
   * {@link advance}.
   */
  advanceBy(delay: Millis): void {
    const by = millis('ms', delay)
    this.assertOpen()
    if (by <= 0) return
    const from = this.#mono
    this.#drain(from + by)
    this.emit(() => ({ type: 'time:advance', byMs: by, fromMono: from, toMono: this.#mono }))
  }

  /** Like {@link advanceBy}, to an absolute monotonic time. One at or before now does nothing. */
  advanceTo(monoMs: number): void {
    const target = millis('monoMs', monoMs)
    this.assertOpen()
    if (target > this.#mono) this.#drain(target)
  }

  /** Moves at once to the next timer's time and fires everything due then. */
  tick(): void {
    this.assertOpen()
    if (hot.controlledNext(this.handle) > 0) this.#drain(scratch[NEXT_TIMER_DUE] as number)
  }

  /** Moves wall time alone. Wall deadlines it passes are due at once. */
  jumpWallTime(wallMs: number): void {
    const toWall = millis('wallMs', wallMs)
    this.assertOpen()
    const fromWall = this.#wall
    hot.controlledJump(this.handle, toWall)
    this.#wall = toWall
    this.#moves++
    this.emit(() => ({ type: 'time:wall_jump', fromWall, toWall, monoMs: this.#mono }))
    this.#drain(this.#mono)
  }

  /** Resolves after one turn of the real event loop, which lets pending promises run. */
  flush(): Promise<void> {
    return turn()
  }

  /**
   * While true, the clock jumps to the next timer whenever the program is idle and a wait is pending. Default false.
   */
  get autoAdvance(): boolean {
    return this.#auto.enabled
  }

  set autoAdvance(enabled: boolean) {
    if (flag('autoAdvance', false, enabled)) this.assertOpen()
    this.#auto.enabled = enabled
  }

  /** Holds every asynchronous move back until the promise settles: for real I/O of yours. Returns the promise. */
  external<T>(promise: Promise<T>): Promise<T> {
    const pending = promiseOf(promise)
    if (pending === undefined) throw new InvalidArgumentError('promise', 'a promise', promise)
    const release = this.hold('a promise given to external()', Infinity)
    pending.then(release, release)
    return promise
  }

  /** @internal */
  get nextDueMs(): number {
    if (this.closed || hot.controlledNext(this.handle) <= 0) return NaN
    return Math.max((scratch[NEXT_TIMER_DUE] as number) - this.#mono, 0)
  }

  /** @internal Fires the next timer, whenever it is due; whether there was one. */
  jumpToNext(): boolean {
    if (this.closed || hot.controlledNext(this.handle) <= 0) return false
    return this.#step(scratch[NEXT_TIMER_DUE] as number)
  }

  /** @internal Returns whether a wait is pending; an interval alone does not count. */
  get awaited(): boolean {
    return this.slots.waiting > 0
  }

  /** @internal Whether an asynchronous advance is under way. */
  get advancing(): boolean {
    return this.#pendingAdvances > 0
  }
  #pendingAdvances = 0

  /**
   * Moves from timer to timer, as {@link advance} does, until no timer is left that would hold an event loop open; one
   * that was made with `ref: false` is left alone. Resolves to how far the clock moved, in milliseconds.
   *
   * @throws ClockNotIdleError, as a rejection, when timers are left after `maxTimers`: it names an interval, if there
   *   is one. TimerLoopError as {@link advance}; InvalidArgumentError for a bad option, which moves nothing.
   * @example
   * ```ts
   * const done = retry(fetchUser, { attempts: 5 }).run({ system })
   * await clock.runUntilIdle() // through all pauses between the attempts
   * ```
   */
  async runUntilIdle(options?: RunUntilIdleOptions): Promise<number> {
    const settings = checkOptions('options', options)
    known('options', settings, ['maxTimers'])
    const { maxTimers = MAX_IDLE_TIMERS } = settings
    integer('options.maxTimers', 1, 1e9, maxTimers)
    return await this.#inTurn(() => this.#runUntilIdle(maxTimers))
  }

  async #runUntilIdle(maxTimers: number): Promise<number> {
    this.assertOpen()
    await this.settled()
    const from = this.#mono
    for (let fired = 0; !this.closed && this.slots.holding > 0; fired++) {
      if (fired === maxTimers) {
        const left = this.sleepers()
        const named = left.find(({ kind }) => kind === 'interval') ?? (left[0] as Sleeper)
        throw new ClockNotIdleError(maxTimers, this.#mono - from, describeSleeper(named))
      }
      this.jumpToNext()
      await this.settled()
    }
    const byMs = this.#mono - from
    this.emit(() => ({ type: 'time:advance', byMs, fromMono: from, toMono: this.#mono }))
    return byMs
  }

  #queue(target: () => number): Promise<void> {
    return this.#inTurn(() => this.#advanceTo(target))
  }

  /** Runs an asynchronous move once those before it have ended. */
  #inTurn<T>(move: () => Promise<T>): Promise<T> {
    this.#pendingAdvances++
    const run = this.#advancing.then(move)
    // The queue goes on after a failed advance; its caller has the rejection.
    this.#advancing = run.then(
      () => {
        this.#pendingAdvances--
      },
      () => {
        this.#pendingAdvances--
      },
    )
    return run
  }

  async #advanceTo(target: () => number): Promise<void> {
    this.assertOpen()
    // Code that was about to sleep when advance was called gets there first, and what is in flight arrives.
    await this.settled()
    const from = this.#mono
    const to = target()
    let quiet = false
    while (!this.closed && !quiet) {
      quiet = !this.#step(to)
      await this.settled()
      // What woke up may have scheduled something that is due still.
      if (quiet && hot.controlledNext(this.handle) > 0 && (scratch[NEXT_TIMER_DUE] as number) <= this.#mono)
        quiet = false
    }
    this.emit(() => ({ type: 'time:advance', byMs: to - from, fromMono: from, toMono: this.#mono }))
  }

  #drain(target: number): void {
    const outer = this.#draining
    this.#draining = true
    try {
      for (let fired = 1; !this.closed && this.#step(target); fired++) {
        if (fired % UPCOMING === 0 && this.slots.waiting > MANY) this.#prefetch()
      }
    } finally {
      this.#draining = outer
    }
  }

  /** Brings what fires next into the cache, all at once instead of one wait after the other. */
  #prefetch(): void {
    const found = hot.controlledUpcoming(this.handle)
    for (let index = 0; index < found; index++) this.slots.touch(scratch[index] as number)
  }

  /** Moves to the next timer due by `target` and runs it, or to the target; whether a timer ran. */
  #step(target: number): boolean {
    const id = hot.controlledStep(this.handle, target)
    this.#mono = scratch[STEPPED_MONO] as number
    this.#wall = scratch[STEPPED_WALL] as number
    this.#moves++
    if (id >= 0) {
      this.fire(id)
      return true
    }
    if (id !== LOOPING) return false
    const slot = scratch[STEPPED_LOOPING_SLOT] as number
    const sleeper = sleeperOf(this.slots.describe(slot), 'mono', this.#mono)
    throw new TimerLoopError(this.#loopLimit, this.#mono, describeSleeper(sleeper))
  }

  #armed(info: TimerInfo | undefined): void {
    this.#activity++
    if (info !== undefined && info.kind !== 'schedule' && info.kind !== 'interval') this.#stall?.watch()
    if (this.#auto.enabled) this.#auto.wake()
  }
}

const alive = makeControlledClock({})
keepOptimized(
  alive,
  alive.schedule(1, () => {}),
)

function atLeastZero(field: string, value: unknown): number {
  const checked = millis(field, value)
  if (checked < 0) throw new InvalidArgumentError(field, 'zero or more milliseconds', value)
  return checked
}

const OPTIONS = ['initialTime', 'emit', 'onError', 'trace', 'loopLimit', 'stallAfterMs', 'onStall']

/**
 * Time under control, for tests and simulations: nothing moves until you say so, and a year takes as long as its
 * timers. Needs no fake timers, and works while they are installed.
 *
 * @param options - Options, or just the initial time in milliseconds.
 * @throws InvalidArgumentError naming the option that is refused.
 * @example
 * ```ts
 * const clock = createControlledClock()
 * const done = clock.sleep(60_000).then(() => 'a minute later')
 * await clock.advance(60_000)
 * console.log(await done)
 * ```
 */
export function createControlledClock(options?: ControlledClockOptions | number): ControlledClock {
  const settings = typeof options === 'number' ? { initialTime: options } : checkOptions('options', options)
  known('options', settings, OPTIONS)
  if (settings.initialTime !== undefined) millis('options.initialTime', settings.initialTime)
  optionalCallable('options.emit', settings.emit)
  optionalCallable('options.onError', settings.onError)
  optionalCallable('options.onStall', settings.onStall)
  flag('options.trace', true, settings.trace)
  if (settings.loopLimit !== undefined) integer('options.loopLimit', 1, 1e9, settings.loopLimit)
  if (settings.stallAfterMs !== undefined)
    integer('options.stallAfterMs', 0, Math.min(2 ** 31 - 1, MAX_DURATION_MS), settings.stallAfterMs)
  return makeControlledClock(settings)
}
