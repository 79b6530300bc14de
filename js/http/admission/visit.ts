import type { ServerResponse } from 'node:http'

import type { Gate } from '../../atrion/gate.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { TicketOutcome } from '../../atrion/types.ts'
import type { Next } from '../face.ts'
import type { Orphans } from './orphans.ts'

/** Why a wait ended whose client went away. */
export const GONE: unique symbol = Symbol('the client went away')

const FAILED: TicketOutcome = { ok: false }
const ABORTED: TicketOutcome = { aborted: true }

/**
 * What listens to the end of a response, and leads back to its visit. A property on the response would be simpler, but
 * Express swaps the prototype of responses, and then that one property costs more than the whole admission.
 */
interface Listener {
  (): void
  visit?: Visit<unknown, unknown>
}

/** The visits of a response that are under way, from the outermost in. */
function visitsOf(res: ServerResponse): Visit<unknown, unknown>[] {
  // Nobody listens yet at the outermost gate of most apps.
  if (res.listenerCount('close') === 0) return NONE
  return (res.listeners('close') as Listener[]).flatMap(({ visit }) => visit ?? NONE)
}
const NONE: Visit<unknown, unknown>[] = []

/** What a visit needs of its middleware. */
interface Judge<Req, Res> {
  readonly orphans: Orphans
  failed(req: Req, res: Res): boolean
  ended(res: Res): ServerResponse
  report(error: unknown, origin: string): void
}

/**
 * One request at one gate, from asking to the report of its end. It is the signal of its own wait: an
 * `AbortController` for each request would cost more than its admission.
 */
export class Visit<Req, Res> {
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
    this.#outer = visitsOf(judge.ended(res))
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

  /** Sees the response to its end. */
  watch(): void {
    const gone: Listener = () => this.#gone()
    gone.visit = this as Visit<unknown, unknown>
    const response = this.#judge.ended(this.res)
    response.on('finish', () => this.#finish())
    response.on('close', gone)
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

  #finish(): void {
    if (this.#ended) return
    // HTTP/2 says so of a stream that its client reset, too; its close follows.
    if (!this.#judge.ended(this.res).writableEnded) return
    if (this.#refusedInside) this.#end(ABORTED)
    else this.#end(this.#judge.failed(this.req, this.res) ? FAILED : undefined)
  }

  /** The connection closed. An answer that has begun ends with it; work that has not answered may go on. */
  #gone(): void {
    const response = this.#judge.ended(this.res)
    const isAnswered = response.headersSent || response.writableEnded || this.#refusedInside
    if (this.#ended || this.#ticket === undefined || isAnswered) return this.#end(ABORTED)
    this.#ended = true
    const report = (error: unknown, origin: string): void => this.#judge.report(error, origin)
    this.#judge.orphans.adopt(this.#ticket, response, this.#gate, report)
  }

  #end(outcome: TicketOutcome | undefined): void {
    if (this.#ended) return
    this.#ended = true
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
