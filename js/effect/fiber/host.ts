import type { Clock } from '../../clock/types.ts'
import type { System } from '../../system/system.ts'
import type { Body } from './body.ts'

/** Operations that run before the event loop gets a turn. */
export const BUDGET = 8192

/** What fibres need of the place they live in. */
export interface Host<F> {
  readonly clock: Clock
  readonly system: System
  /** How long a finaliser may take, in milliseconds. */
  readonly finalizerTimeoutMs: number
  /** Operations until the event loop gets a turn. */
  budget: number
  /** Whether fibres and finalisers remember where they were made. */
  readonly tracing: boolean
  nextId(): number
  report(error: unknown, origin: string): void
  /** Takes a fibre that belongs to the system. */
  adopt(fiber: F): void
  /** Takes a fibre that did not end in time; nobody waits for it any more. */
  leave(fiber: F): void
  /** Takes the function of an effect that still runs although the fibre, the last that waited for it, has ended. */
  abandon(body: Body): void
  /** Nobody has joined it yet, and it has no parent: whoever owns its failure is known a turn later. */
  unjoined(fiber: F): void
  /** A fibre of the system has ended. */
  ended(fiber: F): void
  /** Calls back after a turn of the event loop. */
  soon(run: () => void): void
  /** Where the caller stands, while traced. */
  site(): Error | undefined
}
