import { RUNNING } from '../../actor/process.ts'
import type { TimerHandle } from '../../clock/types.ts'
import { InvalidArgumentError } from '../../errors/errors.ts'
import type { System } from '../../system/system.ts'
import { castTo } from '../gen-server/calls.ts'
import { ServerNotRunningError } from '../../actor/errors.ts'
import { namesOf } from '../gen-server/names.ts'
import { serverIn, serviceOf } from '../gen-server/ref.ts'
import { Server } from '../gen-server/process.ts'
import type { GenServerBehavior } from '../gen-server/types.ts'
import type { TimerStore } from './store.ts'
import type { TimerEntry, TimerServiceRef } from './types.ts'

/** One timer that has not ended. */
interface Timer {
  readonly id: string
  readonly target: string | Server
  readonly message: unknown
  readonly repeat?: number | undefined
  /** When it is due next, on both tracks of time. */
  fireAt: number
  dueMono: number
  attempts: number
  armed: TimerHandle | undefined
  forget: (() => void) | undefined
}

/** The services of a system that have not ended. */
const services = new WeakMap<System, Set<Timers>>()

function enlist(system: System, timers: Timers): Set<Timers> {
  let all = services.get(system)
  if (all === undefined) {
    const own = (all = new Set())
    services.set(system, own)
    system.own({
      close: () => {
        // What they have stored stays, and is closed by the system.
        for (const open of own) open.halt()
      },
    })
  }
  all.add(timers)
  return all
}

const foreign = (message: unknown): InvalidArgumentError =>
  new InvalidArgumentError('ref', 'a GenServerRef: a timer service takes no messages', message)

/** The timers of one service: each a timer of the system's clock, and, if there is a store, a record. */
export class Timers implements GenServerBehavior<null> {
  readonly store: TimerStore | undefined
  readonly #system: System
  readonly #retryMs: number
  readonly #timers = new Map<string, Timer>()
  readonly #suffix: string
  #made = 0
  #server: Server | undefined
  #isHalted = false

  constructor(system: System, retryMs: number, store: TimerStore | undefined) {
    this.#system = system
    this.#retryMs = retryMs
    this.store = store
    this.#suffix = Math.floor(system.clock.now().wallMs).toString(36)
  }

  readonly init: () => null = () => null

  get id(): string {
    return (this.#server as Server).id
  }

  get isRunning(): boolean {
    return !this.#isHalted && this.#server?.status === RUNNING
  }

  attach(server: Server): void {
    if (this.#server !== undefined) return
    this.#server = server
    const all = enlist(server.system, this)
    server.whenEnded(() => {
      all.delete(this)
      if (this.#isHalted) return
      // Killed: nobody waits for the store.
      this.halt()
      this.store?.close().catch((error: unknown) => this.#report(error))
    })
  }

  handleCall(message: unknown): never {
    throw foreign(message)
  }

  handleCast(message: unknown): null {
    this.#system.report(foreign(message), `a cast to the timer service ${this.id}`)
    return null
  }

  terminate(): Promise<void> | undefined {
    this.halt()
    return this.store?.close()
  }

  /** Takes over what was stored: what is overdue fires at once, in order. */
  restore(): void {
    for (const timer of this.store?.load() ?? []) this.#begin(timer.id, timer.target, timer)
  }

  /** Fires nothing more. */
  halt(): void {
    if (this.#isHalted) return
    this.#isHalted = true
    for (const timer of this.#timers.values()) this.#disarm(timer)
    this.#timers.clear()
  }

  async schedule(
    target: string | Server,
    message: unknown,
    delayMs: number,
    repeat: number | undefined,
    given: string | undefined,
  ): Promise<string> {
    const id = given ?? this.#newId()
    const fireAt = this.#system.clock.now().wallMs + delayMs
    const record = { id, target: target as string, message, fireAt, ...(repeat === undefined ? {} : { repeat }) }
    const before = this.#timers.get(id)
    const timer = this.#begin(id, target, record, delayMs)
    try {
      await this.store?.put(record)
    } catch (error) {
      // It is not stored, so it is not: the timer that had the id, if there was one, is again.
      if (this.#timers.get(id) === timer) {
        this.#end(id)
        if (before !== undefined) this.#begin(id, before.target, before)
      }
      throw error
    }
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
      target: target instanceof Server ? target.ref : target,
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
    do id = `timer_${++this.#made}_${this.#suffix}`
    while (this.#timers.has(id))
    return id
  }

  #begin(
    id: string,
    target: string | Server,
    { message, fireAt, repeat }: Pick<Timer, 'message' | 'fireAt' | 'repeat'>,
    delay?: number,
  ): Timer {
    this.#end(id)
    const { clock } = this.#system
    const wait = delay ?? Math.max(fireAt - clock.now().wallMs, 0)
    const dueMono = clock.monoMs() + wait
    const timer: Timer = {
      id,
      target,
      message,
      repeat,
      fireAt,
      dueMono,
      attempts: 0,
      armed: undefined,
      forget: undefined,
    }
    // A process that has ended will not come back under its ref; a name may.
    if (target instanceof Server) timer.forget = target.whenEnded(() => this.#end(id))
    this.#timers.set(id, timer)
    this.#arm(timer, wait)
    return timer
  }

  #arm(timer: Timer, delay: number): void {
    const label = `timer ${timer.id} of ${this.#server?.id ?? 'a timer service'}`
    timer.armed = this.#system.clock.schedule(delay, () => this.#fire(timer), { label })
  }

  #fire(timer: Timer): void {
    if (!this.#deliver(timer)) {
      timer.attempts++
      this.#arm(timer, this.#retryMs)
      return
    }
    timer.attempts = 0
    const { id, repeat } = timer
    if (repeat === undefined) {
      this.#end(id)
      this.#follow(this.store?.remove(id))
      return
    }
    // The cadence is kept; what was missed is made up for by one message.
    const now = this.#system.clock.monoMs()
    const steps = Math.max(Math.floor((now - timer.dueMono) / repeat), 0) + 1
    timer.dueMono += steps * repeat
    timer.fireAt += steps * repeat
    this.#arm(timer, Math.max(timer.dueMono - now, 0))
    const { target, message, fireAt } = timer
    this.#follow(this.store?.put({ id, target: target as string, message, fireAt, repeat }))
  }

  /** Whether its target took the message. */
  #deliver({ target, message }: Timer): boolean {
    const server = target instanceof Server ? target : serverIn(namesOf(this.#system).whereis(target)?.ref)
    return server !== undefined && server.status === RUNNING && castTo(server, message)
  }

  #end(id: string): boolean {
    const timer = this.#timers.get(id)
    if (timer === undefined) return false
    this.#timers.delete(id)
    this.#disarm(timer)
    return true
  }

  #disarm(timer: Timer): void {
    timer.armed?.cancel()
    timer.forget?.()
  }

  /** What is stored of a timer that has fired, nobody waits for. */
  #follow(stored: Promise<void> | undefined): void {
    stored?.catch((error: unknown) => this.#report(error))
  }

  #report(error: unknown): void {
    this.#system.report(error, `the timer service ${this.id}`)
  }
}

/** The timers of a ref. */
export function timersOf(ref: TimerServiceRef): Timers {
  const server = serviceOf(Timers, 'a TimerService', ref)
  server.behavior.attach(server)
  return server.behavior
}

/** The same, of a service that takes timers. */
export function runningTimersOf(ref: TimerServiceRef): Timers {
  const timers = timersOf(ref)
  if (!timers.isRunning) throw new ServerNotRunningError(timers.id, { kind: 'TimerService' })
  return timers
}
