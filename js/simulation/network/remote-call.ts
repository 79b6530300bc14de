import { Call } from '../../actor/call.ts'
import { limitOn } from '../../clock/internal-timers.ts'
import { TIMED_OUT } from '../../protocol/actor.ts'
import { inShort } from '../event-log.ts'
import type { Endpoint, Packet, Transport } from './transport.ts'

/** The runtime of the called process. */
export interface CallReceiver {
  /** Takes a call that has arrived. */
  receiveCall(call: Call): void
  settle(call: Call): boolean
}

/** The ends of a call between two nodes. */
export interface CallRoute {
  readonly transport: Transport
  readonly from: Endpoint
  readonly to: Endpoint
  readonly receiver: CallReceiver
  /** The id of the calling process, if one calls. */
  readonly callerId: string | undefined
}

/**
 * A call from one node to another. Request, reply and the word that the caller waits no more are messages of the
 * network. The deadline is on the clock of the caller, who may hear nothing at all.
 */
export class RemoteCall {
  readonly #call: Call
  readonly #route: CallRoute
  /** The calls that the called node has received for it: none if the request is lost, two if it is repeated. */
  readonly #received: Call[] = []

  constructor(call: Call, route: CallRoute) {
    this.#call = call
    this.#route = route
  }

  /** True while the called node has nothing of it to answer: its request or its reply is under way, or lost. */
  get isUnheard(): boolean {
    return this.#received.every(({ settled }) => settled)
  }

  /** A line for reports: who waits, for what. */
  get description(): string {
    const { from, to, callerId } = this.#route
    const { target, message } = this.#call
    return `${from.name}: ${callerId ?? 'somebody'} waits for ${target.id} of ${to.name} to answer ${inShort(message)}`
  }

  /** Sends the request. */
  send(): void {
    const call = this.#call
    if (call.timeoutMs !== Infinity) {
      const timer = limitOn(this.#route.from.clock, call.timeoutMs, 'the deadline of a call', () => {
        if (this.giveUp()) call.giveUp(call.target.callError(call, TIMED_OUT))
      })
      call.addSettledListener(() => timer.cancel())
    }
    this.#toTarget('call', true, () => this.#arrive())
  }

  /** Settles it where it was made, and tells the called node. Returns false when it was settled before. */
  giveUp(): boolean {
    if (!this.#settle()) return false
    this.#toTarget('give up', false, () => {
      for (const received of this.#received) if (this.#route.receiver.settle(received)) received.abandon(undefined)
    })
    return true
  }

  /** Sends a reply that is no return value: the process calls a function of its message. */
  reply(value: unknown): void {
    let isFirst = false
    for (const received of this.#received) if (this.#route.receiver.settle(received)) isFirst = true
    if (isFirst) this.#answer('reply', () => this.#call.resolve(value))
  }

  #settle(): boolean {
    const call = this.#call
    if (call.settled) return false
    call.settled = true
    call.whenSettled?.()
    return true
  }

  #arrive(): void {
    const { target, message, timeoutMs, context, trace } = this.#call
    const received = new Call(
      target,
      message,
      timeoutMs,
      (value) => this.#answer('reply', () => this.#call.resolve(value)),
      (error) => this.#answer('failure', () => this.#call.reject(error)),
    )
    if (context !== undefined) received.context = context
    if (trace !== undefined) received.trace = trace
    const { callerId, from, receiver } = this.#route
    received.caller = { id: `${callerId ?? 'somebody'} of ${from.name}` }
    this.#received.push(received)
    receiver.receiveCall(received)
  }

  #toTarget(what: string, mayRepeat: boolean, deliver: () => void): void {
    const { transport, from, to } = this.#route
    transport.send(from, to, this.#packet(what, mayRepeat, deliver))
  }

  /** Sends an answer. A second one is not heard, nor is any by a node that has crashed. */
  #answer(what: string, settle: () => void): void {
    const { transport, from, to } = this.#route
    const deliver = (): void => {
      if (!from.isCrashed && this.#settle()) settle()
    }
    transport.send(to, from, this.#packet(what, false, deliver))
  }

  #packet(what: string, mayRepeat: boolean, deliver: () => void): Packet {
    const { target, message } = this.#call
    return { describe: () => `${what} ${target.id} ${inShort(message)}`, mayRepeat, mayBeOvertaken: true, deliver }
  }
}
