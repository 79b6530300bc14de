import { abortSignal, MAX_DURATION_MS, options as checkOptions, positiveMillis } from '../internal/validate.ts'
import { limitOn } from '../clock/internal-timers.ts'
import type { Clock, TimerHandle } from '../clock/types.ts'
import { ClosedError } from '../errors/errors.ts'
import { hot, scratch } from '../native.ts'
import { whenAborted } from '../internal/abort-hub.ts'
import * as protocol from '../protocol/admission.ts'
import { voltageOf } from './priority.ts'
import { SHED_REASONS } from './shed-reasons.ts'
import { engines } from './options.ts'
import { Routes } from './routes.ts'
import { Ticket } from './ticket.ts'
import type { Observers } from './observers.ts'
import { Profiles } from './profiles.ts'
import type { AdmitOptions, Shed } from './types.ts'
import { WaitingRoom } from './wait-queue.ts'

/** The core's default for a ticket's timeout. */
const DEFAULT_TIMEOUT = NaN

/** The asynchronous side of the core's gates: promises for who waits, and one timer for the next deadline. */
export class Gate {
  readonly engine: number
  readonly clock: Clock
  readonly routes: Routes
  readonly profiles: Profiles
  /** @internal Told of each use of a route, while state is shared. */
  sync: { touch(route: string): void } | undefined
  readonly #observers: Observers
  readonly #waiting = new WaitingRoom()
  #alarm: TimerHandle | undefined
  #alarmAt = Infinity
  #alarmHolds = false
  #closed = false
  /** What {@link later} is to call. */
  readonly #later = new Set<TimerHandle>()

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

