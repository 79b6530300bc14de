import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Atrion } from '../../atrion/atrion.ts'
import { type Priority, voltageOf } from '../../atrion/priority.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { AdmitOptions, Shed } from '../../atrion/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { promiseOf } from '../../internal/thenable.ts'
import { askAtOnce, failing, tell } from '../user-callbacks.ts'
import type { Face, Next } from '../framework-adapter.ts'
import { isOver } from '../response-end.ts'
import { prepareRefusal } from '../rejection.ts'
import { checkedKey, keyed } from './gate-keys.ts'
import type { Settings } from './options.ts'
import { Orphans } from './abandoned-requests.ts'
import { sharedAtrion } from './shared-atrion.ts'
import { GONE, Visit } from './gated-request.ts'

/** What a gate has to know of a framework. */
export interface GateFace<Req, Res, Handler> extends Face<Req, Res> {
  /** The name of the gate a request stands at: a pattern, never the path a client asked for. */
  nameOf(req: Req): string
  /** Lets a handler of the user's answer. */
  handle(handler: Handler, req: Req, res: Res, next: Next, shed: Shed): unknown
}

/**
 * What stands behind a middleware. Its rule: no failure of ours, and none of a function that the user gave us, breaks
 * a request. It is reported, and the request goes on as if there were no gate, or as if the function were not given.
 */
export class Door<Req, Res, Handler> {
  readonly orphans: Orphans = new Orphans()
  readonly #settings: Settings<Req, Res, Handler>
  readonly #face: GateFace<Req, Res, Handler>
  #atrion: Atrion
  #toldClosed = false

  constructor(settings: Settings<Req, Res, Handler>, face: GateFace<Req, Res, Handler>) {
    this.#settings = settings
    this.#face = face
    this.#atrion = settings.atrion ?? sharedAtrion(settings.system)
  }

  receive(req: Req, res: Res, next: Next): void {
    // Over before it came to us: answered by somebody else, or its client has gone, and then nobody is served.
    const response = this.ended(res)
    if (isOver(this.arrived(req), response)) return response.headersSent ? next() : undefined
    const { skip, shadow } = this.#settings
    if (skip !== undefined && this.#ask('skip', skip, Boolean, req, res)) return next()
    const { gate } = this.#openAtrion()
    if (gate.closed) return this.#pass(next)
    const visit = new Visit(this, gate, this.#nameOf(req, res), req, res, next)
    if (visit.isRepeated) return next()
    let entered: Ticket | Shed | Promise<Ticket | Shed>
    try {
      const asked = this.#askFor(visit)
      entered = shadow ? this.#shadow(visit, asked) : gate.enter(visit.name, asked)
    } catch (error) {
      this.report(error, 'admission')
      return next()
    }
    if (entered instanceof Promise) return this.#wait(visit, entered)
    if (!entered.allow) return this.#refuse(visit, entered)
    visit.watch()
    return visit.enter(entered)
  }

  /** Whether a finished response is a failure. */
  failed(req: Req, res: Res): boolean {
    const { isFailure } = this.#settings
    const answer = isFailure && this.#ask('isFailure', isFailure, Boolean, req, res)
    return answer ?? this.ended(res).statusCode >= 500
  }

  /** The response whose end is waited for. */
  ended(res: Res): ServerResponse {
    return this.#face.response(res)
  }

  /** The request whose connection is looked at. */
  arrived(req: Req): IncomingMessage {
    return this.#face.request(req)
  }

  report(error: unknown, origin: string): void {
    this.#atrion.system.report(error, origin)
  }

  #openAtrion(): Atrion {
    const { atrion, system } = this.#settings
    // After the default system was closed, there is a new one.
    if (this.#atrion.gate.closed && atrion === undefined) this.#atrion = sharedAtrion(system)
    return this.#atrion
  }

  /** A closed Atrion protects nothing. That is said once; requests are not to suffer from it. */
  #pass(next: Next): void {
    if (!this.#toldClosed) this.report(new ClosedError('the Atrion'), 'admission: requests pass unprotected')
    this.#toldClosed = true
    next()
  }

  #nameOf(req: Req, res: Res): string {
    const name = this.#settings.name ?? this.#face.nameOf(req)
    const { key } = this.#settings
    return key === undefined ? name : keyed(name, this.#ask('key', key, checkedKey, req, res))
  }

  #askFor(visit: Visit<Req, Res>): AdmitOptions {
    const { priority, priorityOf, timeoutMs, maxWaitMs } = this.#settings
    return {
      priority: priorityOf ? this.#ask('priority', priorityOf, checkedPriority, visit.req, visit.res) : priority,
      timeoutMs,
      maxWaitMs,
      // The gate uses of a signal what a visit has.
      signal: visit as unknown as AbortSignal,
    }
  }

  #shadow(visit: Visit<Req, Res>, asked: AdmitOptions): Ticket {
    const { ticket, shed } = this.#atrion.gate.admitShadow(visit.name, asked)
    if (shed !== undefined) this.#tell(visit.req, shed)
    return ticket
  }

  #wait(visit: Visit<Req, Res>, admission: Promise<Ticket | Shed>): void {
    visit.watch()
    admission.then(
      (entered) => {
        // Thrown in here it would be a rejection; without us it would have been an uncaught exception.
        try {
          if (entered.allow) visit.enter(entered)
          else this.#refuse(visit, entered)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      },
      (error: unknown) => {
        if (error === GONE) return
        this.report(error, 'admission')
        visit.next()
      },
    )
  }

  #refuse(visit: Visit<Req, Res>, shed: Shed): void {
    const { req, res, next } = visit
    if (shed.reason === 'closed') return this.#pass(next)
    this.#tell(req, shed)
    visit.refused()
    const { handler, statusCode } = this.#settings
    // Somebody else is answering: there is nothing to refuse.
    if (this.ended(res).headersSent) return next()
    if (handler === undefined) return this.#answer(visit, shed, statusCode)
    try {
      promiseOf(this.#face.handle(handler, req, res, next, shed))?.then(undefined, failing(next))
    } catch (error) {
      failing(next)(error)
    }
  }

  #answer({ req, res, next }: Visit<Req, Res>, shed: Shed, statusCode: number): void {
    try {
      const response = this.ended(res)
      // The estimate is jittered already.
      prepareRefusal(this.#face.request(req), response, Math.ceil(shed.retryAfterMs), this.#atrion.system.clock)
      response.setHeader('Cache-Control', 'no-store')
      const body = `{"error":"overloaded","reason":"${shed.reason}","retryAfterMs":${Math.ceil(shed.retryAfterMs)}}`
      this.#face.answer(req, res, statusCode, 'application/json; charset=utf-8', body)
    } catch (error) {
      this.report(error, 'admission: the refusal')
      next()
    }
  }

  #tell(req: Req, shed: Shed): void {
    const { onShed } = this.#settings
    if (onShed === undefined) return
    tell('admission: onShed', () => onShed(req, shed), this.#report)
  }

  /** The checked answer of a function of the user's; `undefined` when it fails or answers with a promise. */
  #ask<T>(
    name: string,
    question: (req: Req, res: Res) => unknown,
    check: (answer: unknown) => T,
    req: Req,
    res: Res,
  ): T | undefined {
    return askAtOnce('admission', name, () => question(req, res), check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.report(error, origin)
}

const checkedPriority = (answer: unknown): number => voltageOf('priority(req)', answer as Priority | undefined)
