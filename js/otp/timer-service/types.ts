import type { Durability } from '../../journal/durable/types.ts'
import type { System } from '../../system/system.ts'
import type { Registrar } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef, StartOptions } from '../gen-server/types.ts'

/** Refers to a timer service, which is a process. */
export interface TimerServiceRef extends GenServerRef<null, never, never, never> {
  /** The id of the process. */
  readonly id: string
}

/** Options of `TimerService.start`. Times are milliseconds. */
export interface TimerServiceOptions extends Pick<StartOptions, 'name' | 'metadata'> {
  /** A `RegistryInstance` that takes `name` as a key, instead of the system's names. */
  readonly registry?: Registrar
  /**
   * A directory that keeps the timers, so that they are there after a restart. Default: timers end with the service.
   */
  readonly path?: string
  /** The point at which a timer counts as stored; see `openJournal`. Default `'sync'`. Needs `path`. */
  readonly durability?: Durability
  /** The time in ms after which a message that found no target is tried again. Default 1000. */
  readonly retryMs?: number
  /** The system that the service belongs to. Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `TimerService.schedule`. */
export interface ScheduleTimerOptions {
  /** The period in ms after the first message, above 0. Default: one message. */
  readonly repeat?: number
  /** The timer's id; a timer that has it already is replaced. Default: a new id. */
  readonly id?: string
}

/** A timer that has not ended. */
export interface TimerEntry {
  /** The timer's id. */
  readonly id: string
  /** The name or the process that gets the message. */
  readonly target: string | SerializedRef
  /** The message. */
  readonly message: unknown
  /** The wall time in ms at which it is due next. */
  readonly fireAt: number
  /** Its period in ms, if it repeats. */
  readonly repeat?: number
  /** The number of failed deliveries since it was due. */
  readonly attempts: number
}
