/** Errors of policies. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'
import { textOf } from '../internal/thrown-values.ts'
import { bulkheadMessage, type BulkheadRefusal, circuitMessage, type CircuitRefusal } from './rejection-reasons.ts'

export type { BulkheadRefusal, CircuitRefusal } from './rejection-reasons.ts'

/**
 * A circuit breaker rejected a call; the task was not run.
 *
 * Errors that a breaker creates carry no stack trace, because building one costs several times the rejection itself:
 * their `stack` is the first line only. They are an `Error` by prototype, not by V8's constructor.
 */
export class CircuitOpenError extends KeelsonError {
  static readonly code = 'KEELSON_CIRCUIT_OPEN'
  readonly code = 'KEELSON_CIRCUIT_OPEN'
  /** The breaker's name. */
  readonly policy: string
  /** The state of the circuit that rejected the call. */
  readonly reason: CircuitRefusal
  /**
   * Milliseconds from the rejection until a call may get through; `undefined` when the circuit was isolated by hand.
   */
  readonly retryAfterMs: number | undefined
  constructor(policy: string, reason: CircuitRefusal, retryAfterMs?: number) {
    super(circuitMessage(policy, reason, retryAfterMs))
    this.policy = policy
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * A bulkhead rejected a call, at once or after a wait; the task was not run. Carries no stack trace, as {@link
 * CircuitOpenError}.
 */
export class BulkheadRejectedError extends KeelsonError {
  static readonly code = 'KEELSON_BULKHEAD_REJECTED'
  readonly code = 'KEELSON_BULKHEAD_REJECTED'
  /** The bulkhead's name. */
  readonly policy: string
  /** The reason for which the bulkhead rejected the call. */
  readonly reason: BulkheadRefusal
  constructor(policy: string, reason: BulkheadRefusal) {
    super(bulkheadMessage(policy, reason))
    this.policy = policy
    this.reason = reason
  }
}

/**
 * A response of `policy.fetch` that counts as a failure, as the policies, their predicates and listeners see it. The
 * caller of `fetch` gets the response itself.
 */
export class FailedResponseError extends KeelsonError {
  static readonly code = 'KEELSON_FAILED_RESPONSE'
  readonly code = 'KEELSON_FAILED_RESPONSE'
  /** The response. Its body is cancelled when the policies discard it. */
  readonly response: Response
  /** The status of the response. */
  readonly status: number
  /** The wait that its header `Retry-After` asks for, in milliseconds; `undefined` without one. */
  readonly retryAfterMs: number | undefined
  constructor(response: Response, retryAfterMs?: number) {
    super(`the response has status ${response.status}`)
    this.response = response
    this.status = response.status
    this.retryAfterMs = retryAfterMs
  }
}

/** The compensation of a step of a saga that failed. */
export interface CompensationFailure {
  /** The name of the step whose effects remain. */
  readonly step: string
  /** The error of its `compensate`. */
  readonly error: unknown
}

/**
 * A saga failed, or was aborted. The steps before were compensated, the last one first; `failures` lists compensations
 * that failed. `cause` is the error of the step, or the reason of the abort.
 */
export class SagaError extends KeelsonError {
  static readonly code = 'KEELSON_SAGA_FAILED'
  readonly code = 'KEELSON_SAGA_FAILED'
  /** The name of the step that failed; after an abort, of the step that ran or was next. */
  readonly step: string
  /** The names of the steps that were compensated, in the order in which that was done. */
  readonly compensated: readonly string[]
  /** The compensations that failed, in the order in which they were tried. */
  readonly failures: readonly CompensationFailure[]
  constructor(step: string, cause: unknown, compensated: readonly string[], failures: readonly CompensationFailure[]) {
    const remains = failures.length === 0 ? '' : `; not compensated: ${failures.map((one) => one.step).join(', ')}`
    super(`step ${step} of the saga failed: ${textOf(cause)}${remains}`, { cause })
    this.step = step
    this.compensated = compensated
    this.failures = failures
  }
}

/** Returns whether a value is a {@link CircuitOpenError}, from whichever copy of the package. */
export const isCircuitOpenError: (error: unknown) => error is CircuitOpenError = isCode(CircuitOpenError.code)
/** Returns whether a value is a {@link BulkheadRejectedError}, from whichever copy of the package. */
export const isBulkheadRejectedError: (error: unknown) => error is BulkheadRejectedError = isCode(
  BulkheadRejectedError.code,
)
/** Returns whether a value is a {@link FailedResponseError}, from whichever copy of the package. */
export const isFailedResponseError: (error: unknown) => error is FailedResponseError = isCode(FailedResponseError.code)
/** Returns whether a value is a {@link SagaError}, from whichever copy of the package. */
export const isSagaError: (error: unknown) => error is SagaError = isCode(SagaError.code)
