import { lazy } from '../../internal/lazy.ts'
import type * as SupervisorModule from './implementation.ts'

/** Returns what supervisors consist of. It is large, and many programs have none. */
export const supervisors: () => typeof SupervisorModule = lazy(
  () => require('./implementation.ts') as typeof SupervisorModule,
)
