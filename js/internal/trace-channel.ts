import { channel, type Channel } from 'node:diagnostics_channel'

/**
 * Publishes one kind of operation as a `TracingChannel` of `node:diagnostics_channel` does: one context object an
 * operation, on the five channels `tracing:<name>:start`, `end`, `asyncStart`, `asyncEnd` and `error`.
 *
 * It uses the plain channels, because `TracingChannel.tracePromise` changes what the traced function returns. Node
 * catches what a subscriber throws, and raises it as an uncaught exception: it never reaches the traced code.
 */
export class TraceChannel<Context extends { error?: unknown }> {
  readonly #start: Channel
  readonly #end: Channel
  readonly #asyncStart: Channel
  readonly #asyncEnd: Channel
  readonly #error: Channel

  constructor(name: string) {
    this.#start = channel(`tracing:${name}:start`)
    this.#end = channel(`tracing:${name}:end`)
    this.#asyncStart = channel(`tracing:${name}:asyncStart`)
    this.#asyncEnd = channel(`tracing:${name}:asyncEnd`)
    this.#error = channel(`tracing:${name}:error`)
  }

  /** True if one of the five channels has a subscriber. Without one, callers make no context object. */
  get hasSubscribers(): boolean {
    return (
      this.#start.hasSubscribers ||
      this.#end.hasSubscribers ||
      this.#asyncStart.hasSubscribers ||
      this.#asyncEnd.hasSubscribers ||
      this.#error.hasSubscribers
    )
  }

  /**
   * Runs an operation, which ends on the caller's stack or returns a native promise. Returns its result, or a promise
   * that settles as its promise does, after `asyncEnd`. Throws what it throws.
   */
  trace<R>(context: Context & { result?: unknown }, body: () => R): R {
    return this.begin(context, () => {
      let result: R
      try {
        result = body()
      } catch (error) {
        this.failed(context, error)
        throw error
      }
      if (result instanceof Promise) return this.#follow(context, result) as R
      context.result = result
      return result
    })
  }

  /** Runs the part of an operation that is on the caller's stack, between `start` and `end`. */
  begin<R>(context: Context, body: () => R): R {
    return this.#start.runStores(context, () => {
      try {
        return body()
      } finally {
        this.#end.publish(context)
      }
    })
  }

  /** Publishes that an operation failed. */
  failed(context: Context, error: unknown): void {
    context.error = error
    this.#error.publish(context)
  }

  /** Publishes that an operation which went on after `end` is over. */
  settled(context: Context): void {
    this.#asyncStart.publish(context)
    this.#asyncEnd.publish(context)
  }

  #follow(context: Context & { result?: unknown }, promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      (result) => {
        context.result = result
        this.settled(context)
        return result
      },
      (error: unknown) => {
        this.failed(context, error)
        this.settled(context)
        throw error
      },
    )
  }
}
