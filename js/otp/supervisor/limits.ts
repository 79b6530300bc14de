/** The time that a child has to end, in ms. */
export const SHUTDOWN_TIMEOUT = 5000
/** The number of restarts that a supervisor allows within {@link WITHIN_MS}. */
export const MAX_RESTARTS = 3
export const WITHIN_MS = 5000
