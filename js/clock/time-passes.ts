import { BaseClock, isClosed } from './base.ts'
import type { Clock } from './types.ts'

/** Returns whether time passes by itself, so that what waits for it is worth waiting for. */
export const passes = (clock: Clock): boolean =>
  clock instanceof BaseClock ? clock.passes && !isClosed(clock) : !('advance' in clock)
