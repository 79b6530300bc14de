import type { IncomingMessage, ServerResponse } from 'node:http'

import { admissions } from '../../atrion/admission-trace.ts'
import type { Atrion } from '../../atrion/atrion.ts'
import type { Gate } from '../../atrion/gate.ts'
import { type Priority, PRIORITY_VOLTAGES, voltageOf } from '../../atrion/priority.ts'
import { type AdmissionRequest, DEFAULT_TIMEOUT } from '../../atrion/request.ts'
import type { Ticket } from '../../atrion/ticket.ts'
import type { Shed } from '../../atrion/types.ts'
import { ClosedError } from '../../errors/errors.ts'
import { callOut } from '../../internal/report-error.ts'
import type { FrameworkAdapter, Next } from '../framework-adapter.ts'
import { prepareRejection } from '../rejection.ts'
import { isOver } from '../response-end.ts'
import { callSync, forwardError } from '../user-callbacks.ts'
import { AbandonedRequests } from './abandoned-requests.ts'
import { checkedKey, keyedName } from './gate-keys.ts'
import { CLIENT_LEFT, GatedRequest } from './gated-request.ts'
import type { AdmissionSettings } from './options.ts'
import { sharedAtrion } from './shared-atrion.ts'

/** The voltage of a request whose `priority` function failed. */
const NORMAL: number = PRIORITY_VOLTAGES.normal

/** A framework, as far as admission uses it. */
export interface AdmissionAdapter<Req, Res, Handler> extends FrameworkAdapter<Req, Res> {
  /** Returns the name of the gate for a request: a pattern, never the path a client asked for. */
  nameOf(req: Req): string
  /** Lets a user's handler answer a refused request. */
  handle(handler: Handler, req: Req, res: Res, next: Next, shed: Shed): unknown
}

/**
 * The admission middleware of every framework.
 *
 * No failure of this code, and none of a user's function, breaks a request. It is reported, and the request goes on as
 * if there were no gate, or as if the function were not given.
 */
export class HttpAdmissionMiddleware<Req, Res, Handler> {
  readonly abandoned: AbandonedRequests = new AbandonedRequests()
  readonly #settings: AdmissionSettings<Req, Res, Handler>
  readonly #adapter: AdmissionAdapter<Req, Res, Handler>
  #atrion: Atrion
  #hasReportedClosed = false

  constructor(settings: AdmissionSettings<Req, Res, Handler>, adapter: AdmissionAdapter<Req, Res, Handler>) {
    this.#settings = settings
    this.#adapter = adapter
    this.#atrion = settings.atrion ?? sharedAtrion(settings.system)
  }

