import type { Clock } from '../clock/types.ts'
import type { Instant } from '../clock/instant.ts'
import type { ErrorOwner } from '../internal/report-error.ts'
import type { System } from '../system/system.ts'

/** One committed change. */
export interface Change<T> {
  /** The value before the change. */
  readonly from: T
  /** The value after it. */
  readonly to: T
  /** The version before the change; a new atom has version 0. */
  readonly versionFrom: number
  /** One more than `versionFrom`. */
  readonly versionTo: number
  /** The time of the commit. */
  readonly at: Instant
  /** The reason that the caller passed. */
  readonly cause?: unknown
}

/** An atom's value at a version. */
export interface AtomSnapshot<T> {
  /** The value. */
  readonly value: T
  /** The version of the value; see `version()` of the atom. */
  readonly version: number
  /** The time of the commit. */
  readonly at: Instant
}

/** Options of a single change. */
export interface ChangeOptions {
  /** The reason of the change. Watchers find it in the change. */
  readonly cause?: unknown
}

/** Receives each change. What it throws, or rejects with, goes to `onError`; its result is ignored. */
export type Watcher<T> = (change: Change<T>) => unknown

/** Options of `createAtom`. */
export interface AtomOptions<T> {
  /** Returns whether two values are equal, so that no change is committed. Default `Object.is`. */
  readonly equals?: (a: T, b: T) => boolean
  /** The version of the initial value. Default 0. */
  readonly baseVersion?: number
  /**
   * The number of values, the current one included, that `history()` remembers. Default 16, at most 2^24; 1
   * remembers only the current one.
   */
  readonly historySize?: number
  /**
   * Warns of lost updates, for development. A `reset` or `set` whose caller had read the atom before another commit
   * overwrites that commit. The atom then emits a process warning, `KEELSON_LOST_UPDATE`, once for each place in your
   * code. Default false: it costs microseconds a read.
   */
  readonly warnOnLostUpdate?: boolean
  /** Owns errors of watchers, also rejections. Default: the owner of the system or of the clock. */
  readonly onError?: ErrorOwner
  /** Its name for observers, such as `Observer.getTables()`. Default: `atom_` and a number. */
  readonly name?: string
  /** The source of time and the owner of errors. Default: the default system of this environment. */
  readonly system?: System
}

/** A source of time for an atom: a clock, or any object with the `now()` of one. */
export type TimeSource = Pick<Clock, 'now'>
