import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Gate } from '../../atrion/gate.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { WaitSignal } from '../../internal/abort-hub.ts'
import type { Next } from '../framework-adapter.ts'
import { addWatcher, isQueued, onHandlerEnd, removeWatcher, type ResponseWatcher, watchersOf } from '../response-end.ts'
import type { AbandonedRequests } from './abandoned-requests.ts'

/** The reason with which a wait ends whose client has left. */
export const CLIENT_LEFT: unique symbol = Symbol('the client went away')

const FAILED: TicketOutcome = { ok: false }
const ABORTED: TicketOutcome = { aborted: true }
const NONE: GatedRequest<unknown, unknown>[] = []

/** The middleware of a request, as far as the request uses it. */
interface RequestOwner<Req, Res> {
  readonly abandoned: AbandonedRequests
  isFailure(req: Req, res: Res): boolean
  requestOf(req: Req): IncomingMessage
  responseOf(res: Res): ServerResponse
  report(error: unknown, origin: string): void
}

/**
 * One request at one gate, from its arrival to the report of its end.
 *
 * It is the signal of its own wait: an `AbortController` for each request would cost more than its admission.
 */
export class GatedRequest<Req, Res> implements ResponseWatcher, WaitSignal {
  readonly response: ServerResponse
  readonly req: Req
  readonly res: Res
  readonly next: Next
  /** The name of the gate. */
  readonly name: string
  /** True if the client left while the request waited; as in an `AbortSignal`. */
  aborted = false
  readonly reason: typeof CLIENT_LEFT = CLIENT_LEFT
  /** The same request at outer gates, where it holds its places while this gate decides. */
  readonly #outer: readonly GatedRequest<unknown, unknown>[]
  readonly #request: IncomingMessage
  readonly #owner: RequestOwner<Req, Res>
  readonly #gate: Gate
  #ticket: Ticket | undefined
  #onAbort: (() => void) | undefined
  /** A gate further in refused the request, so its response says nothing about the work behind this one. */
  #isRefusedInside = false
  #isEnded = false

  constructor(owner: RequestOwner<Req, Res>, gate: Gate, name: string, req: Req, res: Res, next: Next) {
    this.#owner = owner
    this.#gate = gate
    this.req = req
    this.res = res
    this.next = next
    this.name = name
    this.response = owner.responseOf(res)
    this.#request = owner.requestOf(req)
    // At the outermost gate of most apps there is no watcher yet.
    const others = watchersOf(this.#request, this.response)
    this.#outer = others.length === 0 ? NONE : others.filter((watcher) => watcher instanceof GatedRequest)
  }

  /** Sets the listener of the wait, as an `AbortSignal` does. The gate is the only one. */
  addEventListener(_: 'abort', listener: () => void): void {
    this.#onAbort = listener
  }

  removeEventListener(): void {
    this.#onAbort = undefined
  }

  /** True if the request holds a place at this gate already, which it took on its way here. */
  get isRepeated(): boolean {
    return this.#outer !== NONE && this.#outer.some((outer) => outer.#gate === this.#gate && outer.name === this.name)
  }

  /** Begins to listen for the end of the request: its handler answers, or its client leaves. */
  watch(): void {
    onHandlerEnd(this.response, () => this.#onAnswer())
    addWatcher(this.#request, this)
  }

  /** Runs the app under a ticket. Reports a failure when the app throws, and throws its error on. */
  enter(ticket: Ticket): void {
    this.#ticket = ticket
    // The client left at the moment of the admission.
    if (this.#isEnded) return this.#report(ABORTED)
    try {
      this.next()
    } catch (error) {
      this.#end(FAILED)
      throw error
    }
  }

  /** Ends the request as refused: neither this gate nor an outer one learns anything from its response. */
  refuse(): void {
    this.#isEnded = true
    for (const outer of this.#outer) outer.#isRefusedInside = true
  }

  /**
   * Ends the request, because its client has left. A response that has begun ends with its connection, and so does work
   * that has closed the connection. Work that has not answered may go on.
   */
  onClientLeft(isClosed: boolean): void {
    const { response } = this
    const isAnswered = response.headersSent || response.writableEnded || this.#isRefusedInside
    const isWorking = this.#ticket !== undefined && !isAnswered && !(isClosed && this.#isClosedHere)
    if (this.#isEnded || !isWorking) return this.#end(ABORTED)
    this.#isEnded = true
    removeWatcher(this.#request, this)
    const report = (error: unknown, origin: string): void => this.#owner.report(error, origin)
    this.#owner.abandoned.add(this.#ticket as Ticket, response, this.#gate, report)
  }

  /** The handler has ended the response, or destroyed it. */
  #onAnswer(): void {
    if (this.#isEnded) return
    // Over HTTP/2 a stream that its client has reset says that it finished; its close follows.
    if (!this.response.writableEnded) return isQueued(this.response) ? this.#end(ABORTED) : undefined
    if (this.#isRefusedInside) this.#end(ABORTED)
    else this.#end(this.#owner.isFailure(this.req, this.res) ? FAILED : undefined)
  }

  /** True if this side closed the connection while it sent the response, and not the client. HTTP/2 does not tell. */
  get #isClosedHere(): boolean {
    const { httpVersionMajor, socket } = this.#request
    return httpVersionMajor === 1 && !isQueued(this.response) && !socket.readableEnded && !socket.errored
  }

  #end(outcome: TicketOutcome | undefined): void {
    if (this.#isEnded) return
    this.#isEnded = true
    removeWatcher(this.#request, this)
    if (this.#ticket !== undefined) return this.#report(outcome)
    this.aborted = true
    this.#onAbort?.()
  }

  #report(outcome: TicketOutcome | undefined): void {
    try {
      this.#ticket?.done(outcome)
    } catch (error) {
      this.#owner.report(error, 'admission: the report of a request')
    }
  }
}
