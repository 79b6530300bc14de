import type { Durability } from '../../journal/durable/types.ts'
import type { System } from '../../system/system.ts'
import type { Registrar } from '../gen-server/registrable.ts'
import type { GenServerRef, SerializedRef, StartOptions } from '../gen-server/types.ts'

/** Refers to a timer service, which is a process. */
export interface TimerServiceRef extends GenServerRef<null, never, never, never> {
  /** The id of the process. */
  readonly id: string
}

/** A record as a storage of earlier libraries keeps it. */
export interface StoredTimerRecord {
  /** The timer. */
  readonly state: unknown
  /** The time and the origin of the write. */
  readonly metadata: { readonly persistedAt: number; readonly serverId: string; readonly schemaVersion: number }
}

/** A storage of yours for timers, in the form of earlier libraries. Keys begin with `durable_timer:`. */
export interface TimerAdapter {
  /** Stores a record under a key. */
  save(key: string, record: StoredTimerRecord): unknown
  /** Returns the record of a key, or `undefined`. */
  load(key: string): StoredTimerRecord | undefined | Promise<StoredTimerRecord | undefined>
  /** Removes a key. */
  delete(key: string): unknown
  /** Returns the keys that begin with a prefix. */
  listKeys(prefix: string): readonly string[] | Promise<readonly string[]>
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
  /**
   * A storage of your own that keeps the timers, instead of `path`. It stays open when the service ends. Its failures
   * reject `schedule` and `cancel`; those that have no caller go to the system's `onError`.
   */
  readonly adapter?: TimerAdapter
  /**
   * Accepted for programs of earlier libraries, which looked for due timers so often, in ms. It has no effect: each timer
   * is one of the system's clock.
   */
  readonly checkIntervalMs?: number
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
