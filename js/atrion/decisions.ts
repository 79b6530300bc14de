/** Where a route's breaker stands. */
export type Mode = 'BOOTSTRAP' | 'OPERATIONAL' | 'CIRCUIT_BREAKER'

/** Why something was not admitted. */
export type ShedReason =
  /** No free slot, and the caller does not wait. */
  | 'limit'
  /** No free slot, and everyone who waits goes before it. */
  | 'queue-full'
  /** It waited as long as that makes sense. */
  | 'queue-deadline'
  /** It was waiting, and a more important request took its place. */
  | 'displaced'
  /** Its voltage is not above the resistance. */
  | 'resistance'
  /** The engine was closed while it waited. */
  | 'closed'
