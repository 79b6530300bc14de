import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { ClosedError } from '../errors/errors.ts'
import { type WaitSignal, whenAborted } from '../internal/abort-hub.ts'
import { MAX_DURATION_MS } from '../internal/validate.ts'
import { hot, scratch } from '../native.ts'
import * as protocol from '../protocol/admission.ts'
import { admissions, type AdmissionTrace } from './admission-trace.ts'
import type { Observers } from './observers.ts'
import { engines } from './options.ts'
import { Profiles } from './profiles.ts'
import type { AdmissionRequest } from './request.ts'
import { Routes } from './routes.ts'
import { SHED_REASONS } from './shed-reasons.ts'
import { makeTicket, type Ticket } from './ticket.ts'
import type { Shed } from './types.ts'
import { WaitQueue } from './wait-queue.ts'

/**
 * The JavaScript half of the core's gates: promises for requests that wait, and one timer for the next deadline.
 *
 * It takes checked requests, and every entrance submits them the same way. The core decides.
 */
export class Gate {
  readonly engine: number
  readonly clock: Clock
  readonly routes: Routes
  readonly profiles: Profiles
  /** @internal Called with each route that is used, while state is shared. */
  sync: { touch(route: string): void } | undefined
  readonly #observers: Observers
  readonly #queue = new WaitQueue()
  #alarm: TimerHandle | undefined
  #alarmAt = Infinity
  #alarmHolds = false
  #closed = false
  /** Timers of {@link schedule}, which the end of the gate cancels. */
  readonly #scheduled = new Set<TimerHandle>()

  constructor(engine: number, clock: Clock, observers: Observers) {
    this.engine = engine
    this.clock = clock
    this.#observers = observers
    this.profiles = new Profiles(engine)
    this.routes = new Routes(engine)
    engines.own(this, engine)
  }

  get closed(): boolean {
    return this.#closed
  }

