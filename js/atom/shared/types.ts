import type { Instant } from '../../clock/instant.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'
import type { AtomSnapshot, ChangeOptions } from '../types.ts'

/** Options of `sharedCounter` and `sharedFlag`, and part of those of `createSharedAtom`. */
export interface SharedOptions {
  /** The system that the handle belongs to and is closed with. Default: the default system of this environment. */
  readonly system?: System
  /** The namespace of the name. Default: the namespace of the system. */
  readonly namespace?: string
}

/** Options of `createSharedAtom`. */
export interface SharedAtomOptions<T> extends SharedOptions {
  /**
   * Returns whether two values are equal, so that no change is committed. Default `Object.is`. It is this handle's
   * alone.
   */
  readonly equals?: (a: T, b: T) => boolean
  /**
   * The number of values that {@link SharedAtom.history} remembers: the most that any handle asked for. Default 1, at
   * most 2^24.
   */
  readonly historySize?: number
  /** Owns errors of this handle's watchers, also rejections. Default: the owner of the system. */
  readonly onError?: ErrorOwner
}

/** Options of a watcher. */
export interface SharedWatchOptions {
  /**
   * With true, changes that wait may become one, from the value last seen to the newest. By default the watcher is
   * called for every change.
   */
  readonly coalesce?: boolean
}

/** A change that was committed by any thread. */
export interface SharedChange<T> {
  /** The value before the change, frozen. */
  readonly from: T
  /** The value after it, frozen. */
  readonly to: T
  /** The version before the change. */
  readonly versionFrom: number
  /** One more than `versionFrom`, or more with `coalesce`. */
  readonly versionTo: number
  /** When, by the clock of the thread that committed. Only `wallMs` compares between threads. */
  readonly at: Instant
  /** The reason that the committer passed: plain data, as the value is. */
  readonly cause?: unknown
}

/** A named value of the process that this thread has open: an atom, a counter or a flag. */
export interface SharedHandle {
  /** Its name within the namespace. */
  readonly name: string
  /** Returns whether {@link close} was called. */
  readonly closed: boolean
  /** Closes this handle. The value is forgotten with the last handle of the process. Idempotent. */
  close(): void
  [Symbol.dispose](): void
}

/**
 * One value for all threads of the process. Every commit has a version of its own, one more than the one before; no
 * commit is lost, and no thread sees an older value after a newer one, or misses what another thread told it of.
 *
 * Values are plain data. What is read is frozen, decoded once a version and thread, and the same object until the value
 * changes. (Bytes cannot be frozen in JavaScript: do not write into a typed array that was read.)
 */
export interface SharedAtom<T> extends SharedHandle {
  /** Returns the current value. Without a change since the last read of this thread, neither a call nor a copy. */
  deref(): T
  /** The same as {@link deref}. */
  get(): T
  /** Returns the version of the current value: 0 for the initial one, and one more with each change. */
  version(): number
  /**
   * Commits what the updater makes of the current value and returns it. If another thread commits first, the updater
   * runs again on the newer value, so it should do nothing else. An equal result is no change, and the current value is
   * returned.
   *
   * @throws AtomReentrancyError from an updater of this atom on this thread; nothing changes.
   * @throws NotPlainError for a result that is not plain data; nothing changes.
   */
  swap(updater: (current: T) => T, options?: ChangeOptions): T
  /** The same as {@link swap}. */
  update(updater: (current: T) => T, options?: ChangeOptions): T
  /** Commits a value, as {@link swap} does. */
  reset(next: T, options?: ChangeOptions): T
  /** The same as {@link reset}. */
  set(next: T, options?: ChangeOptions): T
  /**
   * Commits `next` if the current value equals `expected` and `next` does not. True exactly when a change was
   * committed, so of two threads that expected the same value only one gets true. Objects that were read are the same
   * only until the value changes; for others give `equals`, or compare versions.
   */
  compareAndSet(expected: T, next: T, options?: ChangeOptions): boolean
  /** Commits `next` if the current version is this one and `next` does not equal the value; whether it did. */
  compareAndSetVersion(version: number, next: T, options?: ChangeOptions): boolean
  /** Returns the current value and version, which belong together, with the time of this call. */
  snapshot(): AtomSnapshot<T>
  /** Returns the last values with their commit times, oldest first; the current one is the last. */
  history(): readonly AtomSnapshot<T>[]
  /**
   * Calls the watcher for each later change of any thread, this one included: in version order, soon after the commit,
   * never on its stack. Keeps the AsyncLocalStorage context of this call, and keeps no event loop open; still, the
   * watcher hears of this thread's own commits before the thread ends. Returns a function that removes the watcher.
   */
  watch(watcher: (change: SharedChange<T>) => unknown, options?: SharedWatchOptions): () => void
  /** Like {@link watch}, for the new value alone. */
  subscribe(subscriber: (value: T) => unknown, options?: SharedWatchOptions): () => void
}

/** Options of `sharedCounter`. */
export interface SharedCounterOptions extends SharedOptions {
  /** The value of a new counter. Default 0. */
  readonly initial?: number
}

/**
 * An integer that all threads of the process change without a lock, and without losing a step. It stays within
 * ±(2^53 - 1): a step beyond is refused and changes nothing.
 */
export interface SharedCounter extends SharedHandle {
  /** The value now. */
  readonly value: number
  /**
   * Adds and returns the new value.
   *
   * @throws InvalidArgumentError for an amount that is not a safe integer, or would make the value one that is not.
   */
  add(amount: number): number
  /** Adds 1 and returns the new value. */
  increment(): number
  /** Takes 1 and returns the new value. */
  decrement(): number
  /** Sets the value and returns the one before. */
  set(value: number): number
  /** Sets the value if it is `expected`. Returns whether it was. */
  compareAndSet(expected: number, next: number): boolean
}

/** Options of `sharedFlag`. */
export interface SharedFlagOptions extends SharedOptions {
  /** The state of a new flag. Default false. */
  readonly initial?: boolean
}

/** A yes or no that all threads of the process see at once. */
export interface SharedFlag extends SharedHandle {
  /** Returns whether the flag is up now. Reads shared memory, which costs no call into the core. */
  readonly value: boolean
  /** Sets it and returns what it was. */
  set(value: boolean): boolean
  /** Raises it; true for the one caller that found it down. */
  raise(): boolean
  /** Lowers it; true for the one caller that found it up. */
  lower(): boolean
  /** Sets the flag if it is `expected`. Returns whether it was. */
  compareAndSet(expected: boolean, next: boolean): boolean
}
