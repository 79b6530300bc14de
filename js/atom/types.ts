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
  /** The version of the value; see {@link Atom.version}. */
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
   * The number of values, the current one included, that {@link Atom.history} remembers. Default 16, at most 2^24; 1
   * remembers only the current one.
   */
  readonly historySize?: number
  /** Owns errors of watchers, also rejections. Default: the owner of the system or of the clock. */
  readonly onError?: ErrorOwner
  /** The source of time and the owner of errors. Default: the default system of this environment. */
  readonly system?: System
}

/** A source of time for an atom: a clock, or any object with the `now()` of one. */
export type TimeSource = Pick<Clock, 'now'>

/**
 * A value that changes in whole steps, one version each: who reads it sees a committed value, never half a change.
 * A change is all or nothing: if the updater, `equals` or the clock throws, value, version and history stay.
 */
export interface Atom<T> {
  /** Returns the current value. */
  deref(): T
  /** Returns the version of the current value: `baseVersion`, and one more with each change. */
  version(): number
  /**
   * Commits what the updater makes of the current value and returns it. An equal result is no change: no version, no
   * notification, and the old value is returned. What the updater throws is thrown.
   *
   * @throws AtomReentrancyError from an updater or a watcher of this atom; nothing changes.
   */
  swap(updater: (current: T) => T, options?: ChangeOptions): T
  /** Commits a value, as {@link swap} does. */
  reset(next: T, options?: ChangeOptions): T
  /**
   * Commits `next` if the current value equals `expected` and `next` does not. True exactly when a change was
   * committed, so of two writers that expected the same value only one gets true.
   */
  compareAndSet(expected: T, next: T, options?: ChangeOptions): boolean
  /** Returns the current value and version with the time of this call. */
  snapshot(): AtomSnapshot<T>
  /**
   * Calls the watcher for each later change, on the stack of the change, in order of registration. A watcher that is
   * added during a notification starts with the next change. Returns a function that removes the watcher; each call of
   * `watch` counts on its own.
   */
  watch(watcher: Watcher<T>): () => void
  /** Returns the last `historySize` values with their commit times, oldest first; the current one is the last. */
  history(): readonly AtomSnapshot<T>[]
  /** Forgets all values but the current one. */
  clearHistory(): void
  /** The same as {@link deref}. */
  get(): T
  /** The same as {@link reset}. */
  set(next: T, options?: ChangeOptions): T
  /** The same as {@link swap}. */
  update(updater: (current: T) => T, options?: ChangeOptions): T
  /** Like {@link watch}, for the new value alone. Not called for the current one. */
  subscribe(subscriber: (value: T) => unknown): () => void
}
