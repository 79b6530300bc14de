/** The time after which a test, a hook or a child process counts as hanging. It judges no speed. */
export const HANG_GUARD_MS = 600_000
