/** The base class of all errors, their codes, and the guards that tell them apart. */

const BRAND: unique symbol = Symbol.for('keelson.error') as never

/** The codes of all keelson errors. A released code keeps its meaning. */
export type ErrorCode =
  | 'KEELSON_INVALID_ARGUMENT'
  | 'KEELSON_CLOSED'
  | 'KEELSON_NAME_TAKEN'
  | 'KEELSON_SHED'
  | 'KEELSON_TIMEOUT'
  | 'KEELSON_TIMER_LOOP'
  | 'KEELSON_NOT_IDLE'
  | 'KEELSON_CLOCK_INSTALLED'
  | 'KEELSON_NOT_PLAIN'
  | 'KEELSON_ATOM_REENTRANT'
  | 'KEELSON_SHARED_KIND'
  | 'KEELSON_JOURNAL_REENTRANT'
  | 'KEELSON_JOURNAL_OVERFLOW'
  | 'KEELSON_JOURNAL_CORRUPT'
  | 'KEELSON_JOURNAL_LOCKED'
  | 'KEELSON_JOURNAL_FORMAT'
  | 'KEELSON_JOURNAL_IO'
  | 'KEELSON_JOURNAL_GAP'
  | 'KEELSON_VERSION_CONFLICT'
  | 'KEELSON_JOURNAL_NAME_IN_USE'
  | 'KEELSON_REPLAY'
  | 'KEELSON_PERSISTENCE'
  | 'KEELSON_RECORD_TOO_LARGE'
  | 'KEELSON_CALL_TIMEOUT'
  | 'KEELSON_NOT_RUNNING'
  | 'KEELSON_INIT_FAILED'
  | 'KEELSON_CALL_CYCLE'
  | 'KEELSON_MAILBOX_FULL'
  | 'KEELSON_INVALID_RETURN'
  | 'KEELSON_NOT_HANDLED'
  | 'KEELSON_OUTSIDE_HANDLER'
  | 'KEELSON_NOT_REGISTERED'
  | 'KEELSON_ALREADY_REGISTERED'
  | 'KEELSON_KEY_TAKEN'
  | 'KEELSON_KEY_NOT_FOUND'
  | 'KEELSON_DUPLICATE_KEYS'
  | 'KEELSON_UNIQUE_KEYS'
  | 'KEELSON_DUPLICATE_REGISTRATION'
  | 'KEELSON_TASK_FAILED'
  | 'KEELSON_TASK_ENDED'
  | 'KEELSON_MAX_RESTARTS'
  | 'KEELSON_DUPLICATE_CHILD'
  | 'KEELSON_CHILD_NOT_FOUND'
  | 'KEELSON_MISSING_TEMPLATE'
  | 'KEELSON_INVALID_TEMPLATE'
  | 'KEELSON_SUPERVISOR_NOT_FOUND'
  | 'KEELSON_BUS_OVERFLOW'
  | 'KEELSON_RATE_LIMITED'
  | 'KEELSON_RATE_LIMIT_QUEUE_FULL'
  | 'KEELSON_RATE_LIMIT_STORE'
  | 'KEELSON_MISCONFIGURED'
  | 'KEELSON_PROCESS'
  | 'KEELSON_LEASE_ENDED'
  | 'KEELSON_PROVIDER'
  | 'KEELSON_DEPENDENCY_MISSING'
  | 'KEELSON_CIRCUIT_OPEN'
  | 'KEELSON_BULKHEAD_REJECTED'
  | 'KEELSON_FAILED_RESPONSE'
  | 'KEELSON_SAGA_FAILED'
  | 'KEELSON_INTERRUPTED'
  | 'KEELSON_EFFECT_FAILED'
  | 'KEELSON_SCOPE_CLOSED'
  | 'KEELSON_UNFINISHED'
  | 'KEELSON_JOIN_CYCLE'
  | 'KEELSON_QUEUE_SHUTDOWN'
  | 'KEELSON_OBSERVE_ADDRESS'
  | 'KEELSON_PROPERTY'
  | 'KEELSON_NOT_LINEARIZABLE'
  | 'KEELSON_SIMULATION_STUCK'
  | 'KEELSON_REAL_WORLD'
  | 'KEELSON_NONDETERMINISM'
  | 'KEELSON_REPLAY_DIVERGED'
  | 'KEELSON_REPLAY_FILE'
  | 'KEELSON_LEAK'
  | 'KEELSON_EXPECTATION'
  | 'KEELSON_PANIC'
  | 'KEELSON_PRIVATE_CONSTRUCTOR'
  | 'KEELSON_DASHBOARD_NO_TERMINAL'
  | 'KEELSON_DASHBOARD_RUNNING'
  | 'KEELSON_DASHBOARD_NO_SERVICE'
  | 'KEELSON_DASHBOARD_NO_PROCESS'
  | 'KEELSON_DASHBOARD_FAILED'
  | 'KEELSON_BINDING_MISSING'
  | 'KEELSON_BINDING_VERSION'
  | 'KEELSON_UNSUPPORTED_NODE'

/** The base of every error that keelson makes. Tell them apart by `code` or with the guards, not by message. */
export abstract class KeelsonError extends Error {
  /** A stable, documented identifier. */
  abstract readonly code: ErrorCode
  /** @internal On the prototype: to make an error costs no more than to make any. */
  declare readonly [BRAND]: true

  /** The name of its class. */
  override get name(): string {
    return this.constructor.name
  }

  override set name(name: string) {
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true })
  }
}
Object.defineProperty(KeelsonError.prototype, BRAND, { value: true })

/** Returns whether a value is a keelson error. Recognises errors of another copy of the package or another realm. */
export function isKeelsonError(error: unknown): error is KeelsonError {
  try {
    try {
      return typeof error === 'object' && error !== null && (error as { [BRAND]?: unknown })[BRAND] === true
    } catch {
      // A revoked proxy answers no question.
      return false
    }
  } catch {
    // A proxy that was revoked is no error of anybody's.
    return false
  }
}

/** The guard of the error class with a code. */
export const isCode =
  <E extends KeelsonError>(code: ErrorCode) =>
  (error: unknown): error is E =>
    isKeelsonError(error) && error.code === code
