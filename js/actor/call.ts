import { setMaxListeners } from 'node:events'

import { keepOptimized } from '../internal/keep-optimized.ts'
import type { CallTrace } from './handler-trace.ts'
import type { MailboxLimit } from './mailbox-limit.ts'

/** A process that can be called. */
export interface CallTarget {
  readonly id: string
  readonly pid: number
  readonly runtime: { settle(call: Call): boolean }
  /** The bound of its mailbox, if it has one. */
  readonly mailboxLimit: MailboxLimit | undefined
  /** Returns the error of a call that fails before its handler has begun. */
  callError(call: Call, failure: number): Error
}

/** The context of a caller. */
interface CallContext {
  run<T>(process: never, handler: () => T): T
}

/** Fields of a call that few calls need. */
interface RareFields {
  context: CallContext | undefined
  givenUp: { readonly reason: unknown } | undefined
  controller: AbortController | undefined
  origin: unknown
  trace: CallTrace | undefined
}

/** A process whose end can be heard. */
export interface EndSource {
  /** Calls a listener when it has ended. The returned function removes it. */
  onEnd(listener: () => void): () => void
  /** Returns the error of work that nobody wants, as the process has ended. */
  endError(): Error
}

/** A call that has not been answered: its message, its deadline, and the promise of its caller. */
export class Call {
  readonly target: CallTarget
  readonly message: unknown
  /** The time it may take, in ms; `Infinity` for ever. */
  readonly timeoutMs: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  /** The process that waits for it, or for whose handler it counts, if a process calls. */
  caller: ({ readonly id: string } & Partial<EndSource>) | undefined
  /** Its place in the runtime, and the use of that place. */
  slot = -1
  use = 0
  /** True once its handler has begun. */
  started = false
  /** True once its caller has an answer, or waits no more. */
  settled = false
  /** Called once it is settled. */
  whenSettled: (() => void) | undefined
  /** In an object of their own: a call has as few fields as it can, because there are so many calls. */
  #rare: RareFields | undefined

  constructor(
    target: CallTarget,
    message: unknown,
    timeoutMs: number,
    resolve: (reply: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.target = target
    this.message = message
    this.timeoutMs = timeoutMs
    this.resolve = resolve
    this.reject = reject
  }

  get #rareFields(): RareFields {
    return (this.#rare ??= {
      context: undefined,
      givenUp: undefined,
      controller: undefined,
      origin: undefined,
      trace: undefined,
    })
  }

  /** The context of its caller, where its handler runs in that. */
  get context(): CallContext | undefined {
    return this.#rare?.context
  }

  set context(context: CallContext | undefined) {
    this.#rareFields.context = context
  }

  /** The trace context of its caller, if there is a tracer. */
  get origin(): unknown {
    return this.#rare?.origin
  }

  set origin(origin: unknown) {
    this.#rareFields.origin = origin
  }

  /** Its context object on the channel `keelson:call`, if that has a subscriber. */
  get trace(): CallTrace | undefined {
    return this.#rare?.trace
  }

  set trace(trace: CallTrace) {
    this.#rareFields.trace = trace
  }

  /** The reason for which its caller waits no more, once that is so. */
  get givenUp(): { readonly reason: unknown } | undefined {
    return this.#rare?.givenUp
  }

  /** Resolves it, unless it was settled before. For an answer that comes from outside of a handler's result. */
  answer(value: unknown): void {
    if (this.target.runtime.settle(this)) this.resolve(value)
  }

  /** Rejects it: its caller waits no more. It must be settled. */
  giveUp(reason: unknown): void {
    this.reject(reason)
    this.abandon(reason)
  }

  /** Aborts its signal: nobody will read its reply. */
  abandon(reason: unknown): void {
    const rare = this.#rareFields
    rare.givenUp ??= { reason }
    rare.controller?.abort(reason)
  }

  /** A signal that aborts when its caller waits no more. It is made at the first look. */
  get signal(): AbortSignal {
    const rare = this.#rareFields
    if (rare.controller !== undefined) return rare.controller.signal
    rare.controller = new AbortController()
    const { signal } = rare.controller
    setMaxListeners(0, signal)
    const { caller } = this
    if (rare.givenUp !== undefined) {
      rare.controller.abort(rare.givenUp.reason)
    } else if (!this.settled && caller?.onEnd !== undefined) {
      this.addSettledListener(caller.onEnd(() => this.abandon(caller.endError?.())))
    }
    return signal
  }

  /** Adds a function that is called once it is settled. */
  addSettledListener(listener: () => void): void {
    const before = this.whenSettled
    this.whenSettled =
      before === undefined
        ? listener
        : () => {
            before()
            listener()
          }
  }
}

keepOptimized(
  new Call(
    undefined as never,
    undefined,
    0,
    () => {},
    () => {},
  ),
)
