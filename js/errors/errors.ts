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
  /** The path of the argument or option: `slo.baselineLatencyMs`. */
  readonly field: string
  /** The value that was refused. */
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

/** The name stands for a value of this system already. `system.names.register` throws it; nothing changes. */
export class NameTakenError extends KeelsonError {
  static readonly code = 'KEELSON_NAME_TAKEN'
  readonly code = 'KEELSON_NAME_TAKEN'
  /** The name. */
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

/**
 * The setup of your program makes a rate limit useless, such as a proxy whose headers it does not trust. `rateLimit()`
 * reports it to `onError` of the system, once for each check. Requests are served as before.
 */
export class MisconfigurationError extends KeelsonError {
  static readonly code = 'KEELSON_MISCONFIGURED'
  readonly code = 'KEELSON_MISCONFIGURED'
  /** The name of the check, which the option `validate` turns off. */
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
  /** The names of the packages. Any one of them will do. */
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

/** The class has no public constructor: call the function that makes its objects. */
export class PrivateConstructorError extends KeelsonError {
  static readonly code = 'KEELSON_PRIVATE_CONSTRUCTOR'
  readonly code = 'KEELSON_PRIVATE_CONSTRUCTOR'
  /** The function to call: `createAtom()`. */
  readonly factory: string
  constructor(className: string, factory: string) {
    super(`${className} has no public constructor: call ${factory}`)
    this.factory = factory
  }
}

/** A probe of `keelson/testing` got no message that it expected, or got one where it expected none. */
export class ExpectationError extends KeelsonError {
  static readonly code = 'KEELSON_EXPECTATION'
  readonly code = 'KEELSON_EXPECTATION'
  /** The messages that the probe had, in order. */
  readonly messages: readonly unknown[]
  constructor(message: string, messages: readonly unknown[]) {
    super(message)
    this.messages = messages
  }
}

/** What {@link BindingMissingError} says of a platform. */
export interface BindingPlatform {
  /** The operating system and the processor, as Node names them: `linux-x64`. */
  readonly platform: string
  /** The C library of a Linux; `undefined` elsewhere. */
  readonly libc: 'glibc' | 'musl' | undefined
  /** The package that has the addon of this platform; `undefined` where keelson is not built for it. */
  readonly package: string | undefined
  /** The error for which that package could not be loaded; `undefined` when it is not installed. */
  readonly cause: unknown
  /** The message of that error. */
  readonly reason: string
}

/**
 * The native addon of this platform is not installed, or cannot be loaded. Importing the package throws it. `cause` is
 * the reason that the system gave.
 */
export class BindingMissingError extends KeelsonError {
  static readonly code = 'KEELSON_BINDING_MISSING'
  readonly code = 'KEELSON_BINDING_MISSING'
  /** The operating system and the processor, as Node names them: `linux-x64`. */
  readonly platform: string
  /** The C library of a Linux; `undefined` elsewhere. */
  readonly libc: 'glibc' | 'musl' | undefined
  /** The package that has the addon of this platform; `undefined` where keelson is not built for it. */
  readonly package: string | undefined
  constructor({ platform, libc, package: name, cause, reason }: BindingPlatform) {
    const here = libc === undefined ? platform : `${platform} (${libc})`
    super(
      name === undefined
        ? `keelson has no native addon for ${here}: it is built for Linux, macOS and Windows on x64 and arm64`
        : cause === undefined
          ? `keelson's native addon for ${here} is not installed: the package ${name} is missing. Install keelson again, ` +
            'with optional dependencies and without a lockfile that was made for another platform; in a checkout, run ' +
            '`npm run build`'
          : `keelson's native addon for ${here} cannot be loaded from ${name}: ${reason}`,
      cause === undefined ? undefined : { cause },
    )
    this.platform = platform
    this.libc = libc
    this.package = name
  }
}

/**
 * The native addon was built for another version of the package. Importing the package throws it. Install keelson again,
 * so that both are of one version.
 */
export class BindingVersionError extends KeelsonError {
  static readonly code = 'KEELSON_BINDING_VERSION'
  readonly code = 'KEELSON_BINDING_VERSION'
  /** The package that has the addon. */
  readonly package: string
  /** The version of keelson. */
  readonly expected: string
  /** The version for which the addon was built. */
  readonly actual: string
  constructor(name: string, expected: string, actual: string) {
    super(`keelson ${expected} needs ${name} ${expected}, and found ${actual}: install keelson again`)
    this.package = name
    this.expected = expected
    this.actual = actual
  }
}

/** This Node is too old for the package. Importing the package throws it. */
export class UnsupportedNodeError extends KeelsonError {
  static readonly code = 'KEELSON_UNSUPPORTED_NODE'
  readonly code = 'KEELSON_UNSUPPORTED_NODE'
  /** The range of versions that work, as in `engines` of `package.json`. */
  readonly needed: string
  constructor(needed: string, version: string) {
    super(`keelson needs Node ${needed}, and this is ${version}`)
    this.needed = needed
  }
}

/** Returns whether a value is an {@link InvalidArgumentError}, of any copy of the package. */
export const isInvalidArgumentError: (error: unknown) => error is InvalidArgumentError = isCode(
  InvalidArgumentError.code,
)
/** Returns whether a value is a {@link ClosedError}, of any copy of the package. */
export const isClosedError: (error: unknown) => error is ClosedError = isCode(ClosedError.code)
/** Returns whether a value is a {@link NameTakenError}, of any copy of the package. */
export const isNameTakenError: (error: unknown) => error is NameTakenError = isCode(NameTakenError.code)
/** Returns whether a value is a {@link TimeoutError}, of any copy of the package. */
export const isTimeoutError: (error: unknown) => error is TimeoutError = isCode(TimeoutError.code)
/** Returns whether a value is a {@link MisconfigurationError}, of any copy of the package. */
export const isMisconfigurationError: (error: unknown) => error is MisconfigurationError = isCode(
  MisconfigurationError.code,
)
/** Returns whether a value is a {@link DependencyMissingError}, of any copy of the package. */
export const isDependencyMissingError: (error: unknown) => error is DependencyMissingError = isCode(
  DependencyMissingError.code,
)
/** Returns whether a value is an {@link ExpectationError}, of any copy of the package. */
export const isExpectationError: (error: unknown) => error is ExpectationError = isCode(ExpectationError.code)
/** Returns whether a value is a {@link NativePanicError}, of any copy of the package. */
export const isNativePanicError: (error: unknown) => error is NativePanicError = isCode(NativePanicError.code)
/** Returns whether a value is a {@link PrivateConstructorError}, of any copy of the package. */
export const isPrivateConstructorError: (error: unknown) => error is PrivateConstructorError = isCode(
  PrivateConstructorError.code,
)
/** Returns whether a value is a {@link BindingMissingError}, of any copy of the package. */
export const isBindingMissingError: (error: unknown) => error is BindingMissingError = isCode(BindingMissingError.code)
/** Returns whether a value is a {@link BindingVersionError}, of any copy of the package. */
export const isBindingVersionError: (error: unknown) => error is BindingVersionError = isCode(BindingVersionError.code)
/** Returns whether a value is an {@link UnsupportedNodeError}, of any copy of the package. */
export const isUnsupportedNodeError: (error: unknown) => error is UnsupportedNodeError = isCode(
  UnsupportedNodeError.code,
)
