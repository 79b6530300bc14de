import { keepOptimized } from '../internal/keep-optimized.ts'

/** Who can be called. */
export interface CallTarget {
  readonly id: string
  readonly pid: number
  readonly runtime: { settle(call: Call): boolean }
  /** User messages that it can be sent before its mailbox is full. */
  room: number
  /** The error for a call that fails without having been handled. */
  callError(call: Call, failure: number): Error
}

/** A call in flight: who waits, and for what. */
export class Call {
  readonly target: CallTarget
  readonly message: unknown
  /** The time it may take, in ms; `Infinity` for ever. */
  readonly timeoutMs: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  /** Who calls, if a process does. */
  callerId: string | undefined
  /** Where the runtime keeps it, and which use of that place it is. */
  slot = -1
  use = 0
  /** Its handler was begun. */
  started = false
  /** Its caller has an answer, or waits no more. */
  settled = false
  /** Run once it is settled. */
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
