/** The numbers in which JavaScript and a supervisor of the core speak; `src/binding/supervisor.rs` has the other side. */

/** What a supervisor is told. */
export const START = 0
export const CHILD_STARTED = 1
export const CHILD_START_FAILED = 2
export const CHILD_EXITED = 3
export const START_CHILD = 4
export const START_DYNAMIC = 5
export const REMOVE_CHILD = 6
export const RENEW_CHILD = 7
export const TIMER = 8
export const EXIT_REQUESTED = 9
export const KILLED = 10

/** What it asks for. */
export const DO_START = 0
export const DO_CANCEL_START = 1
export const DO_EXIT = 2
export const DO_ARM = 3
export const DO_DISARM = 4
export const DO_REPLY = 5
export const DO_REFUSE = 6
export const DO_FORGET = 7
export const DO_READY = 8
export const DO_STOPPED = 9
/** What it tells observers. */
export const TOLD_STARTED = 10
export const TOLD_START_FAILED = 11
export const TOLD_EXITED = 12
export const TOLD_TERMINATED = 13
export const TOLD_STOPPING = 14
export const TOLD_LATE = 15

/** Numbers of an action, and before the first of a page. */
export const ACTION = 5
export const HEAD = 2

/** Why a request is refused. */
export const REFUSED_STOPPING = 0
export const REFUSED_NOT_FOUND = 1
export const REFUSED_DUPLICATE = 2
export const REFUSED_SPECIFICATION = 3
export const REFUSED_ARGUMENTS = 4
export const REFUSED_INVALID = 5
export const REFUSED_START_FAILED = 6

/** Why it ends. */
export const WHY_MAX_RESTARTS = 1
export const WHY_AUTO_SHUTDOWN = 2
export const WHY_START_FAILED = 3

/** Why a start failed, beyond what it threw. */
export const START_TIMED_OUT = 1
export const START_PID_TAKEN = 2
