/** The package's own timers, which a controlled clock fires, and its work in flight, for which the clock waits. */
import { BaseClock } from './base.ts'
import type { Clock, TimerHandle } from './types.ts'

const nothing = (): void => undefined

/**
 * Holds a controlled clock back until the returned function is called: for what the package has in flight itself, never
 * for a promise of the user's, which may wait for the clock. A clock that time moves is not held.
 *
 * @param mostMs How long at most, in ms of real time. Default 30 000.
 */
export const holdTime = (clock: Clock, what: string, mostMs?: number): (() => void) =>
  clock instanceof BaseClock ? clock.hold(what, mostMs) : nothing

/**
 * Schedules a timer after which work of the package goes on. On a clock that nobody moves, that work hangs and is
 * reported.
 */
export function pauseOn(clock: Clock, ms: number, label: string, callback: () => unknown): TimerHandle {
  return clock instanceof BaseClock
    ? clock.timer(ms, callback, { kind: 'pause', label, ref: true })
    : clock.schedule(ms, callback, { label })
}

/** Runs a function that begins a loop of the package as part of no trace. */
export const outsideTraces = <T>(clock: Clock, body: () => T): T =>
  clock instanceof BaseClock && clock.tracer !== undefined ? clock.tracer.detached(body) : body()

/** Schedules a timer that ends a wait which takes too long. On a clock that nobody moves, nothing ends that wait. */
export function limitOn(clock: Clock, ms: number, label: string, callback: () => unknown, ref = true): TimerHandle {
  return clock instanceof BaseClock
    ? clock.timer(ms, callback, { kind: 'limit', label, ref })
    : clock.schedule(ms, callback, { label, ref })
}
