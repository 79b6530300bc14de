/**
 * Every error keelson makes: a class, a stable `code`, a brand that survives realms and duplicate copies of the
 * package, and a guard. The table of codes is the core's (`src/core/error.rs`); a test keeps the two equal.
 */

import { isCode, KeelsonError } from './base.ts'
import { show } from './format-value.ts'

export { type ErrorCode, isKeelsonError, KeelsonError } from './base.ts'

/** An argument or option was refused; nothing was changed. */
export class InvalidArgumentError extends KeelsonError {
  static readonly code = 'KEELSON_INVALID_ARGUMENT'
  readonly code = 'KEELSON_INVALID_ARGUMENT'
  /** Which argument or option, as a path: `slo.baselineLatencyMs`. */
  readonly field: string
  /** What was given. */
  readonly value: unknown

  constructor(field: string, expected: string, value: unknown, hint: string = '') {
    super(`${field} must be ${expected}, got ${show(value)}${hint}`)
    this.field = field
    this.value = value
  }
}

/** The object was closed before the call. */
export class ClosedError extends KeelsonError {
  static readonly code = 'KEELSON_CLOSED'
  readonly code = 'KEELSON_CLOSED'
  constructor(what: string) {
    super(`${what} is closed`)
  }
}

/** The name has an owner in this system already. */
export class NameTakenError extends KeelsonError {
  static readonly code = 'KEELSON_NAME_TAKEN'
  readonly code = 'KEELSON_NAME_TAKEN'
  /** Which name. */
  readonly taken: string
  constructor(taken: string) {
    super(`the name ${show(taken)} is taken`)
    this.taken = taken
  }
}

/** The work did not end within its time. */
export class TimeoutError extends KeelsonError {
  static readonly code = 'KEELSON_TIMEOUT'
  readonly code = 'KEELSON_TIMEOUT'
  /** The time it had, in milliseconds. */
  readonly timeoutMs: number
  constructor(what: string, timeoutMs: number, message: string = `${what} timed out after ${timeoutMs} ms`) {
    super(message)
    this.timeoutMs = timeoutMs
  }
}

/** The program around a part is set up so that the part cannot do its work. It is reported, and nothing is refused. */
export class MisconfigurationError extends KeelsonError {
  static readonly code = 'KEELSON_MISCONFIGURED'
  readonly code = 'KEELSON_MISCONFIGURED'
  /** What was looked at: the name of the check, which can be turned off. */
  readonly check: string
  constructor(check: string, message: string) {
    super(message)
    this.check = check
  }
}

/** An optional package that was asked for is not installed. */
export class DependencyMissingError extends KeelsonError {
  static readonly code = 'KEELSON_DEPENDENCY_MISSING'
  readonly code = 'KEELSON_DEPENDENCY_MISSING'
  /** The packages of which one is needed. */
  readonly packages: readonly string[]
  constructor(what: string, packages: readonly string[], cause?: unknown) {
    const install = packages.map((name) => `npm install ${name}`).join(' or ')
    super(`${what} needs ${packages.join(' or ')}: ${install}`, cause === undefined ? undefined : { cause })
    this.packages = packages
  }
}

/** The Rust core panicked. The process lives; discard the object involved and report the bug. */
export class NativePanicError extends KeelsonError {
  static readonly code = 'KEELSON_PANIC'
  readonly code = 'KEELSON_PANIC'
  constructor(panic: string) {
    super(`keelson's core panicked: ${panic}`)
  }
}

/** The native addon could not be loaded. */
export class NativeMissingError extends KeelsonError {
  static readonly code = 'KEELSON_NATIVE_MISSING'
  readonly code = 'KEELSON_NATIVE_MISSING'
  constructor(cause: unknown) {
    const platform = `${process.platform}-${process.arch}`
    super(
      `keelson's native addon could not be loaded on ${platform}. If the package was installed with a lockfile from ` +
        'another platform or with optional dependencies left out, install it again; in a checkout, run `npm run build`.',
      { cause },
    )
  }
}

/** The package was loaded by a Node that is too old for it. Nothing works. */
export class UnsupportedNodeError extends KeelsonError {
  static readonly code = 'KEELSON_UNSUPPORTED_NODE'
  readonly code = 'KEELSON_UNSUPPORTED_NODE'
  /** Which versions will do, as `engines` in the package has it. */
  readonly needed: string
  constructor(needed: string, version: string) {
    super(`keelson needs Node ${needed}, and this is ${version}`)
    this.needed = needed
  }
}

/** Guard for {@link InvalidArgumentError}. */
export const isInvalidArgumentError: (error: unknown) => error is InvalidArgumentError = isCode(
  InvalidArgumentError.code,
)
/** Guard for {@link ClosedError}. */
export const isClosedError: (error: unknown) => error is ClosedError = isCode(ClosedError.code)
/** Guard for {@link NameTakenError}. */
export const isNameTakenError: (error: unknown) => error is NameTakenError = isCode(NameTakenError.code)
/** Guard for {@link TimeoutError}. */
export const isTimeoutError: (error: unknown) => error is TimeoutError = isCode(TimeoutError.code)
/** Guard for {@link MisconfigurationError}. */
export const isMisconfigurationError: (error: unknown) => error is MisconfigurationError = isCode(
  MisconfigurationError.code,
)
/** Guard for {@link DependencyMissingError}. */
export const isDependencyMissingError: (error: unknown) => error is DependencyMissingError = isCode(
  DependencyMissingError.code,
)
/** Guard for {@link NativePanicError}. */
export const isNativePanicError: (error: unknown) => error is NativePanicError = isCode(NativePanicError.code)
/** Guard for {@link NativeMissingError}. */
export const isNativeMissingError: (error: unknown) => error is NativeMissingError = isCode(NativeMissingError.code)
/** Guard for {@link UnsupportedNodeError}. */
export const isUnsupportedNodeError: (error: unknown) => error is UnsupportedNodeError = isCode(
  UnsupportedNodeError.code,
)
