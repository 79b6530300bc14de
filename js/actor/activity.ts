/** Says what the runtime handles, while the event loop is watched. */
import { activity, typeNumber } from '../internal/loop-watch.ts'
import { native } from '../native.ts'
import * as protocol from '../protocol/event-loop.ts'
import { CALL, INFO } from '../protocol/actor.ts'
import { NONE } from '../protocol/lane.ts'
import type { Call } from './call.ts'
import { CastInContext } from './caller-context.ts'
import { messageTypeOf } from './crash-reports.ts'
import { untraced } from './handler-trace.ts'
import type { Process } from './process.ts'

/** The memory of the watch in which a process has its label. */
const labelled = new WeakMap<Process, Float64Array>()

/** Says that a process handles a message. */
export function beginActivity(
  cells: Float64Array,
  handle: number,
  process: Process,
  operation: number,
  value: unknown,
): void {
  if (labelled.get(process) !== cells) label(cells, handle, process)
  cells[protocol.ACTIVITY_RUNTIME] = handle
  cells[protocol.ACTIVITY_PID] = process.pid
  cells[protocol.ACTIVITY_MESSAGE] = operation <= INFO ? typeNumber(typeOf(operation, value)) : NONE
  cells[protocol.ACTIVITY_OPERATION] = operation
}

function typeOf(operation: number, value: unknown): string | undefined {
  if (operation === CALL) return messageTypeOf((value as Call).message)
  const message = untraced(value)
  return messageTypeOf(CastInContext.has(message) ? message.message : message)
}

/** Says that the handler has returned. */
export function endActivity(cells: Float64Array): void {
  cells[protocol.ACTIVITY_OPERATION] = NONE
}

function label(cells: Float64Array, handle: number, process: Process): void {
  labelled.set(process, cells)
  const { pid } = process
  native.loopWatchLabel(handle, pid, process.label)
  process.onEnd(() => {
    if (activity.cells === cells) native.loopWatchForget(handle, pid)
  })
}
