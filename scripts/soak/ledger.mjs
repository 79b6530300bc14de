// What was sent to one run of a worker, and what became of it. The sender writes one half, the worker the other, so that
// a message which is lost, doubled or out of order shows.

export class Ledger {
  /** Taken by the mailbox: all messages, and calls among them. */
  sent = 0
  calls = 0
  /** The number of the message that crashes the worker; what was sent later is lost. */
  crashAt = Infinity
  callsAtCrash = 0
  /** As the worker saw it: messages handled, and the highest number among them. */
  handled = 0
  last = 0
  disorder = 0
  /** A call that the worker had begun and not answered when it crashed. */
  openAtCrash = 0
  /** As callers saw it. */
  answered = 0
  rejected = 0

  /** A number for a message that is sent now. */
  number(isCall) {
    this.sent += 1
    if (isCall) this.calls += 1
    return this.sent
  }

  crash() {
    const number = this.number(false)
    if (this.crashAt === Infinity) {
      this.crashAt = number
      this.callsAtCrash = this.calls
    }
    return number
  }

  /** The worker begins a message. */
  take(number) {
    this.handled += 1
    if (number !== this.last + 1) this.disorder += 1
    this.last = number
  }

  get lost() {
    return this.crashAt === Infinity ? 0 : this.sent - this.crashAt
  }

  /** Lists what does not add up by the sender's own counts. */
  faults() {
    const crashed = this.crashAt !== Infinity
    const answered = crashed ? this.callsAtCrash - this.openAtCrash : this.calls
    return [
      this.disorder !== 0 && `${this.disorder} out of order`,
      this.handled !== this.sent - this.lost && `${this.handled} handled of ${this.sent} sent, ${this.lost} lost`,
      this.answered !== answered && `${this.answered} calls answered, and ${answered} were to be`,
      this.answered + this.rejected !== this.calls && `${this.calls} calls, ${this.answered + this.rejected} settled`,
    ].filter(Boolean)
  }
}
