import type { Instant } from '../../clock/instant.ts'
import type { ErrorOwner } from '../../internal/report-error.ts'
import type { System } from '../../system/system.ts'

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
   * The number of values that `history()` remembers: the most that any handle asked for. Default 1, at
   * most 2^24.
   */
  readonly historySize?: number
  /** Owns errors of this handle's watchers, also rejections. Default: the owner of the system. */
  readonly onError?: ErrorOwner
}

/** Options of a watcher. */
export interface SharedWatchOptions {
  /**
   * With true, changes that wait may become one, from the value last seen to the newest. Default false: the watcher is
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
