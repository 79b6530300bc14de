import { signalHub } from '../../internal/abort-hub.ts'

// Fields of classes that others extend are declared alone and made by the constructor: with an initialiser, V8 defines them
// in its runtime as soon as there are more than four classes, and a call costs three times as much.

/** Something that a scope tells when it is aborted: an entry of its list, so that entering and leaving cost the same however many there are. */
export abstract class Abortable {
  /** @internal */
  declare before: Abortable | undefined
  /** @internal */
  declare after: Abortable | undefined
  /** @internal The scope whose list it is in. */
  declare within: Scope | undefined

  constructor() {
    this.before = undefined
    this.after = undefined
    this.within = undefined
  }

  /** The scope was aborted; told once, and no longer in its list. */
  abstract aborted(reason: unknown): void
}

/**
 * What can be given up as one: an `AbortSignal` for the inside of a policy, at the price of an object. The real signal
 * is made when a task reads it, because an `AbortController` costs more than a whole call.
 */
export class Scope extends Abortable {
  /** Whether it was given up. */
  declare isAborted: boolean
  /** Why; meaningful once it was. */
  declare reason: unknown
  /** Whether anybody can give it up; nothing is registered with one that nobody can. */
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

  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController()
      if (this.isAborted) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /** Tells it of an abort from now on, in order of entering. */
  enter(entry: Abortable): void {
    if (!this.canAbort) return
    entry.within = this
    entry.before = this.last
    if (this.last === undefined) this.first = entry
    else this.last.after = entry
    this.last = entry
  }

  /** Forgets it, if it is there. */
  leave(entry: Abortable): void {
    if (entry.within !== this) return
    if (entry.before === undefined) this.first = entry.after
    else entry.before.after = entry.after
    if (entry.after === undefined) this.last = entry.before
    else entry.after.before = entry.before
    entry.within = undefined
    entry.before = undefined
    entry.after = undefined
  }

  /** Gives it up: the task is told first, then who waits inside. Again is nothing. */
  abort(reason: unknown): void {
    if (this.isAborted) return
    this.isAborted = true
    this.reason = reason
    this.controller?.abort(reason)
    for (let entry = this.first; entry !== undefined; entry = this.first) {
      this.leave(entry)
      entry.aborted(reason)
    }
  }

  /** The scope around it was given up. */
  aborted(reason: unknown): void {
    this.abort(reason)
  }
}

/** The scope of calls that nobody can give up: one for all, so each asking makes a signal of its own. */
class FreeScope extends Scope {
  override get signal(): AbortSignal {
    return new AbortController().signal
  }
}
export const FREE: Scope = new FreeScope(false)

/** The scope of a caller's signal. The task gets that very signal. */
export class SignalScope extends Scope {
  readonly #outer: () => AbortSignal
  #watched = false

  /** @param outer Gives the signal; asked only when somebody needs it. */
  constructor(outer: () => AbortSignal) {
    super(true)
    this.#outer = outer
  }

  override get signal(): AbortSignal {
    return this.#outer()
  }

  override enter(entry: Abortable): void {
    super.enter(entry)
    this.watch()
  }

  /** Hears the signal until {@link unwatch}. One that was aborted before is heard at once. */
  watch(): void {
    if (this.#watched || this.isAborted) return
    this.#watched = true
    const signal = this.#outer()
    if (signal.aborted) this.abort(signal.reason)
    else signalHub.join(signal, this)
  }

  unwatch(): void {
    if (!this.#watched) return
    this.#watched = false
    signalHub.leave(this.#outer(), this)
  }
}
