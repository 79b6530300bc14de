/** A message that reads the state of a process between two others. No handler of the user's gets it. */
export class StateProbe {
  readonly #own = true
  readonly take: (state: unknown) => void

  /** @param take Receives the state. Must not throw. */
  constructor(take: (state: unknown) => void) {
    this.take = take
  }

  /** Returns whether a message is one. It runs no code of the message. */
  static is(message: unknown): message is StateProbe {
    return typeof message === 'object' && message !== null && #own in message && message.#own
  }
}
