/** Why a circuit breaker refused: it is open, it is half open and its probes are out, or somebody isolated it. */
export type CircuitRefusal = 'open' | 'probing' | 'isolated'

/** Why a bulkhead refused: it is full, the wait was too long, the queue was cleared, or it drains. */
export type BulkheadRefusal = 'full' | 'queue-timeout' | 'cleared' | 'draining'

/** What a refusal says. */
export const circuitText = (policy: string, reason: CircuitRefusal, retryAfterMs: number | undefined): string => {
  const until = retryAfterMs === undefined ? '' : `, ask again in ${Math.ceil(retryAfterMs)} ms`
  return reason === 'isolated' ? `${policy} is isolated` : `${policy} is ${reason}${until}`
}

const bulkheadTexts: Readonly<Record<BulkheadRefusal, string>> = {
  full: 'has no free place',
  'queue-timeout': 'had no free place in time',
  cleared: 'had its queue cleared',
  draining: 'takes no more work',
}
/** What a refusal says. */
export const bulkheadText = (policy: string, reason: BulkheadRefusal): string => `${policy} ${bulkheadTexts[reason]}`
