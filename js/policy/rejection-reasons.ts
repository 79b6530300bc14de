/** Reasons and messages of rejections, for the errors and for their light copies in `rejections.ts`. */

/** The reason for which a circuit breaker rejected a call. */
export type CircuitRefusal =
  /** The circuit is open. */
  | 'open'
  /** The circuit is half open, and all its probes are under way. */
  | 'probing'
  /** `isolate()` was called. */
  | 'isolated'

/** The reason for which a bulkhead rejected a call. */
export type BulkheadRefusal =
  /** All permits were in use, and the queue was full. */
  | 'full'
  /** The call waited longer than `queueTimeoutMs`. */
  | 'queue-timeout'
  /** `clear()` was called while the call waited. */
  | 'cleared'
  /** `drain()` was called. */
  | 'draining'

/** Returns the message of a `CircuitOpenError`. */
export const circuitMessage = (policy: string, reason: CircuitRefusal, retryAfterMs: number | undefined): string => {
  const until = retryAfterMs === undefined ? '' : `, ask again in ${Math.ceil(retryAfterMs)} ms`
  return reason === 'isolated' ? `${policy} is isolated` : `${policy} is ${reason}${until}`
}

const bulkheadMessages: Readonly<Record<BulkheadRefusal, string>> = {
  full: 'has no free place',
  'queue-timeout': 'had no free place in time',
  cleared: 'had its queue cleared',
  draining: 'takes no more work',
}

/** Returns the message of a `BulkheadRejectedError`. */
export const bulkheadMessage = (policy: string, reason: BulkheadRefusal): string =>
  `${policy} ${bulkheadMessages[reason]}`
