/** The addon, as the built package loads it: for tests of the seam, and of counters that users do not see. */
import { inside } from './inside.ts'

/** The exports of the addon. */
export const native: unknown = inside.native
