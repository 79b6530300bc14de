/** The time of a clock for observers, which must not fail. */
import type { Clock } from './types.ts'

function read(time: () => number): number {
  try {
    return time()
  } catch {
    // A user's clock may throw.
    return NaN
  }
}

/** Returns the wall time of a clock in ms; NaN when a user's clock throws. */
export const wallMsOf = (clock: Clock): number => read(() => clock.now().wallMs)

/** Returns the monotonic time of a clock in ms; NaN when a user's clock throws. */
export const monoMsOf = (clock: Clock): number => read(() => clock.monoMs())
