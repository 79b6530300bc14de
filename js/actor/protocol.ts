/** The numbers in which JavaScript and the actor runtime of the core speak; `src/binding/actor.rs` has the other side. */

/** Numbers of a submission: process, operation, slot, time. */
export const SUBMISSION = 4
/** Numbers of a step: process, operation, slot, and two more. */
export const STEP = 5
/** The same in 32-bit words. Operations, kinds and slots stand in words: an operation or a kind in the first of its number. */
export const SUBMISSION_WORDS: number = SUBMISSION * 2
export const STEP_WORDS: number = STEP * 2
/** The words of a submission or a step: what it is; the place of a slot, or a kind; which use of that place. */
export const OPERATION = 2
export const PLACE = 4
export const USE = 5
/** Submissions that fit before the core has to take them; also steps of a round. */
export const CAPACITY = 1024
/** What stands behind the steps: submissions and time in; whether there is more and the next deadline out. */
export const TAIL: number = CAPACITY * STEP

/** What can be submitted. The first five are also what a step can ask to run; the first three are messages of users. */
export const CAST = 0
export const CALL = 1
export const INFO = 2
export const STOP = 3
export const SYSTEM = 4
export const CALLER = 5
export const BUSY = 6
export const DONE = 7
export const CALL_ENDED = 8
export const STARTED = 9
export const RESTARTING = 10
export const STOPPING = 11
export const EXITED = 12
export const EXIT = 13

/** What a step can ask for, beyond running. */
export const CALL_FAILED = 5
export const FREE = 6
export const DROPPED = 7
export const TERMINATE = 8
export const DOWN = 9
export const EXIT_SIGNAL = 10
export const GONE = 11
/** What becomes of a step that is taken back before its turn. */
export const TAKEN_BACK = 12

/** Why a call fails. */
export const NO_PROCESS = 0
export const TIMED_OUT = 1
export const CYCLE = 2
export const FULL = 3

/** What became of an offered message. */
export const OFFER_QUEUED = 0
export const OFFER_DISPLACED = 1
export const OFFER_FULL = 2

/** How a process ends, as far as the core tells endings apart. */
export const NORMAL = 0
export const SHUTDOWN = 1
export const FAILED = 2
export const KILLED = 3
export type ExitKind = typeof NORMAL | typeof SHUTDOWN | typeof FAILED | typeof KILLED

/** The core's slot of a process, from its pid. */
export const slotOf = (pid: number): number => pid & (2 ** 24 - 1)
