/** Time that can be injected: the host's, or one under control. */
export type { ClockEvent } from './events.ts'
export {
  ControlledClock,
  type ControlledClockOptions,
  createControlledClock,
  type RunUntilIdleOptions,
} from './controlled-clock.ts'
export type { Instant, InstantFields } from './instant.ts'
export { type Millis, ms } from './millis.ts'
export type { Sleeper } from './sleepers.ts'
export { createSystemClock, SystemClock, type SystemClockOptions } from './system-clock.ts'
export type { ErrorOwner } from '../internal/report-error.ts'
export type { Clock, DeadlineTarget, EmitFn, ScheduleOptions, TimerHandle, WaitOptions } from './types.ts'
