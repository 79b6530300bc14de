import type { NextFunction, Request, RequestHandler, Response } from 'express'

import type { Atrion } from '../atrion/atrion.ts'
import { type Priority, voltageOf } from '../atrion/priority.ts'
import type { Ticket } from '../atrion/ticket.ts'
import type { AdmitOptions, Shed } from '../atrion/types.ts'
import { ClosedError, InvalidArgumentError } from '../errors.ts'
import { checkedKey, GateNames, keyed } from './names.ts'
import type { Settings } from './options.ts'
import { refuse } from './refusal.ts'
import { sharedAtrion } from './shared.ts'
import { GONE, Visit } from './visit.ts'

/**
 * What stands behind a middleware. Its rule: no failure of ours, and none of a function that the user gave us, breaks
 * a request. It is reported, and the request goes on as if there were no gate, or as if the function were not given.
 */
export class Door {
  readonly #settings: Settings
  readonly #names: GateNames
  #atrion: Atrion
  #toldClosed = false

  constructor(settings: Settings, middleware: RequestHandler) {
    this.#settings = settings
    this.#names = new GateNames(middleware, settings.name)
    this.#atrion = settings.atrion ?? sharedAtrion(settings.system)
  }

  receive(req: Request, res: Response, next: NextFunction): void {
    // Over before it came to us: answered by somebody else, or its client has gone, and then nobody is served.
    if (res.destroyed) return res.headersSent ? next() : undefined
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
  failed(req: Request, res: Response): boolean {
    const { isFailure } = this.#settings
    const answer = isFailure && this.#ask('isFailure', isFailure, Boolean, req, res)
    return answer ?? res.statusCode >= 500
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
  #pass(next: NextFunction): void {
    if (!this.#toldClosed) this.report(new ClosedError('the Atrion'), 'admission: requests pass unprotected')
    this.#toldClosed = true
    next()
  }

  #nameOf(req: Request, res: Response): string {
    const name = this.#names.of(req)
    const { key } = this.#settings
    return key === undefined ? name : keyed(name, this.#ask('key', key, checkedKey, req, res))
  }

  #askFor(visit: Visit): AdmitOptions {
    const { priority, priorityOf, timeoutMs, maxWaitMs } = this.#settings
    return {
      priority: priorityOf ? this.#ask('priority', priorityOf, checkedPriority, visit.req, visit.res) : priority,
      timeoutMs,
      maxWaitMs,
      // The gate uses of a signal what a visit has.
      signal: visit as unknown as AbortSignal,
    }
  }

  #shadow(visit: Visit, asked: AdmitOptions): Ticket {
    const { ticket, shed } = this.#atrion.gate.admitShadow(visit.name, asked)
    if (shed !== undefined) this.#tell(visit.req, shed)
    return ticket
  }

  #wait(visit: Visit, admission: Promise<Ticket | Shed>): void {
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

  #refuse(visit: Visit, shed: Shed): void {
    const { req, res, next } = visit
    if (shed.reason === 'closed') return this.#pass(next)
    this.#tell(req, shed)
    visit.refused()
    const { handler, statusCode } = this.#settings
    // Somebody else is answering: there is nothing to refuse.
    if (res.headersSent) return next()
    if (handler === undefined) return this.#answer(visit, shed, statusCode)
    try {
      const answered = handler(req, res, next, shed)
      if (isThenable(answered)) answered.then(undefined, next)
    } catch (error) {
      next(error)
    }
  }

  #answer({ req, res, next }: Visit, shed: Shed, statusCode: number): void {
    try {
      refuse(req, res, statusCode, shed)
    } catch (error) {
      this.report(error, 'admission: the refusal')
      next()
    }
  }

  #tell(req: Request, shed: Shed): void {
    const { onShed } = this.#settings
    if (onShed === undefined) return
    const failed = (error: unknown): void => this.report(error, 'admission: onShed')
    try {
      const told: unknown = onShed(req, shed)
      if (isThenable(told)) told.then(undefined, failed)
    } catch (error) {
      failed(error)
    }
  }

  /** The checked answer of a function of the user's; `undefined` when it fails or answers with a promise. */
  #ask<T>(
    name: string,
    question: (req: Request, res: Response) => unknown,
    check: (answer: unknown) => T,
    req: Request,
    res: Response,
  ): T | undefined {
    try {
      const answer = question(req, res)
      if (!isThenable(answer)) return check(answer)
      answer.then(undefined, () => {})
      throw new InvalidArgumentError(`${name}(req)`, 'answered at once, not with a promise', answer)
    } catch (error) {
      this.report(error, `admission: ${name}`)
      return undefined
    }
  }
}

const checkedPriority = (answer: unknown): number => voltageOf('priority(req)', answer as Priority | undefined)

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
