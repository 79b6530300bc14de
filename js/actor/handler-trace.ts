/** The tracing channels `keelson:call` and `keelson:handle`, and the trace of one handler. */
import { TraceChannel } from '../internal/trace-channel.ts'
import type { HandlerSpan, Tracer } from '../internal/tracer.ts'
import { KILLED } from '../protocol/actor.ts'

/** The context object of the tracing channel `keelson:call`. */
export interface CallTrace {
  /** The process that is called: the ref that the caller has. */
  readonly ref: object
  /** The name of the process, if it has one. */
  readonly name: string | undefined
  /** The message of the call. */
  readonly message: unknown
  /** The reply, once there is one. */
  result?: unknown
  /** The error with which the call rejects, once it does. */
  error?: unknown
}

/** The context object of the tracing channel `keelson:handle`. */
export interface HandleTrace {
  /** The process whose handler runs, or the bus whose subscriber runs. */
  readonly ref: object
  /** The name of the process, if it has one. */
  readonly name: string | undefined
  /** The kind of the message: `info` comes from the runtime, and `event` from a bus. */
  readonly kind: 'call' | 'cast' | 'info' | 'event'
  /** The message that is handled. */
  readonly message: unknown
  /** The topic of the message, if a bus delivers it. */
  readonly topic?: string
  /** The pattern of the subscriber, if a bus delivers the message. */
  readonly pattern?: string
  /** The context object of the call that is handled, if `keelson:call` had a subscriber when it was sent. */
  readonly call?: CallTrace
  /** The error of the handler, once it has failed. */
  error?: unknown
}

export const calls: TraceChannel<CallTrace> = new TraceChannel('keelson:call')
export const handles: TraceChannel<HandleTrace> = new TraceChannel('keelson:handle')

/** A cast, with the trace context of its sender. */
export class TracedCast {
  readonly #own = true
  readonly message: unknown
  readonly origin: unknown

  constructor(message: unknown, tracer: Tracer) {
    this.message = message
    this.origin = tracer.capture()
  }

  /** Returns whether a message is a cast with a trace context. It runs no code of the message. */
  static has(message: unknown): message is TracedCast {
    return typeof message === 'object' && message !== null && #own in message && message.#own
  }
}

/** Returns a message without the trace context of its sender. */
export const untraced = (message: unknown): unknown => (TracedCast.has(message) ? message.message : message)

/** A process, as the trace of its handler sees it. */
interface TracedProcess {
  trace: HandlerTrace | undefined
  readonly exitKind: number
  endError(): Error
}

/** One run of a handler, for the channel and for a tracer. It ends once, also if the process ends before the handler. */
export class HandlerTrace {
  readonly #context: HandleTrace | undefined
  readonly #span: HandlerSpan | undefined
  readonly #process: TracedProcess | undefined
  #isAsync = false
  #isOver = false

  /** @param process The process whose handler runs; `undefined` for a subscriber of a bus. */
  constructor(context: HandleTrace | undefined, span: HandlerSpan | undefined, process?: TracedProcess) {
    this.#context = context
    this.#span = span
    this.#process = process
    if (process !== undefined) process.trace = this
  }

  /** Runs the handler. The trace ends with it, or with the promise that it returns, which must not reject. */
  run<R extends PromiseLike<unknown> | undefined>(body: () => R): R {
    const [context, span] = [this.#context, this.#span]
    const inSpan = span === undefined ? body : () => span.run(body)
    let pending: R | undefined
    try {
      pending = context === undefined ? inSpan() : handles.begin(context, inSpan)
      return pending
    } finally {
      if (pending === undefined) this.#end()
      else this.#wait(pending)
    }
  }

  /** Notes that the handler failed. */
  failed(error: unknown): void {
    if (this.#isOver) return
    this.#span?.failed(error)
    if (this.#context !== undefined) handles.failed(this.#context, error)
  }

  /** Ends the trace of a handler that goes on after its process has ended. */
  processEnded(process: TracedProcess): void {
    if (process.exitKind === KILLED) this.failed(process.endError())
    this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#process?.trace === this) this.#process.trace = undefined
    if (this.#isAsync && this.#context !== undefined) handles.settled(this.#context)
    this.#span?.end()
  }

  #wait(pending: PromiseLike<unknown>): void {
    this.#isAsync = true
    const end = (): void => this.#end()
    void pending.then(end, end)
  }
}
