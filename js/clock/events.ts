import type { Instant } from './instant.ts'

/**
 * An event that a clock passes to its `emit`. All `…Ms` are milliseconds; `at` is the time of the event on this clock.
 */
export type ClockEvent =
  | { type: 'time:sleep:start'; durationMs: number; at: Instant }
  | { type: 'time:sleep:end'; durationMs: number; actualMs: number; at: Instant }
  | { type: 'time:sleep:abort'; durationMs: number; at: Instant }
  | { type: 'time:deadline:start'; targetMs: number; delayMs: number; at: Instant }
  | { type: 'time:deadline:ok'; targetMs: number; actualMs: number; driftMs: number; at: Instant }
  | { type: 'time:deadline:err'; targetMs: number; actualMs: number; driftMs: number; at: Instant }
  | { type: 'time:deadline:abort'; targetMs: number; at: Instant }
  | { type: 'time:interval:set'; intervalMs: number; at: Instant }
  | { type: 'time:interval:tick'; intervalMs: number; tick: number; at: Instant }
  | { type: 'time:interval:error'; intervalMs: number; tick: number; error: unknown; at: Instant }
  | { type: 'time:interval:cancel'; intervalMs: number; ticks: number; at: Instant }
  | { type: 'time:wall_jump'; fromWall: number; toWall: number; monoMs: number }
  | { type: 'time:advance'; byMs: number; fromMono: number; toMono: number }
