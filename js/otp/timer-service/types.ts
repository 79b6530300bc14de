import type { Durability } from '../../journal/durable/types.ts'
import type { System } from '../../system/system.ts'
import type { Registrar } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef, StartOptions } from '../gen-server/types.ts'

/** Names a timer service. Opaque, as every ref; a service is a process. */
export interface TimerServiceRef extends GenServerRef<null, never, never, never> {
  readonly id: string
}

/** Options of `TimerService.start`. Times are milliseconds. */
export interface TimerServiceOptions extends Pick<StartOptions, 'name' | 'metadata'> {
  /** Registers it there under `name`, instead of among the system's names. */
  readonly registry?: Registrar
  /** A directory in which timers are kept, so that they are there after a restart. Default: they end with the service. */
  readonly path?: string
  /** When a stored timer counts as stored; see `openJournal`. Default `'sync'`. Needs `path`. */
  readonly durability?: Durability
  /** How long to wait before a message that nobody could take is tried again. Default 1000. */
  readonly retryMs?: number
  /** Default: the default system of this environment. */
  readonly system?: System
}

/** Options of `TimerService.schedule`. */
export interface ScheduleTimerOptions {
  /** Sends again every so many ms after the first time, above 0. Default: once. */
  readonly repeat?: number
  /** The timer's id; one that has it already is replaced. Default: a new one. */
  readonly id?: string
}

/** A timer that has not ended. */
export interface TimerEntry {
  readonly id: string
  /** The name of who gets the message, or a process. */
  readonly target: string | SerializedRef
  readonly message: unknown
  /** When it is due next, in wall ms. */
  readonly fireAt: number
  /** Its period, if it repeats. */
  readonly repeat?: number
  /** How often its message could not be delivered since it was due. */
  readonly attempts: number
}
