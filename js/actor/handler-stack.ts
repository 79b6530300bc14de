import { type CallScope, scopeOf, stack, type StackFrame } from './call-context.ts'
import type { Process } from './process.ts'
import type { Tracer } from '../internal/tracer.ts'

/** The part of a runtime that knows whose handler is on the stack. */
export abstract class HandlerStack {
  /** The process whose handler is on the stack. */
  current: Process | undefined
  crashCount = 0
  restartCount = 0
  #tracer: Tracer | undefined
  /** True if messages may have trace contexts: there is a tracer, or there was one. */
  protected hasTraceContexts = false

  /** Follows messages to their handlers. Set by `keelson/opentelemetry`. */
  get tracer(): Tracer | undefined {
    return this.#tracer
  }

  set tracer(tracer: Tracer | undefined) {
    this.#tracer = tracer
    this.hasTraceContexts ||= tracer !== undefined
  }

  /** Runs a function as part of no trace. For timers and restarts, which begin something of their own. */
  outsideTraces<T>(body: () => T): T {
    return this.#tracer === undefined ? body() : this.#tracer.detached(body)
  }

  /** Returns the handler that calls this, or that waits for it, to be asked later; `undefined` outside of handlers. */
  callScope(): CallScope | undefined {
    return scopeOf(this.current)
  }

  /**
   * Leaves the handler on the stack until it returns: its further calls are not calls of its process. For handlers that
   * only run functions of others; {@link outsideHandler} costs a closure.
   */
  leaveHandler(): void {
    this.current = undefined
    if (stack.top !== this) stack.top = undefined
  }

  /** Calls a function outside of the handler on the stack: its calls are not calls of that handler's process. */
  outsideHandler<T>(body: () => T): T {
    const { current } = this
    const outer = stack.top
    this.current = stack.top = undefined
    try {
      return body()
    } finally {
      this.current = current
      stack.top = outer
    }
  }

  /** Puts this runtime on top of the stack. Returns what was there, which the caller puts back. */
  protected pushFrame(): StackFrame | undefined {
    const outer = stack.top
    stack.top = this
    return outer
  }
}
