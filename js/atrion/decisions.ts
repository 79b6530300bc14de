/** The state of a route's breaker: too few reports to judge, closed, or open. */
export type Mode = 'BOOTSTRAP' | 'OPERATIONAL' | 'CIRCUIT_BREAKER'

/** The reason of a refusal. */
export type ShedReason =
  /** No place is free, and the caller does not wait. */
  | 'limit'
  /** No place is free, the queue is full, and all that wait go first. */
  | 'queue-full'
  /** It waited as long as a wait makes sense, or as `maxWaitMs` allows. */
  | 'queue-deadline'
  /** A more important request took its place in the queue. */
  | 'displaced'
  /** Its voltage is not above the resistance. */
  | 'resistance'
  /** The Atrion was closed while it waited. */
  | 'closed'
