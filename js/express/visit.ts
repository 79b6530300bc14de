import type { NextFunction, Request, Response } from 'express'

import type { Gate } from '../atrion/gate.ts'
import type { Ticket } from '../atrion/ticket.ts'
import type { TicketOutcome } from '../atrion/types.ts'

/** Where a response keeps the visits that are under way, the innermost first. */
const VISITS = Symbol('keelson.visits')
type Visited = Response & { [VISITS]?: Visit | undefined }

/** Why a wait ended whose client went away. */
export const GONE: unique symbol = Symbol('the client went away')

/** What a visit needs of its middleware. */
interface Judge {
  failed(req: Request, res: Response): boolean
  report(error: unknown, origin: string): void
}

/**
 * One request at one gate, from asking to the report of its end. It is the signal of its own wait: an
 * `AbortController` for each request would cost more than its admission.
 */
export class Visit {
  readonly req: Request
  readonly res: Response
  readonly next: NextFunction
  /** The gate's name. */
  readonly name: string
  /** As an `AbortSignal`: whether it left while it waited. */
  aborted = false
  readonly reason: typeof GONE = GONE
  /** A visit of the same request at another gate, which holds a place while this one asks. */
  readonly #outer: Visit | undefined
  readonly #judge: Judge
  readonly #gate: Gate
  #ticket: Ticket | undefined
  #leave: (() => void) | undefined
  /** A gate further in refused the request: its answer says nothing about the work behind this one. */
  #refusedInside = false
  #ended = false

  constructor(judge: Judge, gate: Gate, name: string, req: Request, res: Response, next: NextFunction) {
    this.#judge = judge
    this.#gate = gate
    this.req = req
    this.res = res
    this.next = next
    this.name = name
    this.#outer = (res as Visited)[VISITS]
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
    for (let visit = this.#outer; visit !== undefined; visit = visit.#outer) {
      if (visit.name === this.name && visit.#gate === this.#gate) return true
    }
    return false
  }

  /** Sees the response to its end. */
  watch(): void {
    const { res } = this
    res.on('finish', this.#onEnd)
    res.on('close', this.#onEnd)
  }

  /** Runs the app. What it throws is its own affair, but it is reported as a failure. */
  enter(ticket: Ticket): void {
    this.#ticket = ticket
    // It left in the moment in which it was let in.
    if (this.#ended) return this.#report({ aborted: true })
    ;(this.res as Visited)[VISITS] = this
    try {
      this.next()
    } catch (error) {
      this.#end({ ok: false })
      throw error
    }
  }

  /** The request is refused: neither this gate nor those further out learn anything from its answer. */
  refused(): void {
    this.#ended = true
    for (let visit = this.#outer; visit !== undefined; visit = visit.#outer) visit.#refusedInside = true
  }

  readonly #onEnd = (): void => {
    if (this.#ended) return
    const { req, res } = this
    if (!res.writableFinished || this.#refusedInside) this.#end({ aborted: true })
    else this.#end({ ok: !this.#judge.failed(req, res) })
  }

  #end(outcome: TicketOutcome): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#ticket !== undefined) return this.#report(outcome)
    this.aborted = true
    this.#leave?.()
  }

  #report(outcome: TicketOutcome): void {
    try {
      this.#ticket?.done(outcome)
    } catch (error) {
      this.#judge.report(error, 'admission: the report of a request')
    }
  }
}
