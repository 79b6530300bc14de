import { kept } from '../kept.ts'
import type { Process } from './process.ts'

/** A call in flight: who waits, and for what. */
export class Call {
  readonly target: Process
  readonly message: unknown
  readonly timeoutMs: number
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: unknown) => void
  /** Who calls, if a process does. */
  callerId: string | undefined
  /** Where the runtime keeps it. */
  slot = -1
  /** Its handler was begun. */
  started = false
  /** Its caller has an answer, or waits no more. */
  settled = false
  /** Run once it is settled. */
  whenSettled: (() => void) | undefined

  constructor(
    target: Process,
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

kept.push(
  new Call(
    undefined as never,
    undefined,
    0,
    () => {},
    () => {},
  ),
)
