/** Runs random programs of processes: what must hold while they run, and when all is over. */
import { type ControlledClock, createControlledClock } from 'keelson/clock'
import {
  createRootSupervisor,
  isProcessError,
  isTimeoutError,
  type ProcessRef,
  type ProcessSpec,
  type RootSupervisor,
  type Tools,
} from 'keelson/process'
import { createSystem, type System } from 'keelson/system'

import type { Reach } from '../../support/programs.ts'
import type { Op, Program, UnitPlan } from './program.ts'

interface Message {
  readonly n: number
  readonly kind: 'note' | 'crash' | 'child'
  readonly ms: number
  readonly reply?: (value: number) => void
  readonly how?: Op['reply']
  readonly plan?: UnitPlan
}

interface Unit {
  readonly name: string
  readonly plan: UnitPlan
  ref: ProcessRef | undefined
  /** Handled, in order. */
  readonly handled: number[]
  /** The time at which the handler of a message began. */
  readonly begunAt: Map<number, number>
  /** The messages that the only sender sent and the process took. */
  readonly sent: number[]
  inits: number
  begun: number
  stops: number
  crashes: number[]
  inHandler: boolean
  wasStopped: boolean
  lostSome: boolean
}

interface Ask {
  readonly n: number
  readonly unit: Unit
  state: 'open' | 'answered' | 'timeout' | 'ended'
  at: number
}

export class UnitsRun {
  readonly problems: string[] = []
  readonly #clock: ControlledClock = createControlledClock()
  readonly #system: System
  readonly #reach: Reach
  readonly #units: Unit[] = []
  readonly #asks: Ask[] = []
  readonly #open: Set<string> = new Set()
  readonly #supervisor: RootSupervisor
  #sent = 0
  #isOver = false

