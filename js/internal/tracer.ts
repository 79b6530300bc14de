/** How `keelson/opentelemetry` follows the work of a system. Without it, nothing of this is called. */

/** A process or a subscriber, as a tracer names it. */
export interface TraceTarget {
  /** The id of the process. */
  readonly id: string
  /** A name that many processes share: the class of the behaviour, or the kind of the process. */
  readonly className: string
  /** The name of the process, if it has one. */
  readonly publicName: string | undefined
  /** The topic of the message, and the pattern of the subscriber, if a bus delivers it. */
  readonly topic?: string
  readonly pattern?: string
}

/** The trace of one run of a handler. */
export interface HandlerSpan {
  /** Runs the handler in the trace. */
  run<T>(body: () => T): T
  /** Notes that the handler failed. */
  failed(error: unknown): void
  /** Ends the trace. Called once. */
  end(): void
}

/** Follows messages from the code that sends them to the handlers that take them. */
export interface Tracer {
  /** Returns the trace context of the calling code, which goes along with what it sends. */
  capture(): unknown
  /** Runs a function in the trace context that came along with a message. */
  attached<T>(origin: unknown, body: () => T): T
  /** Runs a function as part of no trace. */
  detached<T>(body: () => T): T
  /**
   * Runs a function that begins a call, in the trace of the call. Returns its promise.
   *
   * @param message Returns the message, once `begin` has returned.
   */
  call<T>(target: TraceTarget, message: () => unknown, begin: () => Promise<T>): Promise<T>
  /** Begins the trace of a handler. `origin` is the trace context that came along with the message, if one did. */
  handler(target: TraceTarget, kind: HandlerKind, message: unknown, origin: unknown): HandlerSpan
}

/** The kind of message that a handler takes. `info` comes from the runtime, and `event` from a bus. */
export type HandlerKind = 'call' | 'cast' | 'info' | 'event'

/** The tracers of all systems of this environment. While there is none, a call looks no further. */
export const tracers: { count: number } = { count: 0 }
