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

/** The memory that the rest belongs to. */
let known: Float64Array | undefined
/** The processes whose labels the watch knows. */
let labelled = new WeakSet<Process>()
/** The process and the type of the last message: most messages are like the one before, and are not told again. */
let lastProcess: Process | undefined
let lastType: string | undefined

/**
 * Says that a process handles a message.
 *
 * @param mayBeWrapped True if a cast or an info may have the context of its sender around it.
 */
export function beginActivity(
  cells: Float64Array,
  process: Process,
  operation: number,
  value: unknown,
  mayBeWrapped: boolean,
): void {
  if (process !== lastProcess || cells !== known) turnTo(cells, process)
  const message = operation === CALL ? (value as Call).message : mayBeWrapped ? unwrapped(value) : value
  const type = operation > INFO ? undefined : messageTypeOf(message)
  if (type !== lastType) {
    lastType = type
    cells[protocol.ACTIVITY_MESSAGE] = typeNumber(type)
  }
  cells[protocol.ACTIVITY_OPERATION] = operation
}

/** Returns a message as its sender wrote it. */
function unwrapped(value: unknown): unknown {
  const message = untraced(value)
  return CastInContext.has(message) ? message.message : message
}

function turnTo(cells: Float64Array, process: Process): void {
  if (cells !== known) {
    known = cells
    labelled = new WeakSet()
    lastType = undefined
    cells[protocol.ACTIVITY_MESSAGE] = NONE
  }
  lastProcess = process
  const { pid, runtime } = process
  const { handle } = runtime
  cells[protocol.ACTIVITY_RUNTIME] = handle
  cells[protocol.ACTIVITY_PID] = pid
  if (labelled.has(process)) return
  labelled.add(process)
  native.loopWatchLabel(handle, pid, process.label)
  process.onEnd(() => {
    if (lastProcess === process) lastProcess = undefined
    if (activity.cells === cells) native.loopWatchForget(handle, pid)
  })
}

/** Says that the handler has returned. */
export function endActivity(cells: Float64Array): void {
  cells[protocol.ACTIVITY_OPERATION] = NONE
}