  constructor(reach: Reach) {
    this.#reach = reach
    this.#system = createSystem({
      clock: this.#clock,
      seed: 7,
      crashReports: false,
      onError: (_, origin) => void this.#failures.push(origin),
    })
    this.#supervisor = createRootSupervisor({ system: this.#system, emit: (event) => this.#told(event as never) })
  }

  readonly #failures: string[] = []

  #told(event: { type: string; id?: string }): void {
    if (event.type !== 'process:msg:dropped' && event.type !== 'process:schedule:dropped') return
    const unit = this.#units.find(({ ref }) => ref?.id === event.id)
    if (unit !== undefined) unit.lostSome = true
  }

  async run({ first, ops }: Program): Promise<void> {
    this.#reach.program(ops.map(({ kind }) => kind))
    this.#spawn(first)
    for (const each of ops) await this.#apply(each)
    await this.#rest()
    this.#checkAtRest()
    this.#isOver = true
    void this.#watch('the stop of all', this.#supervisor.stop())
    await this.#rest()
    this.#checkAtEnd()
    await this.#system.close()
  }

  /** Lets everything that waits for time come to its end, however much of it was queued. */
  async #rest(): Promise<void> {
    for (let round = 0; round < 4 || (round < 2000 && this.#clock.getPendingTimerCount() > 0); round++) {
      await this.#clock.advance(50)
    }
  }

  #watch(what: string, promise: Promise<unknown>): Promise<void> {
    const name = `${what} (${this.#open.size})`
    this.#open.add(name)
    return promise.then(
      () => void this.#open.delete(name),
      (error: unknown) => {
        this.#open.delete(name)
        this.problems.push(`${what} rejects: ${String(error)}`)
      },
    )
  }

  #unit(plan: UnitPlan): Unit {
    const unit: Unit = {
      name: `p${this.#units.length}`,
      plan,
      ref: undefined,
      handled: [],
      begunAt: new Map(),
      sent: [],
      inits: 0,
      begun: 0,
      stops: 0,
      crashes: [],
      inHandler: false,
      wasStopped: false,
      lostSome: false,
    }
    this.#units.push(unit)
    return unit
  }

  #spawn(plan: UnitPlan): void {
    const unit = this.#unit(plan)
    unit.ref = this.#supervisor.spawn(this.#spec(unit), {})
  }

  #spec(unit: Unit): ProcessSpec<Message, number> {
    const { plan } = unit
    const { initMs, initFails, onStopMs, restarts, backoffMs, maxInbox, dropOldest, callerContext } = plan
    const count = restarts === 'few' ? 2 : 1000
    return {
      name: unit.name,
      maxInbox,
      context: callerContext ? 'caller' : 'process',
      mailboxPolicy: dropOldest ? 'drop-oldest' : 'reject',
      supervision:
        restarts === 'none'
          ? { type: 'none' }
          : {
              type: 'one-for-one',
              maxRestarts: { count, within: 100_000 as never },
              backoff: { initial: backoffMs as never, max: backoffMs as never, factor: 1 },
            },
      init: () => {
        const run = ++unit.inits
        const made = (): number => {
          if (run <= initFails) {
            unit.crashes.push(this.#clock.monoMs())
            throw new Error('init fails')
          }
          unit.begun++
          return 0
        }
        return initMs === 0 ? made() : this.#clock.sleep(initMs).then(made)
      },
      handle: (state, message, tools) => this.#handle(unit, state, message, tools),
      onStop: () => {
        unit.stops++
        if (plan.onStopThrows) throw new Error('onStop fails')
        return onStopMs > 0 ? this.#clock.sleep(onStopMs) : undefined
      },
    }
  }

  #handle(unit: Unit, state: number, message: Message, tools: Tools<Message>): number | Promise<number> {
    if (unit.inHandler) this.problems.push(`${unit.name} handles two messages at once`)
    unit.inHandler = true
    unit.handled.push(message.n)
    unit.begunAt.set(message.n, this.#clock.monoMs())
    const ask = this.#asks.find(({ n }) => n === message.n)
    if (ask !== undefined && ask.state !== 'open') this.problems.push(`an ask that is ${ask.state} is begun`)
    const { reply, how } = message
    if (how === 'now' || how === 'twice') reply?.(Math.abs(message.n))
    if (how === 'later')
      tools.schedule(7 as never, { n: -message.n, kind: 'note', ms: 0, ...(reply && { reply, how: 'now' }) })
    if (message.kind === 'child' && message.plan !== undefined) {
      const child = this.#unit(message.plan)
      child.ref = tools.spawn(this.#spec(child), {})
    }
    const end = (): number => {
      unit.inHandler = false
      if (message.kind === 'crash') {
        unit.crashes.push(this.#clock.monoMs())
        throw new Error('crash')
      }
      if (how === 'end') reply?.(message.n)
      if (how === 'twice') reply?.(-1)
      return state + 1
    }
    if (message.ms === 0) return end()
    return this.#clock.sleep(message.ms).then(end)
  }

  #pick(at: number): Unit {
    return this.#units[at % this.#units.length] as Unit
  }

  async #apply({ kind, at, n, reply, timeout, ms, plan }: Op): Promise<void> {
    const unit = this.#pick(at)
    if (kind !== 'wait' && kind !== 'tick' && kind !== 'spawn') this.#reach.fault(`${kind} while ${unit.ref?.status()}`)
    switch (kind) {
      case 'spawn':
        this.#spawn(plan)
        return
      case 'wait':
        await this.#clock.advance(n * 2)
        return
      case 'tick':
        for (let turn = 0; turn < n; turn++) await undefined
        return
      case 'burst':
        for (let index = 0; index <= n; index++) this.#ask(unit, reply, timeout, ms)
        return
      case 'ask':
        this.#ask(unit, reply, timeout, ms)
        return
      case 'stop':
        unit.wasStopped = true
        void this.#watch(`a stop of ${unit.name}`, unit.ref?.stop() ?? Promise.resolve())
        return
      case 'later':
        this.#tell(unit, { kind: 'note', ms: 0, how: 'later' })
        return
      case 'child':
        this.#tell(unit, { kind: 'child', ms, plan })
        return
      case 'crash':
        this.#tell(unit, { kind: 'crash', ms })
        return
      case 'slow':
        this.#tell(unit, { kind: 'note', ms: ms + 10 })
        return
      default:
        this.#tell(unit, { kind: 'note', ms })
    }
  }

  #tell(unit: Unit, message: Omit<Message, 'n'>): void {
    const n = ++this.#sent
    if (unit.ref?.send({ n, ...message }) === true) unit.sent.push(n)
  }

  #ask(unit: Unit, how: Op['reply'], timeout: number, ms: number): void {
    const n = ++this.#sent
    const ask: Ask = { n, unit, state: 'open', at: 0 }
    this.#asks.push(ask)
    const settle = (state: Ask['state']): void => {
      if (ask.state !== 'open') this.problems.push('an ask settles twice')
      ask.state = state
      ask.at = this.#clock.monoMs()
      this.#reach.fault(`ask ${state}`)
    }
    unit.ref
      ?.ask<number>((reply) => ({ n, kind: 'note', ms, reply, how }), timeout as never)
      .then(
        (value) => {
          settle('answered')
          if (value !== n) this.problems.push(`an ask has the answer of another: ${value}, not ${n}`)
        },
        (error: unknown) => {
          if (!isTimeoutError(error) && !isProcessError(error)) this.problems.push(`an ask fails with ${String(error)}`)
          settle(isTimeoutError(error) ? 'timeout' : 'ended')
        },
      )
  }

  #checkAtRest(): void {
    const waits = [...this.#open].filter((name) => !name.startsWith('the stop of all'))
    if (waits.length > 0) this.problems.push(`never resolves: ${waits.join(', ')}`)
    for (const unit of this.#units) {
      const { name, handled, sent, plan, ref } = unit
      const own = handled.filter((n) => n > 0)
      if (own.some((n, index) => index > 0 && n <= (own[index - 1] as number))) {
        this.problems.push(`${name} handles out of order, or twice: ${own.join()}`)
      }
      const status = ref?.status()
      const few = plan.restarts === 'none' ? 0 : plan.restarts === 'few' ? 2 : 1000
      if (status === 'failed' && unit.crashes.length <= few) this.problems.push(`${name} has failed within its budget`)
      if (unit.inits - 1 > few) this.problems.push(`${name} was restarted beyond its budget`)
      if (status === 'starting' || status === 'stopping') this.problems.push(`${name} is ${status} for ever`)
      if (status === 'running' && !unit.lostSome && sent.some((n) => !handled.includes(n))) {
        this.problems.push(`${name} runs, and has lost a message`)
      }
      if (unit.stops > unit.begun) this.problems.push(`${name} was cleaned up more often than it was begun`)
    }
    for (const { state, unit } of this.#asks) {
      const status = unit.ref?.status()
      if (state === 'open' && status !== 'running')
        this.problems.push(`an ask of ${unit.name}, which is ${status}, is open`)
    }
  }

  #checkAtEnd(): void {
    if (!this.#isOver) return
    if (this.#open.size > 0) this.problems.push(`never resolves: ${[...this.#open].join(', ')}`)
    if (this.#supervisor.children().length > 0) this.problems.push('the supervisor has children left')
    for (const { name, ref, stops, begun, inHandler } of this.#units) {
      const status = ref?.status()
      if (status !== 'stopped' && status !== 'failed') this.problems.push(`${name} is ${status} at the end`)
      if (stops !== begun) this.problems.push(`${name} was begun ${begun} times, and cleaned up ${stops} times`)
      if (inHandler) this.problems.push(`a handler of ${name} has not ended`)
    }
    for (const { state, n } of this.#asks) if (state === 'open') this.problems.push(`the ask ${n} never settles`)
    if (this.#clock.getPendingTimerCount() > 0) this.problems.push('a timer is left')
    if (this.#failures.length > 0) this.problems.push(`reported, though somebody listens: ${this.#failures.join(', ')}`)
  }
}
