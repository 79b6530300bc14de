/** Errors of policies. */
import { isCode } from '../errors/base.ts'
import { KeelsonError } from '../errors/errors.ts'
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

/** Returns whether a value is a {@link CircuitOpenError}, from whichever copy of the package. */
export const isCircuitOpenError: (error: unknown) => error is CircuitOpenError = isCode(CircuitOpenError.code)
/** Returns whether a value is a {@link BulkheadRejectedError}, from whichever copy of the package. */
export const isBulkheadRejectedError: (error: unknown) => error is BulkheadRejectedError = isCode(
  BulkheadRejectedError.code,
)
