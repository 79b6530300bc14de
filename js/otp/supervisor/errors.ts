/** Errors of supervisors. Names, fields and messages are those that users of supervisors know. */
import { isCode } from '../../errors/base.ts'
import { KeelsonError } from '../../errors/errors.ts'

/** Returns what errors call a supervisor: its id, after its name if it has one. */
const labelOf = (id: string, name: string | undefined): string => (name === undefined ? id : `${name} (${id})`)

/**
 * A supervisor gave up, because more restarts were needed than it allows. All its children were stopped. `cause` is the
 * last crash.
 */
export class MaxRestartsExceededError extends KeelsonError {
  static readonly code = 'KEELSON_MAX_RESTARTS'
  readonly code = 'KEELSON_MAX_RESTARTS'
  /** The id of the supervisor. */
  readonly supervisorId: string
  /** The number of restarts that were allowed. */
  readonly maxRestarts: number
  /** The time within which they were counted, in ms. */
  readonly withinMs: number
  /** The id of the child whose restart was one too many. */
  readonly childId: string | undefined
  constructor(
    supervisorId: string,
    maxRestarts: number,
    withinMs: number,
    options?: ErrorOptions,
    childId?: string,
    name?: string,
  ) {
    const label = labelOf(supervisorId, name)
    super(`Supervisor '${label}' exceeded max restarts (${maxRestarts} within ${withinMs}ms)`, options)
    this.childId = childId
    this.supervisorId = supervisorId
    this.maxRestarts = maxRestarts
    this.withinMs = withinMs
  }
}

/** The supervisor has a child with this id. Nothing changed. */
export class DuplicateChildError extends KeelsonError {
  static readonly code = 'KEELSON_DUPLICATE_CHILD'
  readonly code = 'KEELSON_DUPLICATE_CHILD'
  /** The id of the supervisor. */
  readonly supervisorId: string
  /** The id of the child. */
  readonly childId: string
  constructor(supervisorId: string, childId: string, name?: string) {
    super(`Child '${childId}' already exists in supervisor '${labelOf(supervisorId, name)}'`)
    this.supervisorId = supervisorId
    this.childId = childId
  }
}

/** The supervisor has no child with this id. */
export class ChildNotFoundError extends KeelsonError {
  static readonly code = 'KEELSON_CHILD_NOT_FOUND'
  readonly code = 'KEELSON_CHILD_NOT_FOUND'
  /** The id of the supervisor. */
  readonly supervisorId: string
  /** The id of the child. */
  readonly childId: string
  constructor(supervisorId: string, childId: string, name?: string) {
    super(`Child '${childId}' not found in supervisor '${labelOf(supervisorId, name)}'`)
    this.supervisorId = supervisorId
    this.childId = childId
  }
}

/** A `simple_one_for_one` supervisor was started without a template. Nothing was started. */
export class MissingChildTemplateError extends KeelsonError {
  static readonly code = 'KEELSON_MISSING_TEMPLATE'
  readonly code = 'KEELSON_MISSING_TEMPLATE'
  /** The id of the supervisor. */
  readonly supervisorId: string
  constructor(supervisorId: string) {
    super(`Supervisor '${supervisorId}': simple_one_for_one strategy requires childTemplate`)
    this.supervisorId = supervisorId
  }
}

/** A specification was passed where a template wants arguments, or the other way round. Nothing changed. */
export class InvalidSimpleOneForOneConfigError extends KeelsonError {
  static readonly code = 'KEELSON_INVALID_TEMPLATE'
  readonly code = 'KEELSON_INVALID_TEMPLATE'
  /** The id of the supervisor. */
  readonly supervisorId: string
  /** The mistake, in words. */
  readonly reason: string
  constructor(supervisorId: string, reason: string) {
    super(`Supervisor '${supervisorId}': invalid simple_one_for_one config - ${reason}`)
    this.supervisorId = supervisorId
    this.reason = reason
  }
}

/** The supervisor is stopping, or has stopped. */
export class SupervisorNotFoundError extends KeelsonError {
  static readonly code = 'KEELSON_SUPERVISOR_NOT_FOUND'
  readonly code = 'KEELSON_SUPERVISOR_NOT_FOUND'
  /** The id of the supervisor. */
  readonly supervisorId: string
  constructor(supervisorId: string, name?: string) {
    super(`Supervisor '${labelOf(supervisorId, name)}' not found`)
    this.supervisorId = supervisorId
  }
}

/** Returns whether a value is a {@link MaxRestartsExceededError}, of any copy of the package. */
export const isMaxRestartsExceededError: (error: unknown) => error is MaxRestartsExceededError = isCode(
  MaxRestartsExceededError.code,
)
/** Returns whether a value is a {@link DuplicateChildError}, of any copy of the package. */
export const isDuplicateChildError: (error: unknown) => error is DuplicateChildError = isCode(DuplicateChildError.code)
/** Returns whether a value is a {@link ChildNotFoundError}, of any copy of the package. */
export const isChildNotFoundError: (error: unknown) => error is ChildNotFoundError = isCode(ChildNotFoundError.code)
/** Returns whether a value is a {@link MissingChildTemplateError}, of any copy of the package. */
export const isMissingChildTemplateError: (error: unknown) => error is MissingChildTemplateError = isCode(
  MissingChildTemplateError.code,
)
/** Returns whether a value is an {@link InvalidSimpleOneForOneConfigError}, of any copy of the package. */
export const isInvalidSimpleOneForOneConfigError: (error: unknown) => error is InvalidSimpleOneForOneConfigError =
  isCode(InvalidSimpleOneForOneConfigError.code)
/** Returns whether a value is a {@link SupervisorNotFoundError}, of any copy of the package. */
export const isSupervisorNotFoundError: (error: unknown) => error is SupervisorNotFoundError = isCode(
  SupervisorNotFoundError.code,
)
