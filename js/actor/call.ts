import { keepOptimized } from '../internal/keep-optimized.ts'

/** A process that can be called. */
export interface CallTarget {
  readonly id: string
  readonly pid: number
  readonly runtime: { settle(call: Call): boolean }
  /** The number of user messages for which its mailbox has room. */
  room: number
  /** Returns the error of a call that fails before its handler has begun. */
  callError(call: Call, failure: number): Error
}

/** A call that has not been answered: its message, its deadline, and the promise of its caller. */
export class Call {
  readonly target: CallTarget
  readonly message: unknown
  /** The time it may take, in ms; `Infinity` for ever. */
  readonly timeoutMs: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  /** The id of the calling process, if a process calls. */
  callerId: string | undefined
  /** Its place in the runtime, and the use of that place. */
  slot = -1
  use = 0
  /** True once its handler has begun. */
  started = false
  /** True once its caller has an answer, or waits no more. */
  settled = false
  /** Called once it is settled. */
  whenSettled: (() => void) | undefined

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
