import { native } from '../native.ts'
import type { ShedReason } from './decisions.ts'

/** Names of reasons by the core's code. */
export const SHED_REASONS: readonly ShedReason[] = native.shedReasons() as ShedReason[]
