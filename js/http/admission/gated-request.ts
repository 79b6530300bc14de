import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Gate } from '../../atrion/gate.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { Next } from '../framework-adapter.ts'
import { attend, attending, type Attendee, callOff, isQueued, whenEnded } from '../response-end.ts'
import type { Orphans } from './abandoned-requests.ts'

/** Why a wait ended whose client went away. */
export const GONE: unique symbol = Symbol('the client went away')

const FAILED: TicketOutcome = { ok: false }
const ABORTED: TicketOutcome = { aborted: true }
const NONE: Visit<unknown, unknown>[] = []

/** What a visit needs of its middleware. */
interface Judge<Req, Res> {
  readonly orphans: Orphans
  failed(req: Req, res: Res): boolean
  arrived(req: Req): IncomingMessage
  ended(res: Res): ServerResponse
  report(error: unknown, origin: string): void
}

/**
 * One request at one gate, from asking to the report of its end. It is the signal of its own wait: an
 * `AbortController` for each request would cost more than its admission.
 */
export class Visit<Req, Res> implements Attendee {
  readonly response: ServerResponse
  readonly req: Req
  readonly res: Res
  readonly next: Next
  /** The gate's name. */
  readonly name: string
  /** As an `AbortSignal`: whether it left while it waited. */
  aborted = false
  readonly reason: typeof GONE = GONE
  /** Visits of the same request at other gates, which hold their places while this one asks. */
  readonly #outer: readonly Visit<unknown, unknown>[]
  readonly #request: IncomingMessage
  readonly #judge: Judge<Req, Res>
  readonly #gate: Gate
  #ticket: Ticket | undefined
  #leave: (() => void) | undefined
  /** A gate further in refused the request: its answer says nothing about the work behind this one. */
  #refusedInside = false
  #ended = false

  constructor(judge: Judge<Req, Res>, gate: Gate, name: string, req: Req, res: Res, next: Next) {
    this.#judge = judge
    this.#gate = gate
    this.req = req
    this.res = res
    this.next = next
    this.name = name
    this.response = judge.ended(res)
    this.#request = judge.arrived(req)
    // Nobody attends yet at the outermost gate of most apps.
    const others = attending(this.#request, this.response)
    this.#outer = others.length === 0 ? NONE : others.filter((one) => one instanceof Visit)
  }

  /** As an `AbortSignal`: there is one listener, the gate. */
  addEventListener(_: 'abort', leave: () => void): void {
    this.#leave = leave
  }

  removeEventListener(): void {
    this.#leave = undefined
  }

  /** Whether the request holds a place at this gate already, which it took on its way here. */
  get isRepeated(): boolean {
    return this.#outer !== NONE && this.#outer.some((visit) => visit.#gate === this.#gate && visit.name === this.name)
  }

  /** Sees the work to its end: its handler has answered, or its client has left. */
  watch(): void {
    whenEnded(this.response, () => this.#answered())
    attend(this.#request, this)
  }

  /** Runs the app. What it throws is its own affair, but it is reported as a failure. */
  enter(ticket: Ticket): void {
    this.#ticket = ticket
    // It left in the moment in which it was let in.
    if (this.#ended) return this.#report(ABORTED)
    try {
      this.next()
    } catch (error) {
      this.#end(FAILED)
      throw error
    }
  }

  /** The request is refused: neither this gate nor those further out learn anything from its answer. */
  refused(): void {
    this.#ended = true
    for (const visit of this.#outer) visit.#refusedInside = true
  }

  /**
   * The client has left. An answer that has begun ends with its connection, and so does work that has closed it; work
   * that has not answered may go on.
   */
  left(isClosed: boolean): void {
    const { response } = this
    const isAnswered = response.headersSent || response.writableEnded || this.#refusedInside
    const isWorking = this.#ticket !== undefined && !isAnswered && !(isClosed && this.#isBrokenOff)
    if (this.#ended || !isWorking) return this.#end(ABORTED)
    this.#ended = true
    callOff(this.#request, this)
    const report = (error: unknown, origin: string): void => this.#judge.report(error, origin)
    this.#judge.orphans.adopt(this.#ticket as Ticket, response, this.#gate, report)
  }

  /** The handler has ended the response, or destroyed it. */
  #answered(): void {
    if (this.#ended) return
    // HTTP/2 says that a stream has finished that its client has reset; its close follows.
    if (!this.response.writableEnded) return isQueued(this.response) ? this.#end(ABORTED) : undefined
    if (this.#refusedInside) this.#end(ABORTED)
    else this.#end(this.#judge.failed(this.req, this.res) ? FAILED : undefined)
  }

  /** Whether this side closed the connection while the response was sent, and not the client. HTTP/2 does not tell. */
  get #isBrokenOff(): boolean {
    const { httpVersionMajor, socket } = this.#request
    return httpVersionMajor === 1 && !isQueued(this.response) && !socket.readableEnded && !socket.errored
  }

  #end(outcome: TicketOutcome | undefined): void {
    if (this.#ended) return
    this.#ended = true
    callOff(this.#request, this)
    if (this.#ticket !== undefined) return this.#report(outcome)
    this.aborted = true
    this.#leave?.()
  }

  #report(outcome: TicketOutcome | undefined): void {
    try {
      this.#ticket?.done(outcome)
    } catch (error) {
      this.#judge.report(error, 'admission: the report of a request')
    }
  }
}
