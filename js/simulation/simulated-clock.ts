import { BaseClock } from '../clock/base.ts'
import type { Holds } from '../clock/holds.ts'
import { type Instant, instant } from '../clock/instant.ts'
import { callerFrames } from '../clock/sleepers.ts'
import type { TimerInfo } from '../clock/timer-slots.ts'
import type { ErrorOwner } from '../internal/report-error.ts'
import { hot, scratch } from '../native.ts'
import { NEXT_TIMER_DUE, STEPPED_MONO, STEPPED_WALL } from '../protocol/clock.ts'

/** The wall time at which each run begins: 2026-01-01 in UTC. */
export const EPOCH_MS = 1_767_225_600_000

/** The parts of a simulation that its clocks share. */
export interface ClockWorld {
  /** The time of the simulation, in ms. */
  readonly now: number
  readonly holds: Holds
  readonly trace: boolean
}

/**
 * The clock of one node. Only the simulation moves it. It may run faster or slower than the time of the simulation, and
 * its timers are due at its own times.
 */
export class SimulatedClock extends BaseClock {
  readonly toleranceMs = 0
  readonly #world: ClockWorld
  /** Milliseconds of this clock for one of the simulation. */
  readonly #rate: number
  /** The time of the simulation at which this clock began. */
  readonly #origin: number
  #mono = 0
  #wall = EPOCH_MS
  /** The time of the simulation at which the next timer is due; NaN when that must be looked up. */
  #nextAt = Infinity

  constructor(world: ClockWorld, rate: number, onError: ErrorOwner) {
    super(hot.simulatedOpen(0, EPOCH_MS + world.now), undefined, onError, world.trace)
    this.#world = world
    this.#rate = rate
    this.#origin = world.now
    this.#wall = EPOCH_MS + world.now
  }

  get passes(): boolean {
    return false
  }

  now(): Instant {
    return instant(this.#wall, this.#mono)
  }

  monoMs(): number {
    return this.#mono
  }

  wallMs(): number {
    return this.#wall
  }

  override hold(what: string, mostMs?: number): () => void {
    return this.#world.holds.take(what, mostMs)
  }

  skipsOverlap(): boolean {
    return true
  }

  arm(delay: number, callback: () => unknown, info?: TimerInfo): number {
    this.assertOpen()
    const id = hot.simulatedAfter(this.handle, delay)
    this.slots.put(id, callback, info)
    this.#nextAt = NaN
    return id
  }

  armWall(target: number, callback: () => unknown, info: TimerInfo): number {
    const id = hot.simulatedAtWall(this.handle, target)
    this.slots.put(id, callback, info)
    this.#nextAt = NaN
    return id
  }

  disarmed(): void {
    this.#nextAt = NaN
  }

  get nextDueMs(): number {
    if (this.closed || hot.simulatedNext(this.handle) <= 0) return NaN
    return Math.max((scratch[NEXT_TIMER_DUE] as number) - this.#mono, 0)
  }

  /** Returns the time of the simulation at which the next timer is due. */
  get nextAt(): number {
    if (!Number.isNaN(this.#nextAt)) return this.#nextAt
    if (this.closed || hot.simulatedNext(this.handle) <= 0) return (this.#nextAt = Infinity)
    return (this.#nextAt = this.#origin + (scratch[NEXT_TIMER_DUE] as number) / this.#rate)
  }

  /** Moves to the time of the simulation, and fires nothing. */
  follow(): void {
    if (this.closed) return
    hot.simulatedMove(this.handle, (this.#world.now - this.#origin) * this.#rate)
    this.#mono = scratch[STEPPED_MONO] as number
    this.#wall = scratch[STEPPED_WALL] as number
  }

  /** Sets wall time forward, or back. */
  jumpWallBy(ms: number): void {
    if (this.closed) return
    this.#wall += ms
    hot.simulatedJump(this.handle, this.#wall)
    this.#nextAt = NaN
  }

  /** Returns the ids of the timers that are due and may fire next, that of production first. */
  due(): number[] {
    // By rounding, this clock may stand just before the time at which its timer is due.
    if (hot.simulatedNext(this.handle) > 0 && (scratch[NEXT_TIMER_DUE] as number) > this.#mono) {
      hot.simulatedMove(this.handle, scratch[NEXT_TIMER_DUE] as number)
      this.#mono = scratch[STEPPED_MONO] as number
      this.#wall = scratch[STEPPED_WALL] as number
    }
    const count = hot.simulatedDue(this.handle)
    return Array.from(scratch.subarray(0, Math.max(count, 0)))
  }

  /** Returns a description of a timer, for reports. */
  labelOf(id: number): string {
    const { info, callback } = this.slots.describe(id >>> 0)
    const name = info.label ?? (callback?.name === '' ? undefined : callback?.name)
    return name === undefined || info.kind !== 'schedule' ? `${info.kind}${name === undefined ? '' : ` ${name}`}` : name
  }

  /** Returns where a timer was made, if that is traced. */
  siteOf(id: number): string | undefined {
    return callerFrames(this.slots.describe(id >>> 0).info.site)
  }

  /** Fires a timer that is due. */
  fireDue(id: number): void {
    this.#nextAt = NaN
    if (hot.simulatedFire(this.handle, id) === 1) this.fire(id)
  }
}
