/** Errors of registries of keys. Names, fields and messages are those that users of such registries know. */
import { isCode } from '../../errors/base.ts'
import { KeelsonError } from '../../errors/errors.ts'

/** A living process has the key, and keys of this registry are unique. Nothing changed. */
export class AlreadyRegisteredKeyError extends KeelsonError {
  static readonly code = 'KEELSON_KEY_TAKEN'
  readonly code = 'KEELSON_KEY_TAKEN'
  /** The name of the registry. */
  readonly registryName: string
  /** The key. */
  readonly key: string
  constructor(registryName: string, key: string) {
    super(`Key '${key}' is already registered in registry '${registryName}'.`)
    this.registryName = registryName
    this.key = key
  }
}

/** No process has the key. */
export class KeyNotFoundError extends KeelsonError {
  static readonly code = 'KEELSON_KEY_NOT_FOUND'
  readonly code = 'KEELSON_KEY_NOT_FOUND'
  /** The name of the registry. */
  readonly registryName: string
  /** The key. */
  readonly key: string
  constructor(registryName: string, key: string) {
    super(`Key '${key}' is not registered in registry '${registryName}'.`)
    this.registryName = registryName
    this.key = key
  }
}

/** One process was looked up where a key can have several. */
export class DuplicateKeyLookupError extends KeelsonError {
  static readonly code = 'KEELSON_DUPLICATE_KEYS'
  readonly code = 'KEELSON_DUPLICATE_KEYS'
  /** The name of the registry. */
  readonly registryName: string
  /** The key. */
  readonly key: string
  constructor(registryName: string, key: string, method = 'lookup', instead = 'Use lookupAll() instead.') {
    super(`Cannot use ${method}() on duplicate-key registry '${registryName}' for key '${key}'. ${instead}`)
    this.registryName = registryName
    this.key = key
  }
}

/** `dispatch` was called on a registry whose keys are unique. */
export class DispatchNotSupportedError extends KeelsonError {
  static readonly code = 'KEELSON_UNIQUE_KEYS'
  readonly code = 'KEELSON_UNIQUE_KEYS'
  /** The name of the registry. */
  readonly registryName: string
  constructor(registryName: string) {
    super(`dispatch() is not supported on unique-key registry '${registryName}'. Use a duplicate-key registry instead.`)
    this.registryName = registryName
  }
}

/** The process has the key already. Nothing changed. */
export class DuplicateRegistrationError extends KeelsonError {
  static readonly code = 'KEELSON_DUPLICATE_REGISTRATION'
  readonly code = 'KEELSON_DUPLICATE_REGISTRATION'
  /** The name of the registry. */
  readonly registryName: string
  /** The key. */
  readonly key: string
  /** The id of the process. */
  readonly refId: string
  constructor(registryName: string, key: string, refId: string) {
    super(`Ref '${refId}' is already registered under key '${key}' in registry '${registryName}'.`)
    this.registryName = registryName
    this.key = key
    this.refId = refId
  }
}

/** Returns whether a value is an {@link AlreadyRegisteredKeyError}, of any copy of the package. */
export const isAlreadyRegisteredKeyError: (error: unknown) => error is AlreadyRegisteredKeyError = isCode(
  AlreadyRegisteredKeyError.code,
)
/** Returns whether a value is a {@link KeyNotFoundError}, of any copy of the package. */
export const isKeyNotFoundError: (error: unknown) => error is KeyNotFoundError = isCode(KeyNotFoundError.code)
/** Returns whether a value is a {@link DuplicateKeyLookupError}, of any copy of the package. */
export const isDuplicateKeyLookupError: (error: unknown) => error is DuplicateKeyLookupError = isCode(
  DuplicateKeyLookupError.code,
)
/** Returns whether a value is a {@link DispatchNotSupportedError}, of any copy of the package. */
export const isDispatchNotSupportedError: (error: unknown) => error is DispatchNotSupportedError = isCode(
  DispatchNotSupportedError.code,
)
/** Returns whether a value is a {@link DuplicateRegistrationError}, of any copy of the package. */
export const isDuplicateRegistrationError: (error: unknown) => error is DuplicateRegistrationError = isCode(
  DuplicateRegistrationError.code,
)
