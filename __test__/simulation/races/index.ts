/** Twelve races that users write, each with its correct twin. */
import { doubleStart, lostUpdate, lostWakeUp, readThenWrite, staleFill, twoWriters } from './shared-state.ts'
import {
  ackBeforeSync,
  dedupeWindow,
  leaseAfterPause,
  restartDuringStop,
  retryStorm,
  timeoutAgainstReply,
} from './time-and-crashes.ts'
import type { Race } from './tools.ts'

export const races: readonly Race[] = [
  lostUpdate,
  readThenWrite,
  doubleStart,
  leaseAfterPause,
  staleFill,
  retryStorm,
  restartDuringStop,
  ackBeforeSync,
  dedupeWindow,
  twoWriters,
  timeoutAgainstReply,
  lostWakeUp,
]
