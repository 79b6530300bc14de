import { RUNNING } from '../../actor/process.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { castTo } from '../gen-server/calls.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { findProcess, serviceOf } from '../gen-server/ref.ts'
import { GenServerProcess } from '../gen-server/process.ts'
import { runSuffix } from '../gen-server/process-ids.ts'
import { SystemMembers } from '../gen-server/system-members.ts'
import type { GenServerBehavior } from '../gen-server/types.ts'
import type { TimerStorage } from './store.ts'
import type { TimerEntry, TimerServiceRef } from './types.ts'

/** A timer that has not ended. */
interface ServiceTimer {
  readonly id: string
  readonly target: string | GenServerProcess
  readonly message: unknown
  readonly repeat?: number | undefined
  /** The time at which it is due next, in ms: wall time and monotonic time. */
  fireAt: number
  dueMono: number
  attempts: number
  armed: TimerHandle | undefined
  removeExitListener: (() => void) | undefined
  /** The timer that had the id before, while this one is being stored. */
  replaces: ServiceTimer | undefined
  /** True once it could not be stored. */
  isRefused: boolean
}

const services = new SystemMembers<TimerServiceBehavior>((service) => service.halt())

const notForMessages = (message: unknown): InvalidArgumentError =>
  new InvalidArgumentError('ref', 'a GenServerRef: a timer service takes no messages', message)

/** The behaviour of a timer service: each timer is one of the system's clock and, with a store, a record in it. */
export class TimerServiceBehavior implements GenServerBehavior<null> {
  readonly store: TimerStorage | undefined
  readonly #system: System
  readonly #retryMs: number
  readonly #timers = new Map<string, ServiceTimer>()
  readonly #suffix: string
  #count = 0
  #server: GenServerProcess | undefined
  #isHalted = false

  constructor(system: System, retryMs: number, store: TimerStorage | undefined) {
    this.#system = system
    this.#retryMs = retryMs
    this.store = store
    this.#suffix = runSuffix(system)
  }

  readonly init: () => null = () => null

