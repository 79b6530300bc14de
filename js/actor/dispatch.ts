import { CALL, CAST, STOP } from '../protocol/actor.ts'
import type { Call } from './call.ts'
import { runTracked } from './call-context.ts'
import type { HandlerResult, Process } from './process.ts'

/** Hands a message to the callback of a process for its operation. */
export function dispatch(process: Process, operation: number, value: unknown): HandlerResult {
  if (operation === CAST) return process.onCast(value)
  if (operation === CALL) {
    process.running = value as Call
    return process.onCall(value as Call)
  }
  if (operation !== STOP) return process.onInfo(value)
  process.onStop(value)
  return undefined
}

/** Does the same as {@link dispatch}, and tracks the run. A function of its own: untracked ones allocate no closure. */
export function dispatchTracked(process: Process, operation: number, value: unknown): HandlerResult {
  return runTracked(process, () => dispatch(process, operation, value))
}
