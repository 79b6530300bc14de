/** The contract between fibres and the runtime that owns them. */
import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { Body } from './body.ts'

/** Operations that run before the event loop gets a turn. */
export const BUDGET = 8192

/** The services that fibres need from their runtime. */
export interface FiberHost<F> {
  readonly clock: Clock
  readonly system: System
  /** The time a finaliser may take, in milliseconds. */
  readonly finalizerTimeoutMs: number
  /** Operations left until the event loop gets a turn. */
  budget: number
  /** True if fibres and finalisers record the call site of their creation. */
  readonly tracing: boolean
  /** The number of fibres that failed. */
  failedCount: number
  nextId(): number
  report(error: unknown, origin: string): void
  /** Adds a fibre without a parent. */
  adopt(fiber: F): void
  /** Takes over a fibre that did not end in time. Nothing waits for it any more. */
  leave(fiber: F): void
  /** Takes over a function that still runs although the last fibre that waited for it has ended. */
  abandon(body: Body): void
  /** Reports the failure of an ended fibre without a parent, unless it is joined within a turn of the event loop. */
  unjoined(fiber: F): void
  /** Removes an ended fibre without a parent. */
  ended(fiber: F): void
  /** Calls back after a turn of the event loop. */
  soon(run: () => void): void
  /** Returns the caller's call site while traced. */
  site(): Error | undefined
}