  get id(): string {
    return (this.#server as GenServerProcess).id
  }

  get isRunning(): boolean {
    return !this.#isHalted && this.#server?.status === RUNNING
  }

  attach(server: GenServerProcess): void {
    if (this.#server !== undefined) return
    this.#server = server
    const removeFromSystem = services.add(server.system, this)
    server.whenEnded(() => {
      removeFromSystem()
      if (this.#isHalted) return
      // The process was killed, so nobody waits for the store to close.
      this.halt()
      this.store?.close().catch((error: unknown) => this.#report(error))
    })
  }

  handleCall(message: unknown): never {
    throw notForMessages(message)
  }

  handleCast(message: unknown): null {
    this.#system.report(notForMessages(message), `a cast to the timer service ${this.id}`)
    return null
  }

  terminate(): Promise<void> | undefined {
    this.halt()
    return this.store?.close()
  }

  /** Takes over the timers that are stored. Those that are overdue fire at once, in order. */
  restore(): void {
    for (const timer of this.store?.load() ?? []) this.#begin(timer.id, timer.target, timer)
  }

  /** Cancels all timers; none fires any more. */
  halt(): void {
    if (this.#isHalted) return
    this.#isHalted = true
    for (const timer of this.#timers.values()) this.#disarm(timer)
    this.#timers.clear()
  }

  async schedule(
    target: string | GenServerProcess,
    message: unknown,
    delayMs: number,
    repeat: number | undefined,
    requestedId: string | undefined,
  ): Promise<string> {
    const id = requestedId ?? this.#newId()
    const fireAt = this.#system.clock.now().wallMs + delayMs
    const record = { id, target: target as string, message, fireAt, ...(repeat === undefined ? {} : { repeat }) }
    const before = this.#timers.get(id)
    const timer = this.#begin(id, target, record, delayMs)
    timer.replaces = before
    try {
      await this.store?.put(record)
    } catch (error) {
      // A timer that is not stored does not exist. The last one that had the id and is stored, if there was one, is back.
      timer.isRefused = true
      if (this.#timers.get(id) === timer) {
        this.#end(id)
        let { replaces } = timer
        while (replaces?.isRefused === true) ({ replaces } = replaces)
        if (replaces !== undefined) this.#begin(id, replaces.target, replaces)
      }
      throw error
    }
    timer.replaces = undefined
    return id
  }

  async cancel(id: string): Promise<boolean> {
    if (!this.#end(id)) return false
    await this.store?.remove(id)
    return true
  }

  get(id: string): TimerEntry | undefined {
    const timer = this.#timers.get(id)
    if (timer === undefined) return undefined
    const { target, message, fireAt, repeat, attempts } = timer
    return {
      id,
      target: target instanceof GenServerProcess ? target.ref : target,
      message,
      fireAt,
      ...(repeat === undefined ? {} : { repeat }),
      attempts,
    }
  }

  getAll(): TimerEntry[] {
    return Array.from(this.#timers.keys(), (id) => this.get(id) as TimerEntry)
  }

  #newId(): string {
    let id: string
    do id = `timer_${++this.#count}_${this.#suffix}`
    while (this.#timers.has(id))
    return id
  }

  #begin(
    id: string,
    target: string | GenServerProcess,
    { message, fireAt, repeat }: Pick<ServiceTimer, 'message' | 'fireAt' | 'repeat'>,
    delay?: number,
  ): ServiceTimer {
    this.#end(id)
    const { clock } = this.#system
    // An overdue timer fires at once. It was due in the past, so that a period keeps its cadence.
    const wait = delay ?? fireAt - clock.now().wallMs
    const dueMono = clock.monoMs() + wait
    const timer: ServiceTimer = {
      id,
      target,
      message,
      repeat,
      fireAt,
      dueMono,
      attempts: 0,
      armed: undefined,
      removeExitListener: undefined,
      replaces: undefined,
      isRefused: false,
    }
    // A process that has ended never comes back under its ref, but one may come back under its name.
    if (target instanceof GenServerProcess) timer.removeExitListener = target.whenEnded(() => this.#end(id))
    this.#timers.set(id, timer)
    this.#arm(timer, Math.max(wait, 0))
    return timer
  }

  #arm(timer: ServiceTimer, delay: number): void {
    const label = `timer ${timer.id} of ${this.#server?.id ?? 'a timer service'}`
    timer.armed = this.#system.clock.schedule(delay, () => this.#fire(timer), { label })
  }

  #fire(timer: ServiceTimer): void {
    if (!this.#deliver(timer)) {
      timer.attempts++
      this.#arm(timer, this.#retryMs)
      return
    }
    timer.attempts = 0
    const { id, repeat } = timer
    if (repeat === undefined) {
      this.#end(id)
      this.#reportRejection(this.store?.remove(id))
      return
    }
    // The cadence is kept. Periods that were missed are made up for by one message.
    const now = this.#system.clock.monoMs()
    const steps = Math.max(Math.floor((now - timer.dueMono) / repeat), 0) + 1
    timer.dueMono += steps * repeat
    timer.fireAt += steps * repeat
    this.#arm(timer, Math.max(timer.dueMono - now, 0))
    const { target, message, fireAt } = timer
    this.#reportRejection(this.store?.put({ id, target: target as string, message, fireAt, repeat }))
  }

  /** Casts the message. Returns whether the target took it. */
  #deliver({ target, message }: ServiceTimer): boolean {
    const server = target instanceof GenServerProcess ? target : findProcess(namesOf(this.#system).whereis(target)?.ref)
    return server !== undefined && server.status === RUNNING && castTo(server, message)
  }

  #end(id: string): boolean {
    const timer = this.#timers.get(id)
    if (timer === undefined) return false
    this.#timers.delete(id)
    this.#disarm(timer)
    return true
  }

  #disarm(timer: ServiceTimer): void {
    timer.armed?.cancel()
    timer.removeExitListener?.()
  }

  /** Reports a failed write about a timer that has fired: it has no caller. */
  #reportRejection(stored: Promise<void> | undefined): void {
    stored?.catch((error: unknown) => this.#report(error))
  }

  #report(error: unknown): void {
    this.#system.report(error, `the timer service ${this.id}`)
  }
}

/** Returns the service of a ref. */
export function timersOf(ref: TimerServiceRef): TimerServiceBehavior {
  const server = serviceOf(TimerServiceBehavior, 'a TimerService', ref)
  server.behavior.attach(server)
  return server.behavior
}

/**
 * Returns the service of a ref that takes timers.
 *
 * @throws ServerNotRunningError when it does not run.
 */
export function runningTimersOf(ref: TimerServiceRef): TimerServiceBehavior {
  const timers = timersOf(ref)
  if (!timers.isRunning) throw new ServerNotRunningError(timers.id, { kind: 'TimerService' })
  return timers
}
