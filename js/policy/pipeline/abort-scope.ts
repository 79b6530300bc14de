/**
 * Cancellation inside a call of a policy, at the price of an object: an `AbortController` costs more than a whole call.
 */
import { signalHub } from '../../internal/abort-hub.ts'

// Fields of these base classes are declared without an initialiser and set by the constructor. With an initialiser, V8
// defines them in its runtime as soon as there are more than four subclasses, and a call costs three times as much.

/**
 * A member of a scope, which calls {@link aborted} when the scope is aborted. The links of the scope's list are its own
 * fields, so entering and leaving take the same time however many members there are.
 */
export abstract class Abortable {
  /** @internal The member that entered before it. */
  declare before: Abortable | undefined
  /** @internal The member that entered after it. */
  declare after: Abortable | undefined
  /** @internal The scope that it is a member of, if any. */
  declare within: AbortScope | undefined

  constructor() {
    this.before = undefined
    this.after = undefined
    this.within = undefined
  }

  /** Called once, when the scope was aborted; it has left the scope by then. */
  abstract aborted(reason: unknown): void
}

/** A group of members that are aborted together. The `AbortSignal` for a task is created when the task reads it. */
export class AbortScope extends Abortable {
  /** True once it was aborted. */
  declare isAborted: boolean
  /** The reason of the abort; `undefined` until then. */
  declare reason: unknown
  /** True if it can ever be aborted. A scope that cannot keeps no members. */
  declare readonly canAbort: boolean
  declare private first: Abortable | undefined
  declare private last: Abortable | undefined
  declare private controller: AbortController | undefined

  constructor(canAbort: boolean) {
    super()
    this.isAborted = false
    this.reason = undefined
    this.canAbort = canAbort
    this.first = undefined
    this.last = undefined
    this.controller = undefined
  }

  /** The signal for a task. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.isAborted) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /** Adds a member. Members are aborted in order of entering. */
  enter(member: Abortable): void {
    if (!this.canAbort) return
    member.within = this
    member.before = this.last
    if (this.last === undefined) this.first = member
    else this.last.after = member
    this.last = member
  }

  /** Removes a member; does nothing for one of another scope. */
  leave(member: Abortable): void {
    if (member.within !== this) return
    if (member.before === undefined) this.first = member.after
    else member.before.after = member.after
    if (member.after === undefined) this.last = member.before
    else member.after.before = member.before
    member.within = undefined
    member.before = undefined
    member.after = undefined
  }

  /** Aborts the task's signal first, then the members. A second call does nothing. */
  abort(reason: unknown): void {
    if (this.isAborted) return
    this.isAborted = true
    this.reason = reason
    this.controller?.abort(reason)
    for (let member = this.first; member !== undefined; member = this.first) {
      this.leave(member)
      member.aborted(reason)
    }
  }

  /** Follows the scope around it. */
  aborted(reason: unknown): void {
    this.abort(reason)
  }
}

/** The scope of calls that nobody can abort. All such calls share it, so each reading returns a new signal. */
class UnabortableScope extends AbortScope {
  override get signal(): AbortSignal {
    return new AbortController().signal
  }
}
/** The scope of all calls without a signal. */
export const NEVER_ABORTED: AbortScope = new UnabortableScope(false)

/** A scope that follows an `AbortSignal`. The task gets that very signal. */
export class SignalScope extends AbortScope {
  readonly #outer: () => AbortSignal
  #watched = false

  /** @param outer - Returns the signal to follow; called only when a member enters or a task reads the signal. */
  constructor(outer: () => AbortSignal) {
    super(true)
    this.#outer = outer
  }

  override get signal(): AbortSignal {
    return this.#outer()
  }

  override enter(member: Abortable): void {
    super.enter(member)
    this.watch()
  }

  /** Follows the signal until {@link unwatch}. Aborts at once if the signal is aborted already. */
  watch(): void {
    if (this.#watched || this.isAborted) return
    this.#watched = true
    const signal = this.#outer()
    if (signal.aborted) this.abort(signal.reason)
    else signalHub.join(signal, this)
  }

  /** Stops following the signal. */
  unwatch(): void {
    if (!this.#watched) return
    this.#watched = false
    signalHub.leave(this.#outer(), this)
  }
}
