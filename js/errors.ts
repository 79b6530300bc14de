/**
 * Every error keelson makes: a class, a stable `code`, a brand that survives realms and duplicate copies of the
 * package, and a guard. The table of codes is the core's (`src/core/error.rs`); a test keeps the two equal.
 */

const BRAND: unique symbol = Symbol.for('keelson.error') as never

/** The codes of all keelson errors. A released code keeps its meaning. */
export type ErrorCode =
  | 'KEELSON_INVALID_ARGUMENT'
  | 'KEELSON_CLOSED'
  | 'KEELSON_NAME_TAKEN'
  | 'KEELSON_SHED'
  | 'KEELSON_TIMEOUT'
  | 'KEELSON_TIMER_LOOP'
  | 'KEELSON_PANIC'
  | 'KEELSON_NATIVE_MISSING'

/** The base of every error that keelson makes. Tell them apart by `code` or with the guards, not by message. */
export abstract class KeelsonError extends Error {
  /** A stable, documented identifier. */
  abstract readonly code: ErrorCode
  /** @internal */
  readonly [BRAND]: true = true

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    // Not enumerable, so that errors print and compare by what they say.
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true, writable: true })
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** An argument or option was refused; nothing was changed. */
export class InvalidArgumentError extends KeelsonError {
  static readonly code: 'KEELSON_INVALID_ARGUMENT' = 'KEELSON_INVALID_ARGUMENT'
  readonly code: 'KEELSON_INVALID_ARGUMENT' = 'KEELSON_INVALID_ARGUMENT'
  /** Which argument or option, as a path: `slo.baselineLatencyMs`. */
  readonly field: string
  /** What was given. */
  readonly value: unknown

  constructor(field: string, expected: string, value: unknown) {
    super(`${field} must be ${expected}, got ${show(value)}`)
    this.field = field
    this.value = value
  }
}

/** The object was closed before the call. */
export class ClosedError extends KeelsonError {
  static readonly code: 'KEELSON_CLOSED' = 'KEELSON_CLOSED'
  readonly code: 'KEELSON_CLOSED' = 'KEELSON_CLOSED'
  constructor(what: string) {
    super(`${what} is closed`)
  }
}

/** The name has an owner in this system already. */
export class NameTakenError extends KeelsonError {
  static readonly code: 'KEELSON_NAME_TAKEN' = 'KEELSON_NAME_TAKEN'
  readonly code: 'KEELSON_NAME_TAKEN' = 'KEELSON_NAME_TAKEN'
  /** Which name. */
  readonly taken: string
  constructor(taken: string) {
    super(`the name ${show(taken)} is taken`)
    this.taken = taken
  }
}

/** Admission was refused to keep the service useful. */
export class ShedError extends KeelsonError {
  static readonly code: 'KEELSON_SHED' = 'KEELSON_SHED'
  readonly code: 'KEELSON_SHED' = 'KEELSON_SHED'
  /** The route that refused. */
  readonly route: string
  /** Why, see `ShedReason`. */
  readonly reason: string
  /** When to try again, in milliseconds. */
  readonly retryAfterMs: number
  /** The route's resistance at the decision, in ohms. */
  readonly resistance: number
  constructor(route: string, reason: string, retryAfterMs: number, resistance: number) {
    super(`${route} sheds load: ${reason}, retry after ${Math.ceil(retryAfterMs)} ms`)
    this.route = route
    this.reason = reason
    this.retryAfterMs = retryAfterMs
    this.resistance = resistance
  }
}

/** The work did not end within its time. */
export class TimeoutError extends KeelsonError {
  static readonly code: 'KEELSON_TIMEOUT' = 'KEELSON_TIMEOUT'
  readonly code: 'KEELSON_TIMEOUT' = 'KEELSON_TIMEOUT'
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  constructor(what: string, timeoutMs: number) {
    super(`${what} timed out after ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** A controlled clock stopped because timers keep scheduling timers for the same instant. */
export class TimerLoopError extends KeelsonError {
  static readonly code: 'KEELSON_TIMER_LOOP' = 'KEELSON_TIMER_LOOP'
  readonly code: 'KEELSON_TIMER_LOOP' = 'KEELSON_TIMER_LOOP'
  /** The timer that would have fired next: its kind, callback and, where known, its place of creation. */
  readonly timer: string
  constructor(limit: number, atMs: number, timer: string) {
    super(
      `${limit} timers in a row were scheduled for the instant in which they were made (${atMs} ms); the next is ${timer}`,
    )
    this.timer = timer
  }
}

/** The Rust core panicked. The process lives; discard the object involved and report the bug. */
export class NativePanicError extends KeelsonError {
  static readonly code: 'KEELSON_PANIC' = 'KEELSON_PANIC'
  readonly code: 'KEELSON_PANIC' = 'KEELSON_PANIC'
  constructor(panic: string) {
    super(`keelson's core panicked: ${panic}`)
  }
}

/** The native addon could not be loaded. */
export class NativeMissingError extends KeelsonError {
  static readonly code: 'KEELSON_NATIVE_MISSING' = 'KEELSON_NATIVE_MISSING'
  readonly code: 'KEELSON_NATIVE_MISSING' = 'KEELSON_NATIVE_MISSING'
  constructor(cause: unknown) {
    const platform = `${process.platform}-${process.arch}`
    super(
      `keelson's native addon could not be loaded on ${platform}. If the package was installed with a lockfile from ` +
        'another platform or with optional dependencies left out, install it again; in a checkout, run `npm run build`.',
      { cause },
    )
  }
}

/** Whether a value is an error of keelson's, from whichever copy of the package or realm. */
export function isKeelsonError(error: unknown): error is KeelsonError {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: unknown })[BRAND] === true
}

const isCode =
  <E extends KeelsonError>(code: ErrorCode) =>
  (error: unknown): error is E =>
    isKeelsonError(error) && error.code === code

/** Guard for {@link InvalidArgumentError}. */
export const isInvalidArgumentError: (error: unknown) => error is InvalidArgumentError = isCode(
  InvalidArgumentError.code,
)
/** Guard for {@link ClosedError}. */
export const isClosedError: (error: unknown) => error is ClosedError = isCode(ClosedError.code)
/** Guard for {@link NameTakenError}. */
export const isNameTakenError: (error: unknown) => error is NameTakenError = isCode(NameTakenError.code)
/** Guard for {@link ShedError}. */
export const isShedError: (error: unknown) => error is ShedError = isCode(ShedError.code)
/** Guard for {@link TimeoutError}. */
export const isTimeoutError: (error: unknown) => error is TimeoutError = isCode(TimeoutError.code)
/** Guard for {@link TimerLoopError}. */
export const isTimerLoopError: (error: unknown) => error is TimerLoopError = isCode(TimerLoopError.code)
/** Guard for {@link NativePanicError}. */
export const isNativePanicError: (error: unknown) => error is NativePanicError = isCode(NativePanicError.code)
/** Guard for {@link NativeMissingError}. */
export const isNativeMissingError: (error: unknown) => error is NativeMissingError = isCode(NativeMissingError.code)

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}
