/** Modules of the package that no entry exports, for tests of them: those that the entries use. */
import { createRequire } from 'node:module'

import type * as Inside from './inside-modules.ts'

/** The functions and classes of `inside-modules.ts`. */
export const inside = createRequire(import.meta.url)('../../dist/inside.js') as typeof Inside
