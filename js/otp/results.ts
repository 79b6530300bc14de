/** What callbacks can return beside the plain next state. */

/** The next state, and work to be done before any other message. */
export class Continued<State> {
  readonly state: State
  readonly argument: unknown
  constructor(state: State, argument: unknown) {
    this.state = state
    this.argument = argument
  }
}

/** The next state, and an answer that comes later. */
export class NoReply<State> {
  readonly state: State
  constructor(state: State) {
    this.state = state
  }
}

/** The last state: the process ends. */
export class Stopped<State> {
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
}
