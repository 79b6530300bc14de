/** What callbacks can return beside the plain next state. Each knows its own by a private name, which no proxy can fail to answer. */

/** The next state, and work to be done before any other message. */
export class Continued<State> {
  readonly #own = true
  readonly state: State
  readonly argument: unknown
  constructor(state: State, argument: unknown) {
    this.state = state
    this.argument = argument
  }

  static is(value: unknown): value is Continued<unknown> {
    try {
      // What passes for one by its prototype may still be a proxy. To ask for the private name alone is slow where there is none.
      return value instanceof Continued && #own in value && value.#own
    } catch {
      return false
    }
  }
}

/** The next state, and an answer that comes later. */
export class NoReply<State> {
  readonly #own = true
  readonly state: State
  constructor(state: State) {
    this.state = state
  }

  static is(value: unknown): value is NoReply<unknown> {
    try {
      // What passes for one by its prototype may still be a proxy. To ask for the private name alone is slow where there is none.
      return value instanceof NoReply && #own in value && value.#own
    } catch {
      return false
    }
  }
}

/** The last state: the process ends. */
export class Stopped<State> {
  readonly #own = true
  readonly state: State
  readonly reason: 'normal' | 'shutdown' | { readonly error: Error }
  readonly reply: unknown
  readonly hasReply: boolean
  constructor(state: State, reason: Stopped<State>['reason'], reply: readonly [unknown] | undefined) {
    this.state = state
    this.reason = reason
    this.reply = reply?.[0]
    this.hasReply = reply !== undefined
  }

  static is(value: unknown): value is Stopped<unknown> {
    try {
      // What passes for one by its prototype may still be a proxy. To ask for the private name alone is slow where there is none.
      return value instanceof Stopped && #own in value && value.#own
    } catch {
      return false
    }
  }
}
