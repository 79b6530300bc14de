import { type ErrorCode, isKeelsonError, KeelsonError } from '../errors/errors.ts'
import { bulkheadText, type BulkheadRefusal, circuitText, type CircuitRefusal } from './rejection-reasons.ts'

export type { BulkheadRefusal, CircuitRefusal } from './rejection-reasons.ts'

/**
 * A circuit breaker did not let a call through; the task was not run.
 *
 * One that a breaker makes has no stack trace, which would cost several times what the refusal does: its `stack` is its
 * first line. It is an `Error` by its prototype, not by V8's constructor.
 */
export class CircuitOpenError extends KeelsonError {
  static readonly code = 'KEELSON_CIRCUIT_OPEN'
  readonly code = 'KEELSON_CIRCUIT_OPEN'
  /** The breaker's name. */
  readonly policy: string
  /** Why. */
  readonly reason: CircuitRefusal
  /** When a call may get through, in milliseconds from the refusal; `undefined` when nobody knows. */
  readonly retryAfterMs: number | undefined
  constructor(policy: string, reason: CircuitRefusal, retryAfterMs?: number) {
    super(circuitText(policy, reason, retryAfterMs))
    this.policy = policy
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** A bulkhead did not let a call through, at once or after a wait; the task was not run. As cheap as a {@link CircuitOpenError}. */
export class BulkheadRejectedError extends KeelsonError {
  static readonly code = 'KEELSON_BULKHEAD_REJECTED'
  readonly code = 'KEELSON_BULKHEAD_REJECTED'
  /** The bulkhead's name. */
  readonly policy: string
  /** Why. */
  readonly reason: BulkheadRefusal
  constructor(policy: string, reason: BulkheadRefusal) {
    super(bulkheadText(policy, reason))
    this.policy = policy
    this.reason = reason
  }
}

const guard =
  <E extends KeelsonError>(code: ErrorCode) =>
  (error: unknown): error is E =>
    isKeelsonError(error) && error.code === code

/** Guard for {@link CircuitOpenError}. */
export const isCircuitOpenError: (error: unknown) => error is CircuitOpenError = guard(CircuitOpenError.code)
/** Guard for {@link BulkheadRejectedError}. */
export const isBulkheadRejectedError: (error: unknown) => error is BulkheadRejectedError = guard(
  BulkheadRejectedError.code,
)
