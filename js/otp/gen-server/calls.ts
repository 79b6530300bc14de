/** `GenServer.call`, `cast` and `stop`. */
import { Call } from '../../actor/call.ts'
import { calls, type CallTrace } from '../../actor/handler-trace.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { DEAD, ENDING, RUNNING } from '../../actor/process.ts'
import { tracers } from '../../internal/tracer.ts'
import { whenAborted } from '../../internal/abort-hub.ts'
import { abortSignal, known, options as checkOptions, timeout } from '../../internal/validate.ts'
import { CastInContext, SenderContext } from '../../actor/caller-context.ts'
import { checkReason } from './exit-reasons.ts'
import { OFFER_FULL } from '../../protocol/actor.ts'
import type { GenServerProcess } from './process.ts'
import { callTargetOf, processOf, findProcess } from './ref.ts'
import type { CallOptions, GenServerRef, ReplyTo, TerminateReason, WithReplyMap } from './types.ts'

export const CALL_TIMEOUT = 5000

export function call<State, CallMsg, CastMsg, CallReply, const Message extends CallMsg>(
  ref: GenServerRef<State, CallMsg, CastMsg, CallReply> & WithReplyMap<CallReply>,
  message: Message,
  options?: CallOptions,
): Promise<ReplyTo<CallReply, Message>>
export function call<State, CallMsg, CastMsg, CallReply>(
  ref: GenServerRef<State, CallMsg, CastMsg, CallReply>,
  message: NoInfer<CallMsg>,
  options?: CallOptions,
): Promise<CallReply>
export function call(ref: GenServerRef, message: unknown, options?: CallOptions): Promise<unknown> {
  if (tracers.count > 0 || calls.hasSubscribers) return tracedCall(ref, message, options)
  return new Promise((resolve, reject) => send(ref, message, options, resolve, reject))
}

function tracedCall(ref: GenServerRef, message: unknown, options?: CallOptions): Promise<unknown> {
  const server = findProcess(ref)
  const trace = server === undefined || !calls.hasSubscribers ? undefined : { ref, name: server.name, message }
  const start = (): Promise<unknown> =>
    new Promise((resolve, reject) => send(ref, message, options, resolve, reject, trace))
  const begin = trace === undefined ? start : (): Promise<unknown> => calls.trace(trace, start)
  const tracer = server?.runtime.tracer
  return server === undefined || tracer === undefined ? begin() : tracer.call(server, () => message, begin)
}

function send(
  ref: GenServerRef,
  message: unknown,
  options: CallOptions | undefined,
  resolve: (reply: unknown) => void,
  reject: (error: unknown) => void,
  trace?: CallTrace,
): void {
  const server = findProcess(ref) ?? callTargetOf('ref', ref)
  const timeoutMs = options === undefined ? CALL_TIMEOUT : callTimeout(options)
  if (server.status !== RUNNING) throw new ServerNotRunningError(server.id, server)
  const request = new Call(server, message, timeoutMs, resolve, reject)
  if (server.usesCallerContext) request.context = new SenderContext()
  if (trace !== undefined) request.trace = trace
  if (options?.signal !== undefined) rejectOnAbort(request, options.signal)
  server.runtime.sendCall(request)
}

function callTimeout(options: CallOptions): number {
  known('options', checkOptions('options', options), ['timeout', 'signal'])
  return timeout('options.timeout', CALL_TIMEOUT, options.timeout)
}

/** Rejects a call when its signal aborts. The listener goes with the call. */
function rejectOnAbort(request: Call, option: AbortSignal): void {
  const signal = abortSignal('options.signal', option) as AbortSignal
  if (signal.aborted) throw signal.reason
  request.whenSettled = whenAborted(signal, (reason) => {
    if (request.target.runtime.settle(request)) request.giveUp(reason)
  })
}

export function cast<State, CallMsg, CastMsg, CallReply>(
  ref: GenServerRef<State, CallMsg, CastMsg, CallReply>,
  message: NoInfer<CastMsg>,
): boolean {
  return castTo(findProcess(ref) ?? callTargetOf('ref', ref), message)
}

/** Casts to a process; during its `init`, the message waits. Returns false when its mailbox is full. */
export function castTo(server: GenServerProcess, message: unknown): boolean {
  if (server.status > RUNNING) throw new ServerNotRunningError(server.id, server)
  const isPlain = !server.usesCallerContext || CastInContext.has(message)
  const sent = isPlain ? message : new CastInContext(message)
  if (server.mailboxLimit !== undefined) return server.runtime.tryCast(server, sent) < OFFER_FULL
  server.runtime.cast(server, sent)
  return true
}

export function stop(ref: GenServerRef, reason: TerminateReason = 'normal'): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = processOf('ref', ref)
    const request = { reason: checkReason('reason', reason), resolve, reject }
    if (server.status === DEAD) resolve()
    else if (server.status === ENDING) server.addStopRequest(request)
    else server.runtime.requestStop(server, request)
  })
}
