import type { HandlerKind, Tracer } from '../internal/tracer.ts'
import { CALL, CAST, STOP } from '../protocol/actor.ts'
import type { Call } from './call.ts'
import { dispatch, dispatchTracked } from './dispatch.ts'
import { CastInContext, type SenderContext } from './caller-context.ts'
import { handles, type HandleTrace, HandlerTrace, TracedCast, untraced } from './handler-trace.ts'
import type { HandlerResult, Process } from './process.ts'

/**
 * Hands a message to the callback of a process, for the subscribers of `keelson:handle` and for a tracer.
 *
 * @param sent The message as it was kept: a call, or a message that may have contexts of its sender.
 */
export function dispatchTraced(
  process: Process,
  operation: number,
  sent: unknown,
  tracer: Tracer | undefined,
): HandlerResult {
  const value = untraced(sent)
  const run = (message: unknown): HandlerResult =>
    process.isAsync ? dispatchTracked(process, operation, message) : dispatch(process, operation, message)
  if (operation === STOP) return tracer === undefined ? run(value) : tracer.detached(() => run(value))
  const call = operation === CALL ? (value as Call) : undefined
  const origin = call === undefined ? (TracedCast.has(sent) ? sent.origin : undefined) : call.origin
  if (process.isCarrier) {
    const isSent = call !== undefined || operation === CAST
    return tracer === undefined || !isSent ? run(value) : tracer.attached(origin, () => run(value))
  }
  const sender = senderOf(value, call)
  const message = call === undefined ? (CastInContext.has(value) ? value.message : value) : call.message
  const kind = call === undefined ? (operation === CAST ? 'cast' : 'info') : 'call'
  const context = handles.hasSubscribers ? contextOf(process, kind, message, call) : undefined
  const span = tracer?.handler(process, kind, message, origin)
  if (context === undefined && span === undefined) return run(value)
  const trace = new HandlerTrace(context, span, process)
  if (sender === undefined) return trace.run(() => run(value))
  // The context of the sender is entered first: in it, its span would take the place of that of the handler.
  if (call !== undefined) call.context = undefined
  return sender.run(process, () => trace.run(() => run(call ?? message)))
}

/** Returns the context of a sender in which the handler runs, if it does. */
function senderOf(value: unknown, call: Call | undefined): SenderContext | undefined {
  if (call !== undefined) return call.context as SenderContext | undefined
  return CastInContext.has(value) ? value : undefined
}

function contextOf(process: Process, kind: HandlerKind, message: unknown, call: Call | undefined): HandleTrace {
  const { publicRef: ref, publicName: name } = process
  const trace = call?.trace
  return trace === undefined ? { ref, name, kind, message } : { ref, name, kind, message, call: trace }
}
