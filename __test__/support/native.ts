/** The addon, as the built package loads it: for tests of the seam, and of counters that users do not see. */
import { createRequire } from 'node:module'

const loaded = createRequire(import.meta.url)('../../dist/native.js') as { readonly native: unknown }

/** The exports of the addon. */
export const native: unknown = loaded.native
