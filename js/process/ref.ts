import { Call } from '../actor/call.ts'
import { calls, type CallTrace } from '../actor/handler-trace.ts'
import { SenderContext } from '../actor/caller-context.ts'
import { callable, timeout as timeoutOf } from '../internal/validate.ts'
import { ASK_TIMEOUT, checkReason } from './options.ts'
import type { ProcessId, StopReason } from './ids.ts'
import type { Any, ProcessRef, ProcessStatus } from './types.ts'
import type { StatefulProcess } from './process.ts'

/** A process as users hold it: a ref that stays the same over restarts. */
class StatefulProcessRef implements ProcessRef {
  readonly id: ProcessId
  readonly name: string
  readonly #process: StatefulProcess

  constructor(process: StatefulProcess) {
    this.id = process.id
    this.name = process.spec.name
    this.#process = process
  }

  send(message: unknown): boolean {
    return this.#process.send(message)
  }

  async stop(reason: StopReason = 'normal'): Promise<void> {
    await this.#process.stop(checkReason(reason))
  }

  ask<R = Any>(build: (reply: (value: R) => void) => Any, timeout?: number): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      callable('build', build)
      const timeoutMs = timeoutOf('timeout', ASK_TIMEOUT, timeout)
      const process = this.#process
      if (calls.hasSubscribers || process.runtime.tracer !== undefined) resolve(tracedAsk(process, build, timeoutMs))
      else ask(process, build, timeoutMs, resolve, reject)
    })
  }

  status(): ProcessStatus {
    return this.#process.phase
  }
}

function ask<R>(
  process: StatefulProcess,
  build: (reply: (value: R) => void) => unknown,
  timeoutMs: number,
  resolve: (value: R) => void,
  reject: (error: unknown) => void,
  trace?: CallTrace & { message: unknown },
): void {
  const sent: { call?: Call } = {}
  let answered = false
  const message = build((value) => {
    answered = true
    // A message whose reply is called while it is built is still sent, and nobody waits for it.
    if (sent.call === undefined) resolve(value)
    else sent.call.answer(value)
  })
  if (trace !== undefined) trace.message = message
  if (!process.takesMail) {
    if (!answered) reject(process.endError())
    return
  }
  if (answered) {
    process.send(message)
    return
  }
  const request = new Call(process, message, timeoutMs, resolve as (reply: unknown) => void, reject)
  if (process.usesCallerContext) request.context = new SenderContext()
  if (trace !== undefined && calls.hasSubscribers) request.trace = trace
  sent.call = request
  const before = process.notifier.hasListener ? process.runtime.mailboxSize(process) : 0
  process.runtime.sendCall(request)
  if (process.notifier.hasListener && process.runtime.mailboxSize(process) > before) process.noteQueued()
}

function tracedAsk<R>(
  process: StatefulProcess,
  build: (reply: (value: R) => void) => unknown,
  timeoutMs: number,
): Promise<R> {
  const trace = { ref: process.publicRef, name: process.spec.name, message: undefined as unknown }
  const start = (): Promise<R> =>
    new Promise((resolve, reject) => ask(process, build, timeoutMs, resolve, reject, trace))
  const begin = calls.hasSubscribers ? (): Promise<R> => calls.trace(trace, start) : start
  const { tracer } = process.runtime
  return tracer === undefined ? begin() : tracer.call(process, () => trace.message, begin)
}

export const refOf = (process: StatefulProcess): ProcessRef => new StatefulProcessRef(process)