  receive(req: Req, res: Res, next: Next): void {
    // The request may be over before it gets here: it was answered, or its client has left and is not served.
    const response = this.responseOf(res)
    if (isOver(this.requestOf(req), response)) return response.headersSent ? next() : this.#adapter.drop?.(req, res)
    const { skip, shadow } = this.#settings
    if (skip !== undefined && this.#call('skip', skip, Boolean, req, res)) return next()
    const { gate } = this.#openAtrion()
    if (gate.closed) return this.#passUnprotected(next)
    const request = new GatedRequest(this, gate, this.#nameOf(req, res), req, res, next)
    if (request.isRepeated) return next()
    let admission: Ticket | Shed | Promise<Ticket | Shed>
    try {
      const checked = this.#admissionRequest(gate, request)
      if (shadow) admission = this.#enterShadow(gate, request, checked)
      else admission = admissions.hasSubscribers ? gate.enterTraced(checked) : gate.enter(checked)
    } catch (error) {
      this.report(error, 'admission')
      return next()
    }
    if (admission instanceof Promise) return this.#wait(request, admission)
    if (!admission.allow) return this.#refuse(request, admission)
    request.watch()
    return request.enter(admission)
  }

  /** Returns whether a finished response is a failure. */
  isFailure(req: Req, res: Res): boolean {
    const { isFailure } = this.#settings
    const answer = isFailure && this.#call('isFailure', isFailure, Boolean, req, res)
    return answer ?? this.responseOf(res).statusCode >= 500
  }

  responseOf(res: Res): ServerResponse {
    return this.#adapter.response(res)
  }

  requestOf(req: Req): IncomingMessage {
    return this.#adapter.request(req)
  }

  report(error: unknown, origin: string): void {
    this.#atrion.system.report(error, origin)
  }

  #openAtrion(): Atrion {
    const { atrion, system } = this.#settings
    // After the default system was closed there is a new one, with an Atrion of its own.
    if (this.#atrion.gate.closed && atrion === undefined) this.#atrion = sharedAtrion(system)
    return this.#atrion
  }

  /** Lets a request through a closed Atrion, which protects nothing. Reports that once. */
  #passUnprotected(next: Next): void {
    if (!this.#hasReportedClosed) this.report(new ClosedError('the Atrion'), 'admission: requests pass unprotected')
    this.#hasReportedClosed = true
    next()
  }

  #nameOf(req: Req, res: Res): string {
    const name = this.#settings.name ?? this.#adapter.nameOf(req)
    const { key } = this.#settings
    return key === undefined ? name : keyedName(name, this.#call('key', key, checkedKey, req, res))
  }

  /** Returns the request as the gate takes it. The options were checked when the middleware was created. */
  #admissionRequest({ profiles }: Gate, request: GatedRequest<Req, Res>): AdmissionRequest {
    const { voltage, priorityOf, timeoutMs, maxWaitMs } = this.#settings
    const { name, req, res } = request
    return {
      route: name,
      voltage: priorityOf ? (this.#call('priority', priorityOf, checkedPriority, req, res) ?? NORMAL) : voltage,
      timeoutMs: timeoutMs ?? profiles.assignedTimeout(name) ?? DEFAULT_TIMEOUT,
      maxWaitMs,
      signal: request,
    }
  }

  #enterShadow(gate: Gate, { req }: GatedRequest<Req, Res>, request: AdmissionRequest): Ticket {
    const { ticket, shed } = gate.enterShadow(request)
    if (shed !== undefined) this.#callOnShed(req, shed)
    return ticket
  }

  #wait(request: GatedRequest<Req, Res>, pending: Promise<Ticket | Shed>): void {
    request.watch()
    pending.then(
      (admission) => {
        // Without this gate an error of the app would be an uncaught exception, and no rejection.
        try {
          if (admission.allow) request.enter(admission)
          else this.#refuse(request, admission)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      },
      (error: unknown) => {
        if (error === CLIENT_LEFT) return this.#adapter.drop?.(request.req, request.res)
        this.report(error, 'admission')
        request.next()
      },
    )
  }

  #refuse(request: GatedRequest<Req, Res>, shed: Shed): void {
    const { req, res, next } = request
    if (shed.reason === 'closed') return this.#passUnprotected(next)
    this.#callOnShed(req, shed)
    request.refuse()
    const { handler, statusCode } = this.#settings
    // The request is being answered already, so there is nothing to refuse.
    if (this.responseOf(res).headersSent) return next()
    if (handler === undefined) return this.#sendRefusal(request, shed, statusCode)
    callOut(() => this.#adapter.handle(handler, req, res, next, shed), forwardError(next))
  }

  #sendRefusal({ req, res, next }: GatedRequest<Req, Res>, shed: Shed, statusCode: number): void {
    try {
      const response = this.responseOf(res)
      // The core has jittered the estimate already.
      prepareRejection(this.requestOf(req), response, Math.ceil(shed.retryAfterMs), this.#atrion.system.clock)
      response.setHeader('Cache-Control', 'no-store')
      const body = `{"error":"overloaded","reason":"${shed.reason}","retryAfterMs":${Math.ceil(shed.retryAfterMs)}}`
      this.#adapter.send(req, res, statusCode, 'application/json; charset=utf-8', body)
    } catch (error) {
      this.report(error, 'admission: the refusal')
      next()
    }
  }

  #callOnShed(req: Req, shed: Shed): void {
    const { onShed } = this.#settings
    if (onShed === undefined) return
    callOut(
      () => onShed(req, shed),
      (error) => this.report(error, 'admission: onShed'),
    )
  }

  /** Returns the checked answer of a user's function; `undefined` when it fails or returns a promise. */
  #call<T>(
    name: string,
    callback: (req: Req, res: Res) => unknown,
    check: (answer: unknown) => T,
    req: Req,
    res: Res,
  ): T | undefined {
    return callSync('admission', name, () => callback(req, res), check, this.#report)
  }

  readonly #report = (error: unknown, origin: string): void => this.report(error, origin)
}

const checkedPriority = (answer: unknown): number => voltageOf('priority(req)', answer as Priority | undefined)
