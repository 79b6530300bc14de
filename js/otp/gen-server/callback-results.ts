/**
 * Results of callbacks beside the plain next state. Each class recognises its own instances by a private name, which no
 * proxy can imitate. `instanceof` comes first, because looking for a private name that is not there is slow.
 */

/** Carries the next state, and an argument for `handleContinue`, which runs before any other message. */
export class Continued<State> {
  readonly #own = true
  /** The next state. */
  readonly state: State
  /** The argument of `handleContinue`. */
  readonly argument: unknown
  constructor(state: State, argument: unknown) {
    this.state = state
    this.argument = argument
  }

  /** Returns whether a value was made by this class. Never throws. */
  static is(value: unknown): value is Continued<unknown> {
    try {
      return value instanceof Continued && #own in value && value.#own
    } catch {
      return false
    }
  }
}

/** Carries the next state of a `handleCall` whose reply comes later. */
export class NoReply<State> {
  readonly #own = true
  /** The next state. */
  readonly state: State
  constructor(state: State) {
    this.state = state
  }

  /** Returns whether a value was made by this class. Never throws. */
  static is(value: unknown): value is NoReply<unknown> {
    try {
      return value instanceof NoReply && #own in value && value.#own
    } catch {
      return false
    }
  }
}

/** Carries the last state of a process that ends. */
export class Stopped<State> {
  readonly #own = true
  /** The state with which `terminate` is called. */
  readonly state: State
  /** The reason of the end. */
  readonly reason: 'normal' | 'shutdown' | { readonly error: Error }
  /** The reply to the call, if there is one. */
  readonly reply: unknown
  /** True if there is a reply, which may be `undefined`. */
  readonly hasReply: boolean
  constructor(state: State, reason: Stopped<State>['reason'], reply: readonly [unknown] | undefined) {
    this.state = state
    this.reason = reason
    this.reply = reply?.[0]
    this.hasReply = reply !== undefined
  }

  /** Returns whether a value was made by this class. Never throws. */
  static is(value: unknown): value is Stopped<unknown> {
    try {
      return value instanceof Stopped && #own in value && value.#own
    } catch {
      return false
    }
  }
}
