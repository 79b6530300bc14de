/** Errors of processes. Names, fields and messages are those that users of GenServer libraries know. */
import { isCode } from '../errors/base.ts'
import { show } from '../errors/format-value.ts'
import { KeelsonError } from '../errors/errors.ts'
import { type Called, whoIs } from '../actor/errors.ts'
import { textOf } from '../internal/thrown-values.ts'

/** A process did not start: its `init` threw, rejected, took too long or returned no state. */
export class InitializationError extends KeelsonError {
  static readonly code = 'KEELSON_INIT_FAILED'
  readonly code = 'KEELSON_INIT_FAILED'
  /** The id of the process. */
  readonly serverId: string
  /** The error of `init`. */
  override readonly cause: Error
  constructor(serverId: string, cause: Error, called?: Called) {
    super(`${whoIs(serverId, called)} failed to initialize: ${textOf(cause)}`)
    this.serverId = serverId
    this.cause = cause
  }
}

/** A callback returned something that it must not. The state is unchanged. */
export class InvalidReturnError extends KeelsonError {
  static readonly code = 'KEELSON_INVALID_RETURN'
  readonly code = 'KEELSON_INVALID_RETURN'
  /** The id of the process. */
  readonly serverId: string
  /** The name of the callback: `'handleCall'`. */
  readonly callback: string
  constructor(serverId: string, callback: string, expected: string, called?: Called) {
    super(`${callback} of ${whoIs(serverId, called)} has to return ${expected}`)
    this.serverId = serverId
    this.callback = callback
  }
}

/**
 * A process got a call or a cast for which it has no callback. The caller gets the error; for a cast, the system's
 * `onError` does. The process goes on with the state it had.
 */
export class NotHandledError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_HANDLED'
  readonly code = 'KEELSON_NOT_HANDLED'
  /** The id of the process. */
  readonly serverId: string
  /** The name of the callback that it has not: `'handleCall'`. */
  readonly callback: string
  constructor(serverId: string, callback: string, called?: Called) {
    super(`${whoIs(serverId, called)} has no ${callback}`)
    this.serverId = serverId
    this.callback = callback
  }
}

/** A function that is only for callbacks of a process, such as `GenServer.self`, was called outside of them. */
export class OutsideHandlerError extends KeelsonError {
  static readonly code = 'KEELSON_OUTSIDE_HANDLER'
  readonly code = 'KEELSON_OUTSIDE_HANDLER'
  constructor(what: string) {
    super(`${what} was called outside of the callbacks of a process`)
  }
}

/** The reason of a persistent process that ended because its events could not be appended. */
export class PersistenceError extends KeelsonError {
  static readonly code = 'KEELSON_PERSISTENCE'
  readonly code = 'KEELSON_PERSISTENCE'
  /** The stream of the process. */
  readonly stream: string
  /** The error of the append: VersionConflictError, JournalIoError or ClosedError. */
  override readonly cause: unknown
  constructor(stream: string, cause: unknown) {
    super(`the events of the stream ${show(stream)} could not be appended: ${textOf(cause)}`)
    this.stream = stream
    this.cause = cause
  }
}

/** No process has the name that was looked up. */
export class NotRegisteredError extends KeelsonError {
  static readonly code = 'KEELSON_NOT_REGISTERED'
  readonly code = 'KEELSON_NOT_REGISTERED'
  /** The name. */
  readonly processName: string
  constructor(processName: string) {
    super(`No process registered under name '${processName}'`)
    this.processName = processName
  }
}

/** The name belongs to a living process. Nothing changed. */
export class AlreadyRegisteredError extends KeelsonError {
  static readonly code = 'KEELSON_ALREADY_REGISTERED'
  readonly code = 'KEELSON_ALREADY_REGISTERED'
  /** The name. */
  readonly registeredName: string
  constructor(registeredName: string) {
    super(`Name '${registeredName}' is already registered`)
    this.registeredName = registeredName
  }
}

/** Returns whether a value is an {@link InitializationError}, of any copy of the package. */
export const isInitializationError: (error: unknown) => error is InitializationError = isCode(InitializationError.code)
/** Returns whether a value is a {@link PersistenceError}, of any copy of the package. */
export const isPersistenceError: (error: unknown) => error is PersistenceError = isCode(PersistenceError.code)
/** Returns whether a value is an {@link InvalidReturnError}, of any copy of the package. */
export const isInvalidReturnError: (error: unknown) => error is InvalidReturnError = isCode(InvalidReturnError.code)
/** Returns whether a value is a {@link NotHandledError}, of any copy of the package. */
export const isNotHandledError: (error: unknown) => error is NotHandledError = isCode(NotHandledError.code)
/** Returns whether a value is an {@link OutsideHandlerError}, of any copy of the package. */
export const isOutsideHandlerError: (error: unknown) => error is OutsideHandlerError = isCode(OutsideHandlerError.code)
/** Returns whether a value is a {@link NotRegisteredError}, of any copy of the package. */
export const isNotRegisteredError: (error: unknown) => error is NotRegisteredError = isCode(NotRegisteredError.code)
/** Returns whether a value is an {@link AlreadyRegisteredError}, of any copy of the package. */
export const isAlreadyRegisteredError: (error: unknown) => error is AlreadyRegisteredError = isCode(
  AlreadyRegisteredError.code,
)