  tryAdmit(route: string, options: AdmitOptions | undefined): Ticket | Shed {
    this.assertOpen()
    const voltage = voltageOf('options.priority', options?.priority)
    const timeout = this.#timeoutOf(route, options)
    const now = this.clock.monoMs()
    const id = this.routes.id(route, now)
    this.#give(id, voltage, timeout, now)
    const ticket = hot.engineTry()
    this.routes.note(id, Math.min(ticket, protocol.NOT_SHED), voltage, now)
    this.sync?.touch(route)
    if (ticket < 0) return this.#shed(route, ticket)
    if ((scratch[protocol.ADMISSION_WAKE] as number) < this.#alarmAt) this.#armFor(ticket, now)
    return new Ticket(this, ticket, route, 0)
  }

  /** Admits whatever the answer would be; `shed` is what it would have been. */
  admitShadow(route: string, options: AdmitOptions | undefined): { ticket: Ticket; shed: Shed | undefined } {
    this.assertOpen()
    const voltage = voltageOf('options.priority', options?.priority)
    const timeout = this.#timeoutOf(route, options)
    const now = this.clock.monoMs()
    const id = this.routes.id(route, now)
    this.#give(id, voltage, timeout, now)
    const ticket = hot.engineShadow()
    const reason = scratch[protocol.ADMISSION_REASON] as number
    this.routes.note(id, Math.min(reason, protocol.NOT_SHED), voltage, now)
    this.sync?.touch(route)
    const shed = reason < 0 ? this.#shed(route, reason) : undefined
    this.#armFor(ticket, now)
    return { ticket: new Ticket(this, ticket, route, 0), shed }
  }

  admit(route: string, options: AdmitOptions | undefined): Promise<Ticket | Shed> {
    try {
      const admission = this.enter(route, options)
      return admission instanceof Promise ? admission : Promise.resolve(admission)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Work ended; whether this was the first report of it. */
  settle(ticket: number, outcome: number): boolean {
    if (this.#closed) return false
    const events = this.#done(ticket, outcome, this.clock.monoMs())
    if (events > 0) {
      this.#drain()
      this.#rearm()
    }
    return events >= 0
  }

  /** Lets those in who may enter after a route was reset. */
  afterReset(): void {
    this.#drain()
    this.#rearm()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#alarm?.cancel()
    for (const timer of this.#later) timer.cancel()
    this.#later.clear()
    engines.close(this, this.engine)
    for (const { route, resolve } of this.#waiting.empty()) {
      resolve({ allow: false, route, reason: 'closed', retryAfterMs: 0, resistance: 0 })
    }
  }

  /** Calls back after a time, unless it is closed before. Does not hold the event loop. Returns what calls it off. */
  later(delayMs: number, callback: () => void): () => void {
    const run = (): void => {
      this.#later.delete(timer)
      callback()
    }
    const timer = this.clock.schedule(delayMs, run, { ref: false, label: 'admission: a client left' })
    this.#later.add(timer)
    return () => {
      this.#later.delete(timer)
      timer.cancel()
    }
  }

  /** @internal For adapters: the answer itself when there is one at once, a promise only for who waits. */
  enter(route: string, options: AdmitOptions | undefined): Ticket | Shed | Promise<Ticket | Shed> {
    this.assertOpen()
    const voltage = voltageOf('options.priority', options?.priority)
    const timeout = this.#timeoutOf(route, options)
    const maxWait = options?.maxWaitMs === undefined ? Infinity : positiveMillis('options.maxWaitMs', options.maxWaitMs)
    const signal = options === undefined ? undefined : abortSignal('options.signal', options.signal)
    if (signal?.aborted) throw signal.reason
    const now = this.clock.monoMs()
    const id = this.routes.id(route, now)
    this.#give(id, voltage, timeout, now)
    scratch[protocol.REQUEST_MAX_WAIT] = maxWait
    const ticket = hot.engineAdmit()
    this.routes.note(id, Math.min(ticket, protocol.NOT_SHED), voltage, now)
    this.sync?.touch(route)
    if (ticket >= 0) {
      if ((scratch[protocol.ADMISSION_WAKE] as number) < this.#alarmAt) this.#armFor(ticket, now)
      return new Ticket(this, ticket, route, 0)
    }
    if (ticket === protocol.QUEUED) return this.#wait(route, scratch[protocol.ADMISSION_WAITER] as number, signal, now)
    return this.#shed(route, ticket)
  }

  #wait(route: string, waiter: number, signal: AbortSignal | undefined, now: number): Promise<Ticket | Shed> {
    const wake = scratch[protocol.ADMISSION_WAKE] as number
    const displaced = (scratch[protocol.ADMISSION_EVENTS] as number) > 0
    const admission = new Promise<Ticket | Shed>((resolve, reject) => {
      const onAbort = (): void => {
        if (this.#waiting.leave(waiter) === undefined) return
        const events = hot.engineCancel(this.engine, waiter, this.clock.monoMs())
        reject((signal as AbortSignal).reason)
        if (events > 0) this.#drain()
        this.#rearm()
      }
      const settled = (result: Ticket | Shed): void => {
        stop()
        resolve(result)
      }
      const stop = whenAborted(signal, onAbort)
      this.#waiting.enter(waiter, { route, since: now, resolve: settled })
    })
    try {
      this.#arm(wake, now)
    } catch (error) {
      this.#waiting.leave(waiter)
      hot.engineCancel(this.engine, waiter, now)
      throw error
    }
    if (displaced) this.#drain()
    return admission
  }

  /** Puts down what the core wants to know of a request. */
  #give(route: number, voltage: number, timeout: number, now: number): void {
    scratch[protocol.REQUEST_ENGINE] = this.engine
    scratch[protocol.REQUEST_ROUTE] = route
    scratch[protocol.REQUEST_VOLTAGE] = voltage
    scratch[protocol.REQUEST_TIMEOUT] = timeout
    scratch[protocol.REQUEST_NOW] = now
  }

  #done(ticket: number, outcome: number, now: number): number {
    scratch[protocol.ENDED_ENGINE] = this.engine
    scratch[protocol.ENDED_TICKET] = ticket
    scratch[protocol.ENDED_OUTCOME] = outcome
    scratch[protocol.ENDED_NOW] = now
    return hot.engineDone()
  }

  /** Passes on what the core decided about those who wait. */
  #drain(): void {
    const now = this.clock.monoMs()
    for (;;) {
      const kind = hot.engineEvent(this.engine)
      if (kind !== protocol.EVENT_ADMITTED && kind !== protocol.EVENT_SHED) return
      const waiting = this.#waiting.leave(scratch[protocol.ADMISSION_WAITER] as number)
      if (waiting === undefined) continue
      const { route, since, resolve } = waiting
      if (kind === protocol.EVENT_SHED) {
        resolve(this.#shed(route, scratch[protocol.ADMISSION_REASON] as number))
      } else {
        resolve(new Ticket(this, scratch[protocol.ADMISSION_TICKET] as number, route, now - since))
      }
    }
  }

  #shed(route: string, code: number): Shed {
    const shed: Shed = {
      allow: false,
      route,
      reason: SHED_REASONS[-code] as Shed['reason'],
      retryAfterMs: scratch[protocol.ADMISSION_RETRY_AFTER] as number,
      resistance: scratch[protocol.ADMISSION_RESISTANCE] as number,
    }
    if (this.#observers.any) {
      // An observer may use the engine; what the caller reads from the scratch memory must survive that.
      const kept = scratch.slice(0, protocol.ADMISSION_CELLS)
      this.#observers.tell({ type: 'shed', route, reason: shed.reason, resistance: shed.resistance })
      scratch.set(kept)
    }
    return shed
  }

  /** Sees to it that deadlines end what they should; a wait holds the event loop, a ticket alone does not. */
  #arm(at: number, now: number): void {
    const holds = this.#waiting.size > 0
    if (at >= this.#alarmAt && holds === this.#alarmHolds) return
    const wakeAt = Math.min(at, this.#alarmAt)
    if (wakeAt > MAX_DURATION_MS) return
    const delay = Math.max(wakeAt - now, 0)
    const alarm = holds
      ? limitOn(this.clock, delay, 'admission', this.#wake)
      : this.clock.schedule(delay, this.#wake, { ref: false, label: 'admission' })
    this.#alarm?.cancel()
    this.#alarm = alarm
    this.#alarmAt = wakeAt
    this.#alarmHolds = holds
  }

  /** Arms for the wake-up in the scratch memory; a ticket whose deadline nobody would see is not given out. */
  #armFor(ticket: number, now: number): void {
    try {
      this.#arm(scratch[protocol.ADMISSION_WAKE] as number, now)
    } catch (error) {
      this.#done(ticket, protocol.OUTCOME_IGNORED, now)
      throw error
    }
  }

  #rearm(): void {
    this.#arm(hot.engineNextWake(this.engine), this.clock.monoMs())
  }

  readonly #wake = (): void => {
    this.#alarm = undefined
    this.#alarmAt = Infinity
    this.#alarmHolds = false
    hot.engineExpire(this.engine, this.clock.monoMs())
    this.#drain()
    this.#rearm()
  }

  #timeoutOf(route: string, options: AdmitOptions | undefined): number {
    if (options === undefined) return this.budgetOf(route, undefined) ?? DEFAULT_TIMEOUT
    const { timeoutMs, profile } = checkOptions('options', options)
    if (timeoutMs === undefined) return this.budgetOf(route, profile) ?? DEFAULT_TIMEOUT
    return positiveMillis('options.timeoutMs', timeoutMs)
  }

  /** How long work may take by its profile; `undefined` where no profile was asked for. */
  budgetOf(route: string, profile: string | undefined): number | undefined {
    if (profile !== undefined) return this.profiles.named('options.profile', profile).budget.maxDurationMs
    return this.profiles.has(route) ? this.profiles.of(route).budget.maxDurationMs : undefined
  }
}