  assertOpen(): void {
    if (this.#closed) throw new ClosedError('the Atrion')
  }

  /**
   * Answers a request: at once where that is possible, and by a promise only if it waits.
   *
   * It writes the request itself, as {@link #write} does: V8 does not inline so much, and a call takes 20 ns. For the
   * same reason the callers ask whether `keelson:admission` has subscribers, and call {@link enterTraced} then.
   */
  enter(request: AdmissionRequest): Ticket | Shed | Promise<Ticket | Shed> {
    this.assertOpen()
    const { route, voltage, signal } = request
    if (signal?.aborted) throw signal.reason
    const now = this.clock.monoMs()
    const id = this.routes.id(route, now)
    scratch[protocol.REQUEST_ENGINE] = this.engine
    scratch[protocol.REQUEST_ROUTE] = id
    scratch[protocol.REQUEST_VOLTAGE] = voltage
    scratch[protocol.REQUEST_TIMEOUT] = request.timeoutMs
    scratch[protocol.REQUEST_NOW] = now
    scratch[protocol.REQUEST_MAX_WAIT] = request.maxWaitMs
    const answer = hot.engineAdmit()
    this.routes.note(id, answer < protocol.NOT_SHED ? answer : protocol.NOT_SHED, voltage, now)
    this.sync?.touch(route)
    if (answer >= 0) {
      const wakeAt = scratch[protocol.ADMISSION_WAKE] as number
      if (wakeAt < this.#alarmAt) this.#armFor(answer, wakeAt, now)
      return makeTicket(this, answer, route, 0)
    }
    if (answer === protocol.QUEUED) return this.#wait(route, signal, now)
    return this.#shed(route, answer)
  }

  /** Admits a request whatever the answer is. `shed` is the refusal that it would have been. */
  enterShadow(request: AdmissionRequest): { ticket: Ticket; shed: Shed | undefined } {
    this.assertOpen()
    return admissions.hasSubscribers ? this.#enterShadowTraced(request) : this.#enterShadow(request)
  }

  /** Does what {@link enter} does, for the subscribers of `keelson:admission`. */
  enterTraced(request: AdmissionRequest): Ticket | Shed | Promise<Ticket | Shed> {
    this.assertOpen()
    return admissions.trace(this.#traceOf(request, false), () => this.enter(request))
  }

  #enterShadowTraced(request: AdmissionRequest): { ticket: Ticket; shed: Shed | undefined } {
    const trace = this.#traceOf(request, true)
    return admissions.begin(trace, () => {
      const entry = this.#enterShadow(request)
      trace.result = entry.shed ?? entry.ticket
      return entry
    })
  }

  #traceOf({ route, voltage }: AdmissionRequest, shadow: boolean): AdmissionTrace {
    return { system: this.#observers.system, route, voltage, shadow }
  }

  #enterShadow(request: AdmissionRequest): { ticket: Ticket; shed: Shed | undefined } {
    const { route, voltage } = request
    const now = this.clock.monoMs()
    const id = this.routes.id(route, now)
    this.#write(id, request, now)
    const ticket = hot.engineShadow()
    const reason = scratch[protocol.ADMISSION_REASON] as number
    this.routes.note(id, Math.min(reason, protocol.NOT_SHED), voltage, now)
    this.sync?.touch(route)
    const shed = reason < 0 ? this.#shed(route, reason) : undefined
    const wakeAt = scratch[protocol.ADMISSION_WAKE] as number
    if (wakeAt < this.#alarmAt) this.#armFor(ticket, wakeAt, now)
    return { ticket: makeTicket(this, ticket, route, 0), shed }
  }

  /** Reports the end of work to the core. Returns whether this was the first report of it. */
  settle(ticket: number, outcome: number): boolean {
    if (this.#closed) return false
    const events = this.#done(ticket, outcome, this.clock.monoMs())
    if (events > 0) {
      this.#drain()
      this.#rearm()
    }
    return events >= 0
  }

  /** Admits the waiting requests that may enter after a route was reset. */
  afterReset(): void {
    this.#drain()
    this.#rearm()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#alarm?.cancel()
    for (const timer of this.#scheduled) timer.cancel()
    this.#scheduled.clear()
    engines.close(this, this.engine)
    for (const { route, resolve } of this.#queue.takeAll()) {
      resolve({ allow: false, route, reason: 'closed', retryAfterMs: 0, resistance: 0 })
    }
  }

  /** Calls back after a time, unless the gate closes before. Does not hold the event loop. */
  schedule(delayMs: number, callback: () => void): TimerHandle {
    const run = (): void => {
      this.#scheduled.delete(timer)
      callback()
    }
    const timer = this.clock.schedule(delayMs, run, { ref: false, label: 'admission: a client left' })
    this.#scheduled.add(timer)
    const cancel = (): void => {
      this.#scheduled.delete(timer)
      timer.cancel()
    }
    return { cancel }
  }

  /** Writes a request to the scratch memory, where the core reads it. */
  #write(id: number, request: AdmissionRequest, now: number): void {
    const { voltage } = request
    scratch[protocol.REQUEST_ENGINE] = this.engine
    scratch[protocol.REQUEST_ROUTE] = id
    scratch[protocol.REQUEST_VOLTAGE] = voltage
    scratch[protocol.REQUEST_TIMEOUT] = request.timeoutMs
    scratch[protocol.REQUEST_NOW] = now
    scratch[protocol.REQUEST_MAX_WAIT] = request.maxWaitMs
  }

  #wait(route: string, signal: WaitSignal | undefined, now: number): Promise<Ticket | Shed> {
    const waiter = scratch[protocol.ADMISSION_WAITER] as number
    const wakeAt = scratch[protocol.ADMISSION_WAKE] as number
    const hasDisplaced = (scratch[protocol.ADMISSION_EVENTS] as number) > 0
    const admission = new Promise<Ticket | Shed>((resolve, reject) => {
      const onAbort = (reason: unknown): void => {
        if (this.#queue.take(waiter) === undefined) return
        const events = hot.engineCancel(this.engine, waiter, this.clock.monoMs())
        reject(reason)
        if (events > 0) this.#drain()
        this.#rearm()
      }
      const end = (result: Ticket | Shed): void => {
        stopListening()
        resolve(result)
      }
      const stopListening = whenAborted(signal, onAbort)
      this.#queue.add(waiter, { route, since: now, resolve: end })
    })
    try {
      this.#arm(wakeAt, now)
    } catch (error) {
      this.#queue.take(waiter)
      hot.engineCancel(this.engine, waiter, now)
      throw error
    }
    if (hasDisplaced) this.#drain()
    return admission
  }

  #done(ticket: number, outcome: number, now: number): number {
    scratch[protocol.ENDED_ENGINE] = this.engine
    scratch[protocol.ENDED_TICKET] = ticket
    scratch[protocol.ENDED_OUTCOME] = outcome
    scratch[protocol.ENDED_NOW] = now
    return hot.engineDone()
  }

  /** Ends the waits about which the core has decided. */
  #drain(): void {
    const now = this.clock.monoMs()
    for (;;) {
      const kind = hot.engineEvent(this.engine)
      if (kind !== protocol.EVENT_ADMITTED && kind !== protocol.EVENT_SHED) return
      const request = this.#queue.take(scratch[protocol.ADMISSION_WAITER] as number)
      if (request === undefined) continue
      const { route, since, resolve } = request
      if (kind === protocol.EVENT_SHED) {
        resolve(this.#shed(route, scratch[protocol.ADMISSION_REASON] as number))
      } else {
        resolve(makeTicket(this, scratch[protocol.ADMISSION_TICKET] as number, route, now - since))
      }
    }
  }

  /** Returns the refusal that lies in the scratch memory, and tells observers of it. */
  #shed(route: string, code: number): Shed {
    const shed: Shed = {
      allow: false,
      route,
      reason: SHED_REASONS[-code] as Shed['reason'],
      retryAfterMs: scratch[protocol.ADMISSION_RETRY_AFTER] as number,
      resistance: scratch[protocol.ADMISSION_RESISTANCE] as number,
    }
    if (this.#observers.any) {
      // An observer may use the engine, and the caller still reads the scratch memory after it.
      const cells = scratch.slice(0, protocol.ADMISSION_CELLS)
      this.#observers.tell({ type: 'shed', route, reason: shed.reason, resistance: shed.resistance })
      scratch.set(cells)
    }
    return shed
  }

  /** Sets the alarm for a deadline. A request that waits holds the event loop; a ticket alone does not. */
  #arm(at: number, now: number): void {
    const holds = this.#queue.size > 0
    if (at >= this.#alarmAt && holds === this.#alarmHolds) return
    const wakeAt = Math.min(at, this.#alarmAt)
    if (wakeAt > MAX_DURATION_MS) return
    const delay = Math.max(wakeAt - now, 0)
    const alarm = holds
      ? limitOn(this.clock, delay, 'admission', this.#onAlarm)
      : this.clock.schedule(delay, this.#onAlarm, { ref: false, label: 'admission' })
    this.#alarm?.cancel()
    this.#alarm = alarm
    this.#alarmAt = wakeAt
    this.#alarmHolds = holds
  }

  #armFor(ticket: number, wakeAt: number, now: number): void {
    try {
      this.#arm(wakeAt, now)
    } catch (error) {
      this.#done(ticket, protocol.OUTCOME_IGNORED, now)
      throw error
    }
  }

  #rearm(): void {
    this.#arm(hot.engineNextWake(this.engine), this.clock.monoMs())
  }

  readonly #onAlarm = (): void => {
    this.#alarm = undefined
    this.#alarmAt = Infinity
    this.#alarmHolds = false
    hot.engineExpire(this.engine, this.clock.monoMs())
    this.#drain()
    this.#rearm()
  }
}
