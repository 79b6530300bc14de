import { promiseOf } from '../internal/thenable.ts'
import type { ClockEvent } from './events.ts'
import type { Instant } from './instant.ts'
import type { TimerInfo } from './timer-slots.ts'
import type { TimerHandle } from './types.ts'

/** The part of a clock that an interval uses. */
interface Ticking {
  report(error: unknown, origin: string): void
  assertOpen(): void
  /** Returns whether `emit` has a listener. */
  readonly observed: boolean
  now(): Instant
  monoMs(): number
  arm(delay: number, callback: () => void, info: TimerInfo): number
  cancelTimer(id: number): boolean
  emit(event: () => ClockEvent): void
  /** Skips a tick that finds its callback still running. */
  skipsOverlap(): boolean
}

/** Ticks at a fixed cadence: the next tick is scheduled from the due time of the last, before its callback runs. */
export class Interval implements TimerHandle {
  readonly #clock: Ticking
  readonly #periodMs: number
  readonly #callback: () => unknown
  readonly #site: Error | undefined
  #timer: number
  #dueAt: number
  #ticks = 0
  #running = false
  #cancelled = false

  constructor(clock: Ticking, periodMs: number, callback: () => unknown, site: Error | undefined) {
    this.#clock = clock
    this.#periodMs = periodMs
    this.#callback = callback
    this.#site = site
    this.#dueAt = clock.monoMs() + periodMs
    clock.emit(() => ({ type: 'time:interval:set', intervalMs: periodMs, at: clock.now() }))
    // The listener may have closed the clock.
    clock.assertOpen()
    this.#timer = this.#arm(periodMs)
  }

  cancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#clock.cancelTimer(this.#timer)
    const [intervalMs, ticks, clock] = [this.#periodMs, this.#ticks, this.#clock]
    clock.emit(() => ({ type: 'time:interval:cancel', intervalMs, ticks, at: clock.now() }))
  }

  #arm(delay: number): number {
    return this.#clock.arm(delay, this.#tick, { kind: 'interval', ref: true, site: this.#site })
  }

  readonly #tick = (): void => {
    const clock = this.#clock
    const now = clock.monoMs()
    // A late wake-up (a blocked event loop) gives one tick and keeps the cadence, not a burst.
    const missed = Math.floor((now - this.#dueAt) / this.#periodMs)
    this.#dueAt += (Math.max(missed, 0) + 1) * this.#periodMs
    this.#timer = this.#arm(Math.max(this.#dueAt - now, 0))
    if (this.#running && clock.skipsOverlap()) return
    const tick = ++this.#ticks
    const intervalMs = this.#periodMs
    clock.emit(() => ({ type: 'time:interval:tick', intervalMs, tick, at: clock.now() }))
    if (this.#cancelled) return
    try {
      const result = this.#callback()
      const pending = result === undefined ? undefined : promiseOf(result)
      if (pending !== undefined) {
        this.#running = true
        pending.then(
          () => {
            this.#running = false
          },
          (error: unknown) => {
            this.#running = false
            this.#failed(tick, error)
          },
        )
      }
    } catch (error) {
      this.#failed(tick, error)
    }
  }

  #failed(tick: number, error: unknown): void {
    const clock = this.#clock
    if (!clock.observed) clock.report(error, 'an interval callback')
    clock.emit(() => ({ type: 'time:interval:error', intervalMs: this.#periodMs, tick, error, at: clock.now() }))
  }
}
