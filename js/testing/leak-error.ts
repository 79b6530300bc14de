import { LeakError } from '../effect/errors.ts'

/** Returns the error of a test that left something alive, with a line for each. */
export const leakError = (leaks: readonly string[]): LeakError => new LeakError(leaks)
